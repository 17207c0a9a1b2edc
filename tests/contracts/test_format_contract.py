"""Every format: words in both languages, real tasks, an honest list of losses, files that are whole or not there."""

from __future__ import annotations

import datasets
import pyarrow.parquet as pq
import pytest

from studio import words
from studio.corpus.writing import FORMATS, LEFT_OUT, LOSSES, NAMES, Options, by_name, files
from studio.corpus.writing.template import Instruction
from studio.errors import CorpusError
from studio.records import TASK_TYPES

TASKS = {task.name for task in TASK_TYPES}
TALK = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
ROWS = {
    "classification": {"text": "=a", "label": "x"},
    "classification_multi": {"text": "a", "labels": ["x", "y"]},
    "token_classification": {"text": "a b", "tokens": ["a", "b"], "tags": ["O", "B-X"]},
    "seq2seq": {"prompt": "p", "completion": "c"},
    "prompt_completion": {"prompt": "p", "completion": "c"},
    "generative_qa": {"prompt": "q", "context": "a c", "completion": "c"},
    "instruction": {"prompt": "p", "context": "i", "completion": "c"},
    "chat": {"messages": TALK},
    "preference": {"prompt": "p", "completion": "c", "rejected": "r"},
    "masked_lm": {"text": "a"},
}
PAIRS = [(form.name, task) for form in FORMATS for task in sorted(TASKS) if form.holds(task)]


def _options(form: str, task: str) -> Options:
    instruction = Instruction("Which of {labels}?", ("x", "y")) if by_name(form).needs_instruction(task) else None
    return Options(task, instruction, ("example_id", *ROWS[task]) if by_name(form).is_table else ())


@pytest.mark.parametrize("form", FORMATS, ids=NAMES)
def test_a_format_says_who_it_is_for_and_what_it_loses(form):
    for key in (form.title, form.line, f"export.format.{form.name}.why_not"):
        assert words.catalogue("en")[key] and words.catalogue("zh")[key]
    assert {*form.tasks, *form.by_instruction} <= TASKS | {"*"}
    assert not set(form.tasks) & set(form.by_instruction)
    for task in TASKS:
        if form.holds(task):
            assert set(form.lost(task)) <= set(LOSSES) and form.lost(task)
            assert form.why_not(task) == ""
        else:
            with pytest.raises(CorpusError, match="cannot hold") as caught:
                form.require(task)
            assert caught.value.fix


def test_every_task_can_be_written_and_every_code_has_words():
    assert set(ROWS) == TASKS
    assert len(set(NAMES)) == len(NAMES)
    for task in TASKS:
        assert sum(form.holds(task) for form in FORMATS) >= 5
    for code in LOSSES:
        assert words.has(f"export.loses.{code}")
    for code in LEFT_OUT:
        assert words.has(f"export.left.{code}")


@pytest.mark.parametrize(("form", "task"), PAIRS)
def test_rows_are_written_and_rows_without_an_answer_are_counted(form, task, tmp_path):
    full = [{"example_id": i, "split": "train", **ROWS[task]} for i in range(3)]
    bare = {"example_id": 9, "split": "train", "text": "a"}
    done = files.write_data([*full, bare], tmp_path, by_name(form), _options(form, task))
    if by_name(form).is_table:
        assert (done.n, dict(done.left_out)) == (4, {})
    else:
        assert (done.n, sum(done.left_out.values())) == (3, 1)
        assert set(done.left_out) <= set(LEFT_OUT)
        assert done.named[0][0] == 9
        with pytest.raises(CorpusError, match="No example can be written"):
            files.write_data([bare], tmp_path, by_name(form), _options(form, task))
        with pytest.raises(CorpusError, match="cannot be written as"):
            files.write_data([bare], tmp_path, by_name(form), _options(form, task), strict=True)


def _loaded() -> list:
    """Every pair the datasets package reads; of each format one task in the fast suite, the others in the slow one."""
    found, seen = [], set()
    for form, task in PAIRS:
        if form not in ("squad", "conll"):
            found.append(pytest.param(form, task, marks=(pytest.mark.slow,) if form in seen else ()))
            seen.add(form)
    return found


@pytest.mark.parametrize(("form", "task"), _loaded())
def test_the_datasets_package_reads_it(form, task, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    rows = [{"example_id": i, "split": "train", **ROWS[task]} for i in range(3)]
    files.write_data(rows, folder, by_name(form), _options(form, task))
    data = folder / f"data{by_name(form).extension}"
    if by_name(form).is_folder:
        assert datasets.load_from_disk(str(data))[2]["example_id"] == 2
    elif data.suffix == ".parquet":
        assert pq.read_table(data).num_rows == 3
    else:
        kind, more = ("csv", {"sep": "\t"} if data.suffix == ".tsv" else {}) if data.suffix in (".csv", ".tsv") \
            else ("json", {})  # fmt: skip
        loaded = datasets.load_dataset(kind, data_files=str(data), cache_dir=str(tmp_path / "cache"), **more)
        assert len(loaded["train"]) == 3
