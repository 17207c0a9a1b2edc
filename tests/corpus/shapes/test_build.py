"""Role fields, worked out by hand: spellings of labels, tags, conversations, answers, and every reason to reject."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.corpus.roles import Roles
from studio.corpus.rows import REASONS, Rows
from studio.corpus.schema import row_hash
from studio.corpus.shapes import tags as tag_rules
from studio.corpus.shapes.build import build, text_of
from studio.corpus.shapes.guess import Guess, fit, guess, roles_for, tidy
from studio.records import TASK_TYPES

TASKS = [task.name for task in TASK_TYPES]


def _made(values, roles):
    row, reason = Rows(roles, max_text_characters=1_000).make(values)
    return reason or row


@pytest.mark.parametrize(
    ("value", "separator", "labels"),
    [
        (["b", "a", "b"], "", ["a", "b"]), ('["b", "a"]', "", ["a", "b"]), ("['b', 'a']", "", ["a", "b"]),
        ("b, a", ",", ["a", "b"]), ("a;b", ";", ["a", "b"]), ("a|b", "|", ["a", "b"]), ("4,27", ",", ["27", "4"]),
        ([4, 27], "", ["27", "4"]), ({"a": 1, "b": 0}, "", ["a"]), ("a", "", ["a"]), ([], "", []), ("", ",", None),
        (None, "", None), ([{"label": "a"}], "", ["a"]),
    ],
)  # fmt: skip
def test_labels_in_any_spelling(value, separator, labels):
    roles = Roles("t", task="classification_multi", labels=("l",), separator=separator)
    row = _made({"t": "text", "l": value}, roles)
    assert (json.loads(row["labels"]) if "labels" in row else None) == labels


def test_label_numbers_get_their_names_and_unknown_ones_are_rejected():
    several = Roles("t", task="classification_multi", labels=("l",), separator=",", label_names=("joy", "anger"))
    assert json.loads(_made({"t": "x", "l": "1,0"}, several)["labels"]) == ["anger", "joy"]
    assert _made({"t": "x", "l": "2"}, several) == "unknown_label"
    one = Roles("t", "l", label_names=("joy", "anger"))
    assert _made({"t": "x", "l": 1}, one)["label"] == "anger"
    assert _made({"t": "x", "l": "joy"}, one)["label"] == "joy"
    assert _made({"t": "x", "l": "7"}, one) == "unknown_label"


def test_flags_of_zero_are_an_answer_and_empty_ones_are_none():
    roles = Roles("t", task="classification_multi", labels=("a", "b"))
    assert json.loads(_made({"t": "x", "a": "0", "b": 0}, roles)["labels"]) == []
    assert "labels" not in _made({"t": "x", "a": "", "b": None}, roles)
    assert _made({"t": "x", "a": "maybe", "b": 1}, roles) == "broken_labels"


@pytest.mark.parametrize(
    ("tags", "scheme", "illegal", "spans"),
    [
        ("B-P I-P O B-L", "BIO", 0, [(0, 2, "P"), (3, 4, "L")]),
        ("O I-P I-P O", "BIO", 1, [(1, 3, "P")]),
        ("O I-P I-P O", "IOB1", 0, [(1, 3, "P")]),
        ("I-P B-P O", "IOB1", 0, [(0, 1, "P"), (1, 2, "P")]),
        ("B-P O", "IOB1", 1, [(0, 1, "P")]),
        ("B-P I-L", "BIO", 1, [(0, 1, "P"), (1, 2, "L")]),
        ("S-P B-L I-L E-L", "BIOES", 0, [(0, 1, "P"), (1, 4, "L")]),
        ("B-P O E-L", "BIOES", 2, [(0, 1, "P"), (2, 3, "L")]),
        ("U-P B-L L-L", "BIOES", 0, [(0, 1, "P"), (1, 3, "L")]),
    ],
)
def test_tags_become_spans_and_illegal_ones_are_counted(tags, scheme, illegal, spans):
    listed = tags.split()
    places = [(i, i + 1) for i in range(len(listed))]
    assert tag_rules.n_illegal(listed, scheme) == illegal
    found = tag_rules.spans_of_tags(listed, places)
    assert [(span["start"], span["end"], span["label"]) for span in found] == spans


def test_tokens_with_chinese_and_emoji_count_code_points():
    roles = Roles(task="token_classification", tokens="w", tags="g", scheme="BIO")
    row = _made({"w": ["😀", "张三", "在", "Paris", "。"], "g": ["O", "B-P", "O", "B-L", "O"]}, roles)
    assert row["text"] == "😀张三在Paris。"
    assert [row["text"][s["start"] : s["end"]] for s in json.loads(row["spans"])] == ["张三", "Paris"]
    kept = _made({"w": ["do", "n't"], "g": ["O", "B-X"], "s": "don't"}, Roles(text="s", task="token_classification",
                                                                             tokens="w", tags="g"))  # fmt: skip
    assert (kept["text"], json.loads(kept["spans"])) == ("don't", [{"start": 2, "end": 5, "label": "X"}])


@pytest.mark.parametrize(
    ("values", "roles", "reason"),
    [
        ({"w": ["a", "b"], "g": ["O"]}, Roles(task="token_classification", tokens="w", tags="g"), "unequal_tags"),
        ({"w": [], "g": []}, Roles(task="token_classification", tokens="w", tags="g"), "no_tokens"),
        ({"t": "ab", "s": [{"start": 0, "end": 3, "label": "x"}]},
         Roles("t", task="token_classification", spans="s"), "span_outside"),
        ({"t": "ab", "s": [[1, 1, "x"]]}, Roles("t", task="token_classification", spans="s"), "span_outside"),
        ({"t": "ab", "s": [[0, 1, "x"], [1]]}, Roles("t", task="token_classification", spans="s"), "broken_span"),
        ({"t": "ab", "s": [{"start": 0, "end": 1, "label": "x", "text": "b"}]},
         Roles("t", task="token_classification", spans="s"), "span_differs"),
        ({"m": "hello"}, Roles(task="chat", messages="m"), "not_a_conversation"),
        ({"m": [{"role": "pirate", "content": "arr"}]}, Roles(task="chat", messages="m"), "broken_message"),
        ({"m": [{"role": "user", "content": " "}]}, Roles(task="chat", messages="m"), "empty_conversation"),
        ({"p": " ", "c": "x"}, Roles(task="prompt_completion", prompt="p", completion="c"), "no_prompt"),
        ({"c": None, "r": "x"}, Roles(task="preference", chosen="c", rejected="r"), "no_answer"),
        ({"p": "x" * 1_001}, Roles(task="prompt_completion", prompt="p"), "text_too_long"),
        ({"p": "a\0b"}, Roles(task="prompt_completion", prompt="p"), "nul_character"),
        ({"m": [{"role": "user", "content": "\ud800"}]}, Roles(task="chat", messages="m"), "lone_surrogate"),
    ],
)  # fmt: skip
def test_what_cannot_be_an_example_gets_its_reason(values, roles, reason):
    assert reason in REASONS
    assert _made(values, roles) == reason


@pytest.mark.parametrize(
    ("value", "turns"),
    [
        ([{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}], [("user", "a"), ("assistant", "b")]),
        ([{"human": "a", "assistant": "b"}], [("user", "a"), ("assistant", "b")]),
        ([["a", "b"], ["c", "d"]], [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")]),
        (["a", "b", "c"], [("user", "a"), ("assistant", "b"), ("user", "c")]),
        ('[{"role": "user", "content": "a"}]', [("user", "a")]),
        ("\n\nHuman: a\n\nAssistant: b", [("user", "a"), ("assistant", "b")]),
        ([{"role": "user", "content": [{"type": "text", "text": "a"}]}], [("user", "a")]),
    ],
)
def test_conversations_in_any_spelling(value, turns):
    row = _made({"m": value}, Roles(task="chat", messages="m", form="conversational"))
    assert [(turn["role"], turn["content"]) for turn in json.loads(row["messages"])] == turns


def test_the_system_turn_is_kept_but_not_part_of_the_text():
    row = _made({"m": [{"role": "system", "content": "S"}, {"role": "user", "content": "U", "weight": 0}]},
                Roles(task="chat", messages="m"))  # fmt: skip
    assert row["text"] == "U"
    assert json.loads(row["messages"])[1] == {"content": "U", "role": "user", "weight": 0}


def test_a_shared_beginning_of_two_answers_is_the_prompt():
    chosen, rejected = ("\n\nHuman: hi\n\nAssistant: " + end for end in ("good", "bad"))
    roles = Roles(task="preference", chosen="c", rejected="r", form="conversational")
    row = _made({"c": chosen, "r": rejected}, roles)
    assert json.loads(row["prompt"]) == [{"content": "hi", "role": "user"}]
    assert json.loads(row["completion"]) == [{"content": "good", "role": "assistant"}]
    assert row["text"] == "hi\n\ngood"


def test_all_answers_of_a_question_stay_in_meta():
    answers = {"text": ["Paris", "paris"], "answer_start": [0, 7]}
    row = _made({"q": "Where?", "a": answers}, Roles(task="generative_qa", prompt="q", completion="a"))
    assert (row["completion"], json.loads(row["meta"])["a"]) == ("Paris", answers)


def test_equal_answers_and_missing_assistants_are_noted():
    notes: Counter[str] = Counter()
    build({"c": "x", "r": "x"}, Roles(task="preference", chosen="c", rejected="r"), notes)
    build({"m": ["only a question"]}, Roles(task="chat", messages="m"), notes)
    assert notes == {"equal_answers": 1, "no_assistant_turn": 1}


def test_the_hash_of_a_classification_row_is_what_it_always_was():
    # sha256 of {"label":"a","text":"hi"}, worked out with sha256sum
    assert row_hash({"text": "hi", "label": "a", "rejected": None}) == row_hash({"text": "hi", "label": "a"})
    assert row_hash({"text": "hi", "label": "a"}) == "bc3dec257d0c148e5451b4df177510f20d018e36fb114ba95688473272330954"


# --- properties -------------------------------------------------------------------------------------------------------
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-99, 99), st.floats(allow_nan=False), st.text(max_size=20))
VALUES = st.recursive(SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(
    st.sampled_from(["role", "content", "from", "value", "start", "end", "label", "text"]), inner, max_size=3)),
    max_leaves=6)  # fmt: skip
NAMES = st.sampled_from(["text", "label", "labels", "messages", "conversations", "prompt", "completion", "chosen",
                         "rejected", "tokens", "tags", "spans", "question", "answers", "context", "instances", "split",
                         "instruction", "output", "history", "标签", "x y", ""])  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(st.dictionaries(NAMES, VALUES, max_size=5), max_size=8))
def test_any_records_are_guessed_and_accounted_for(rows):
    columns = list(dict.fromkeys(name for row in rows for name in row))
    found = guess(columns, rows)
    assert 0 <= found.confidence <= 1
    assert Guess.from_json(json.loads(json.dumps(found.to_json()))) == found
    for one in (found, *found.others):
        if one.confidence:
            one.roles.check(columns)
            made = fit(one.roles, rows)
            assert made.n >= len(rows)
            assert set(made.rejects) <= set(REASONS)
    for task in TASKS:
        tidy(roles_for(task, found, columns, rows), rows)


@settings(max_examples=100, deadline=None)
@given(tags=st.lists(st.sampled_from(["O", "B-A", "I-A", "E-A", "S-A", "B-B", "I-B"]), max_size=12))
def test_spans_of_any_tags_cover_exactly_the_tagged_tokens(tags):
    spans = tag_rules.spans_of_tags(tags, [(i, i + 1) for i in range(len(tags))])
    covered = [i for span in spans for i in range(span["start"], span["end"])]
    assert covered == [i for i, tag in enumerate(tags) if tag != "O"]


_TALK = [
    {"role": "system", "content": "Be kind"},
    {"role": "user", "content": "Hi "},
    {"role": "assistant", "content": "Ho"},
]


@pytest.mark.parametrize(
    ("roles", "values", "expected"),
    [
        (Roles(task="seq2seq", prompt="p", completion="c"), {"p": " ask ", "c": "say"}, "ask\n\nsay"),
        (Roles(task="generative_qa", prompt="p", context="x", completion="c"), {"p": "q", "x": "page", "c": "a"},
         "q\n\na\n\npage"),
        (Roles(task="instruction", prompt="p", context="x", completion="c"), {"p": "do", "x": "this", "c": "done"},
         "do\n\nthis\n\ndone"),
        (Roles(task="instruction", prompt="p", context="x", completion="c"), {"p": "do", "x": " ", "c": None}, "do"),
        (Roles(task="chat", messages="m"), {"m": _TALK}, "Hi\n\nHo"),
        (Roles(task="preference", prompt="p", chosen="c", rejected="r"), {"p": "q", "c": "yes", "r": "no"}, "q\n\nyes"),
        (Roles(task="prompt_completion", prompt="p", completion="c", form="conversational"),
         {"p": _TALK[:2], "c": _TALK[2:]}, "Hi\n\nHo"),
    ],
)  # fmt: skip
def test_stored_fields_give_the_text_of_the_import_again(roles, values, expected):
    """Cleaning renders the text of an edited row from its stored fields; it must be the import's own rendering."""
    row = _made(values, roles)
    assert row["text"] == expected
    assert text_of(row, roles.task, talks=roles.form == "conversational") == expected


def test_broken_messages_are_passed_over_in_rendering():
    assert text_of({"messages": '[{"role": "user"}, 3, {"role": "user", "content": "Hi"}]'}, "chat") == "Hi"
    assert text_of({"messages": "{not json"}, "chat") == ""
