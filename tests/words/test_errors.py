"""Error texts in Chinese: every template the code can raise has one, none is left over, values are carried over."""

from __future__ import annotations

import ast
import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from studio import words
from studio.corpus.cleaning import STEPS
from studio.words import errors, t
from tests.words import error_templates
from tests.words.error_templates import collect, texts_in

FILE = "studio/words/zh/errors.toml"
TEXTS = errors.texts("zh")


@pytest.fixture(scope="module")
def found() -> error_templates.Found:
    return collect()


def _toml(template: str) -> str:
    quote = "'" if '"' in template and "'" not in template else '"'
    return f"{quote}{template}{quote}"


def test_every_text_can_be_read_from_the_source(found):
    assert not found.unread, "\n".join(found.unread)


def test_every_error_text_has_a_chinese_one(found):
    missing = {template: places for template, places in found.templates.items() if template not in TEXTS}
    lines = [f'{_toml(template)} = ""  # {places[0]}' for template, places in missing.items()]
    assert not missing, f"translate these at the end of {FILE}:\n" + "\n".join(lines)


def test_no_chinese_text_is_left_over(found):
    left = [template for template in TEXTS if template not in found.templates]
    assert not left, f"no error says this any more, remove it from {FILE}:\n" + "\n".join(left)
    unused = [template for template in errors.values("zh") if template not in TEXTS]
    assert not unused, f"values without their template in {FILE}: {unused}"


def test_the_values_of_a_closed_list_are_translated(found):
    """A phrase put into a sentence would stand in it in English; names without a space may."""
    known = errors.values("zh")
    missing = {
        template: sorted(value for value in closed if " " in value and value not in known.get(template, {}))
        for template, closed in found.values.items()
    }
    missing = {template: listed for template, listed in missing.items() if listed}
    lines = [
        f"[values.{_toml(template)}]\n" + "\n".join(f'{_toml(value)} = ""' for value in listed)
        for template, listed in missing.items()
    ]
    assert not missing, f"translate these in {FILE}, above [texts]:\n" + "\n".join(lines)


def _numbers(template: str) -> list[int]:
    """Which value each placeholder takes; `{}` counts by itself."""
    fields = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    return [int(name) if name else place for place, name in enumerate(fields)]


@pytest.mark.parametrize("template", TEXTS)
def test_placeholders_are_the_same_and_the_text_is_chinese(template):
    chinese = TEXTS[template]
    assert sorted(_numbers(template)) == sorted(_numbers(chinese)), f"{template}: {chinese}"
    assert any("\u4e00" <= character <= "\u9fff" for character in chinese) or template == chinese, template
    literal = "".join(part[0] for part in string.Formatter().parse(template))
    assert sum(character.isalpha() for character in literal) >= 3, f"{template} would match every text"


# --- showing ----------------------------------------------------------------------------------------------------------
VALUE = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=30)


@given(data=st.data())
def test_every_text_is_found_with_its_values(data):
    """Any template filled with names comes back in Chinese, the names in it."""
    template = data.draw(st.sampled_from(sorted(TEXTS)))
    names = [f"zz{number}_{place}" for place, number in enumerate(_numbers(template))]
    said = errors.said(template.format(*names), "zh")
    assert said == TEXTS[template].format(*names)


@given(value=VALUE)
def test_a_value_is_carried_over_letter_by_letter(value):
    assume(errors.said(value, "zh") == value)  # a value that is an error text itself is translated too
    assert errors.said(f"The column {value} is compared with text", "zh") == f"列 {value} 只能与文本比较"


def test_the_most_specific_template_is_taken():
    assert errors.said("Use one of: csv, jsonl.", "zh") == "请使用其中之一：csv, jsonl。"
    assert errors.said("Use {text}, {labels} or {context}.", "zh").startswith("请使用 {text}")


def test_values_of_closed_lists_and_errors_within_errors_are_translated():
    assert errors.said("The file is a PNG image, not a table of texts", "zh") == "这个文件是PNG 图片，不是文本表格"
    outer = "The run is done but its result could not be stored: The column year is compared with text"
    assert errors.said(outer, "zh").endswith("列 year 只能与文本比较")


@pytest.mark.parametrize("text", ["", "KeyError", "x" * 5_000, "{0.__class__} {nobody}", "No such {} text\n%s"])
def test_a_text_nobody_knows_stays_as_it_is(text):
    assert errors.said(text, "zh") == text


def test_english_stays_english_and_a_words_key_is_still_a_key():
    assert errors.said("The file is empty", "en") == "The file is empty"
    words.set_language("zh")
    try:
        assert words.spoken("The file is empty") == "文件是空的"
        assert words.spoken("runs.message.counting") == "计数中"
    finally:
        words.set_language("en")


# --- the reader of the source -----------------------------------------------------------------------------------------
SOURCE = """
KINDS = (("a zip archive", "Unpack it."), ("a program", "Leave it."))

def refuse(value):
    for what, fix in KINDS:
        if value:
            raise CorpusError(f"The file is {what}", got=value, fix=fix)

def helper(what, fix="Try again."):
    return PlanError(what, got=1, fix=fix)

def caller(n, problem):
    where = f"Row {n}" if n else "Some row"
    helper(where, fix="Look {there}.")
    raise JobError(problem["what"], fix=str(problem.get("fix") or "Look at the log."))
"""


def test_the_reader_follows_names_helpers_and_choices():
    found = texts_in(ast.parse(SOURCE), {"CorpusError", "PlanError", "JobError"}, "source.py")
    assert set(found.templates) == {
        "The file is {}", "Unpack it.", "Leave it.", "Row {}", "Some row", "Look {{there}}.", "Look at the log.",
    }  # fmt: skip
    assert found.values["The file is {}"] == {"a zip archive", "a program"}
    assert not found.unread


def test_a_text_made_elsewhere_is_reported():
    found = texts_in(ast.parse("raise CorpusError(make(), got=1)"), {"CorpusError"}, "source.py")
    assert found.unread


def test_a_step_that_leaves_nothing_is_named_as_on_the_page():
    """The title of a step in an error is the one people see in the list, in both languages."""
    for step in STEPS:
        said_by_worker = f"The step {t(step.title, lang='en')} (number 2) leaves no example"
        assert errors.said(said_by_worker, "zh") == f"第 2 步（{t(step.title, lang='zh')}）之后没有样本剩下"
