"""Rows out in every format and in again by our own import: the role fields are the same, whatever the text holds."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from studio.corpus.importing import Choices, Source, import_files
from studio.corpus.preview import preview
from studio.corpus.roles import Roles
from studio.corpus.schema import EXAMPLES, ROLE_FIELDS, write_snapshot
from studio.corpus.writing import FORMATS, ExportPlan, by_name, files, rows, template

# Everything a text may hold but half characters and NUL, which an import refuses; formulas and quotes more often.
_letters = st.one_of(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    st.sampled_from("\"'=+-@,;\t\r\n\\{}<>#中，。 "),
)
_text = st.text(_letters, min_size=1, max_size=30).filter(str.strip)
_word = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=8).filter(
    lambda w: w.split() == [w]
)
_label = st.sampled_from(["yes", "no", "a b", "=x", "中文"])


def _json(value) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _sentence(words: list[str]):
    return st.lists(st.sampled_from(["O", "B-PER", "B-LOC"]), min_size=len(words), max_size=len(words)).map(
        lambda tags: {"tokens": words, "tags": tags}
    )


_message = st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "system"]), "content": _text})
_pair = st.fixed_dictionaries({"prompt": _text, "completion": _text})
# Task -> rows as an import takes them (one JSON object per line), and their roles.
TASKS: dict[str, tuple[st.SearchStrategy, Roles]] = {
    "classification": (st.fixed_dictionaries({"text": _text, "label": _label}), Roles("text", "label")),
    "classification_multi": (
        st.fixed_dictionaries({"text": _text, "labels": st.lists(_label, unique=True)}),
        Roles("text", task="classification_multi", labels=("labels",)),
    ),
    "token_classification": (
        st.lists(_word, min_size=1, max_size=6).flatmap(_sentence),
        Roles(task="token_classification", tokens="tokens", tags="tags"),
    ),
    "seq2seq": (_pair, Roles(task="seq2seq", prompt="prompt", completion="completion")),
    "prompt_completion": (_pair, Roles(task="prompt_completion", prompt="prompt", completion="completion")),
    "instruction": (
        st.fixed_dictionaries({"prompt": _text, "context": _text, "completion": _text}),
        Roles(task="instruction", prompt="prompt", context="context", completion="completion"),
    ),
    "generative_qa": (
        st.fixed_dictionaries({"prompt": _text, "context": _text, "completion": _text}),
        Roles(task="generative_qa", prompt="prompt", context="context", completion="completion"),
    ),
    "chat": (
        st.fixed_dictionaries({"messages": st.lists(_message, min_size=1, max_size=4)}),
        Roles(task="chat", messages="messages", form="conversational"),
    ),
    "preference": (
        st.fixed_dictionaries({"prompt": _text, "chosen": _text, "rejected": _text}),
        Roles(task="preference", prompt="prompt", chosen="chosen", rejected="rejected"),
    ),
    "judged": (  # a preference corpus of single answers: prompt, completion, true or false
        st.fixed_dictionaries({"prompt": _text, "completion": _text, "label": st.booleans()}),
        Roles(task="preference", prompt="prompt", chosen="completion", label="label"),
    ),
    "masked_lm": (st.fixed_dictionaries({"text": _text}), Roles("text", task="masked_lm")),
}
_own = {name: name for name in ("prompt", "completion", "context", "rejected", "messages", "tokens", "tags", "text")}
_messages = {"form": "conversational", "task": "chat"}
# How the file of a trainer's format is read again, and which role fields it can bring back.
BACK: dict[str, tuple[Roles, tuple[str, ...]]] = {
    "alpaca": (Roles(task="instruction", prompt="instruction", context="input", completion="output"),
               ("prompt", "context", "completion")),
    "llama_factory": (Roles(task="instruction", prompt="instruction", context="input", completion="output"),
                      ("prompt", "context", "completion")),
    "prompt_completion": (Roles(task="prompt_completion", prompt="prompt", completion="completion"),
                          ("prompt", "completion")),
    "seq2seq_tsv": (Roles(task="seq2seq", prompt="prompt", completion="completion"), ("prompt", "completion")),
    "messages": (Roles(messages="messages", **_messages), ("messages",)),
    "sharegpt": (Roles(messages="conversations", **_messages), ("messages",)),
    "conll": (Roles(task="token_classification", tokens="tokens", tags="tags"), ("tokens", "tags")),
}  # fmt: skip
# Each example is two imports; several rows in it try as many texts as several examples would.
_fast = settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.generate],
)


def _import(path: Path, roles: Roles, folder: Path, choices: Choices | None = None) -> Path:
    result = import_files([Source(path, path.name, None, choices or Choices(encoding="utf-8"))], roles, folder,
                          rejects_path=folder / "rejects", language="en")  # fmt: skip
    return folder / result.snapshot_id


def _first(given: list[dict], roles: Roles, folder: Path) -> Path:
    """The rows as a snapshot, through the import."""
    source = folder / "given.jsonl"
    source.write_text("\n".join(json.dumps(row) for row in given) + "\n")
    return _import(source, roles, folder)


def _read(snapshot: Path) -> list[dict]:
    table = pq.read_table(snapshot / EXAMPLES, columns=list(ROLE_FIELDS)).to_pylist()
    return [{name: value for name, value in row.items() if value is not None} for row in table]


def _write(snapshot: Path, form_name: str, folder: Path, **plan) -> Path:
    manifest = json.loads((snapshot / "manifest.json").read_text())
    source = rows.Source(snapshot / EXAMPLES, manifest)
    form = by_name(form_name)
    asked = ExportPlan(form_name, words=template.default_words("en"), **plan).check(
        source.task, rows.available(manifest)
    )
    options = asked.options(source.task, ("yes", "no"), "en", rows.usual_columns(source))
    plain = files.structured_as_text(rows.rows(source), options.columns)
    folder.mkdir()
    files.write_data(rows.rows(source), folder, form, options, plain=plain, strict=True)
    return folder / f"data{form.extension}"


def _table_roles(task: str) -> Roles:
    """A table's columns are named after the role fields; of a preference pair, `completion` is the chosen one."""
    roles = TASKS[task][1]
    return Roles(task="preference", prompt="prompt", chosen="completion", rejected="rejected") \
        if task == "preference" else roles  # fmt: skip


_HEADED = {"csv": Choices(kind="csv", delimiter=",", header=True, encoding="utf-8"),
           "csv_sheet": Choices(kind="csv", delimiter=",", header=True, encoding="utf-8"),
           "seq2seq_tsv": Choices(kind="tsv", delimiter="\t", header=True, encoding="utf-8"),
           "conll": Choices(kind="conll", encoding="utf-8")}  # fmt: skip


@pytest.mark.parametrize("task", list(TASKS))
@pytest.mark.parametrize("form", ["jsonl", "parquet", "csv", "csv_sheet"])
def test_a_table_comes_back_as_it_was(task, form):
    strategy, roles = TASKS[task]

    @_fast
    @given(st.lists(strategy, min_size=1, max_size=12))
    def check(given_rows):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            first = _first(given_rows, roles, folder)
            path = _write(first, form, folder / "out")
            again = _import(path, _table_roles(task), folder, _HEADED.get(form))
            assert _read(again) == _read(first)

    check()


_SHAPED = [(task, form.name) for form in FORMATS for task in form.tasks if form.name in BACK and task in TASKS]


@pytest.mark.parametrize(("task", "form"), [one for one in _SHAPED if one[0] not in ("chat", "preference")])
def test_a_trainers_format_comes_back_as_it_was(task, form):
    strategy, roles = TASKS[task]
    back, fields = BACK[form]

    @_fast
    @given(st.lists(strategy, min_size=1, max_size=12))
    def check(given_rows):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            first = _first(given_rows, roles, folder)
            path = _write(first, form, folder / "out")
            again = _read(_import(path, back, folder, _HEADED.get(form)))
            assert [_only(row, fields) for row in again] == [_expected(row, fields, task) for row in _read(first)]

    check()


def _only(row: dict, fields: tuple[str, ...]) -> dict:
    return {name: row[name] for name in fields if name in row}


def _expected(row: dict, fields: tuple[str, ...], task: str) -> dict:
    """What the format promises: fields it has one by one, the others joined as its list of losses says."""
    context, prompt = row.get("context"), row.get("prompt")
    joined = "\n\n".join(part for part in ((context, prompt) if task == "generative_qa" else (prompt, context)) if part)
    if fields == ("messages",):
        return {"messages": _json([{"content": joined, "role": "user"},
                                   {"content": row["completion"], "role": "assistant"}])}  # fmt: skip
    if "context" in fields or "prompt" not in fields:
        return _only(row, fields)
    return {"prompt": joined, "completion": row["completion"]}


@pytest.mark.parametrize("form", ["messages", "sharegpt"])
@_fast
@given(given_rows=st.lists(TASKS["chat"][0], min_size=1, max_size=5))
def test_conversations_come_back_as_they_were(form, given_rows):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        first = _first(given_rows, TASKS["chat"][1], folder)
        again = _import(_write(first, form, folder / "out"), BACK[form][0], folder)
        assert _read(again) == _read(first)


@_fast
@given(given_rows=st.lists(TASKS["preference"][0], min_size=1, max_size=5))
def test_pairs_of_answers_come_back_as_they_were(given_rows):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        first = _first(given_rows, TASKS["preference"][1], folder)
        again = _import(_write(first, "prompt_completion", folder / "out"), TASKS["preference"][1], folder)
        assert _read(again) == _read(first)


@st.composite
def _squad_records(draw):
    context = draw(_text)
    start = draw(st.integers(0, len(context) - 1))
    end = draw(st.integers(start + 1, len(context)))
    has_answer = draw(st.booleans()) and bool(context[start:end].strip())
    answers = [{"text": context[start:end], "answer_start": start}] if has_answer else []
    return {"id": draw(st.text("abc01", min_size=1, max_size=5)), "title": draw(st.sampled_from(["A", "中"])),
            "context": context, "question": draw(_text), "answers": answers,
            "is_impossible": not answers}  # fmt: skip


@_fast
@given(given_rows=st.lists(_squad_records(), min_size=1, max_size=12))
def test_squad_comes_back_with_the_place_of_every_answer(given_rows):
    roles = Roles(task="generative_qa", prompt="question", completion="answers", context="context")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        first = _first(given_rows, roles, folder)
        path = _write(first, "squad", folder / "out")
        written = [(topic["title"], passage["context"], question) for topic in json.loads(path.read_text())["data"]
                   for passage in topic["paragraphs"] for question in passage["qas"]]  # fmt: skip
        assert [{"title": title, "context": context, **question} for title, context, question in written] == given_rows
        again = _import(path, roles, folder)
        assert _read(again) == _read(first)


@pytest.mark.parametrize(
    ("form", "task"),
    [("alpaca", "instruction"), ("sharegpt", "chat"), ("messages", "chat"), ("prompt_completion", "prompt_completion"),
     ("seq2seq_tsv", "prompt_completion"), ("squad", "generative_qa"), ("conll", "token_classification"),
     ("csv_sheet", "classification")],
)  # fmt: skip
def test_our_own_look_knows_what_we_wrote(form, task, tmp_path):
    words = "the quick brown fox jumps over the lazy dog and goes home again".split()
    rows_of = {
        "chat": [{"text": "x", "messages": _json([{"role": "user", "content": f"Hi {i}, how are you?"},
                                                  {"role": "assistant", "content": f"Well, {i} thanks."}])}
                 for i in range(60)],
        "token_classification": [{"text": " ".join(words), "tokens": _json(words), "tags": _json(["O"] * 12 + ["B-X"])}
                                 for i in range(60)],
        "generative_qa": [{"text": "x", "prompt": f"What did fox {i} do?", "completion": f"fox {i} jumped",
                           "context": f"On day {i} the fox {i} jumped over it."} for i in range(60)],
        "classification": [{"text": f"=a formula {i} of some length here", "label": ("yes", "no")[i % 2]}
                           for i in range(60)],
    }  # fmt: skip
    asks = [{"text": "x", "prompt": f"Say number {i} in words, please", "completion": f"This is number {i}, in words"}
            for i in range(60)]  # fmt: skip
    stored = {"prompt_completion": "seq2seq", "instruction": "instruction"}.get(task, task)
    manifest = write_snapshot(rows_of.get(task, asks), tmp_path, task=stored)
    path = _write(tmp_path / manifest["snapshot_id"], form, tmp_path / "out")
    seen = preview(Source(path, path.name))
    assert seen.guess.task == task, seen.guess
    if form == "csv_sheet":
        assert [key for key, _ in seen.problems] == ["apostrophes"]
        assert seen.rows[0]["text"].startswith("=a formula")
