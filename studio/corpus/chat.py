"""Conversations as a chat template renders them, with the part the model learns marked; exactly as transformers does.

A template is a program of its author's: it runs in Jinja's immutable sandbox and sees plain JSON values only. A
template out of a tokenizer's folder also runs in a process of its own, under limits (`python -m studio.corpus.chat`).
"""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.parser
import orjson
from jinja2.sandbox import ImmutableSandboxedEnvironment

from studio.corpus.chat_templates import ChatTemplate
from studio.errors import CorpusError

MOST_TEMPLATE_CHARACTERS = 200_000  # ours; the longest template of a released model is a tenth of it
_CPU_SECONDS, _WALL_SECONDS, _MEMORY_BYTES = 3, 15, 1024**3
_ONE_AT_A_TIME = threading.Lock()  # a compiled template keeps its marks; pages render from several threads
_FILES = ("tokenizer_config.json", "chat_template.jinja")
_MOST_FILE_BYTES = 32 * 1024**2
Message = Mapping[str, Any]


@dataclass(frozen=True)
class Rendered:
    """A conversation as text; `learnt` are (start, end) places of what the model learns to say, None when unknown."""

    text: str
    learnt: tuple[tuple[int, int], ...] | None

    def parts(self, specials: Sequence[str] = ()) -> list[dict[str, Any]]:
        """The text cut where learnt and read, special and plain tokens meet: text, learnt, special."""
        inside = [False] * len(self.text)
        for start, end in self.learnt or ():
            inside[start:end] = [True] * (end - start)
        pattern = "|".join(re.escape(token) for token in sorted(specials, key=len, reverse=True) if token)
        special = [False] * len(self.text)
        for found in re.finditer(pattern, self.text) if pattern else ():
            special[found.start() : found.end()] = [True] * (found.end() - found.start())
        parts: list[dict[str, Any]] = []
        for letter, learnt, is_special in zip(self.text, inside, special, strict=True):
            if parts and (parts[-1]["learnt"], parts[-1]["special"]) == (learnt, is_special):
                parts[-1]["text"] += letter
            else:
                parts.append({"text": letter, "learnt": learnt, "special": is_special})
        return parts


class _Tracker(jinja2.ext.Extension):
    """`{% generation %}`: remembers where what the assistant says begins and ends in the text."""

    tags = {"generation"}

    def __init__(self, environment: jinja2.Environment) -> None:
        super().__init__(environment)
        environment.extend(tracker=self)
        self.written: list[str] = []
        self.places: list[tuple[int, int]] = []

    def parse(self, parser: jinja2.parser.Parser) -> jinja2.nodes.CallBlock:
        """The block becomes a call of `_mark` with its text."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_mark"), [], [], body).set_lineno(line)

    def _mark(self, caller: Callable[[], str]) -> str:
        said = caller()
        start = len("".join(self.written))
        self.places.append((start, start + len(said)))
        return said


def _raise(message: str) -> None:
    raise jinja2.TemplateError(message)


def _tojson(value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None,
            sort_keys: bool = False) -> str:  # fmt: skip
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


class _Namespace(jinja2.utils.Namespace):
    """Jinja's namespace without attributes that begin with an underscore (as transformers has it)."""

    def __init__(*args: Any, **kwargs: Any) -> None:  # noqa: D107, N805
        self, args = args[0], args[1:]
        values = dict(*args, **kwargs)
        for name in values:
            _Namespace._check(name)
        jinja2.utils.Namespace.__init__(self, values)

    def __setitem__(self, name: str, value: Any) -> None:
        _Namespace._check(name)
        jinja2.utils.Namespace.__setitem__(self, name, value)

    @staticmethod
    def _check(name: Any) -> None:
        if isinstance(name, str) and name.startswith("_"):
            raise jinja2.exceptions.SecurityError("a namespace cannot hold a name that begins with an underscore")


@lru_cache(maxsize=32)
def _compiled(text: str) -> jinja2.Template:
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                                extensions=[_Tracker, jinja2.ext.loopcontrols])  # fmt: skip
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    environment.globals["namespace"] = _Namespace
    return environment.from_string(text)


def render(template: ChatTemplate, messages: Sequence[Message], *, add_generation_prompt: bool = False) -> Rendered:
    """A conversation under a template.

    Where the template marks what the assistant says (`{% generation %}`), that is what is learnt. Else the text up to
    each assistant turn is rendered too; if it is a beginning of the whole, what follows it is learnt.

    Raises:
        CorpusError: the template refuses the conversation or cannot be read.
    """
    plain = orjson.loads(orjson.dumps([dict(message) for message in messages]))
    text, places = _render(template, plain, add_generation_prompt)
    if re.search(r"\{%-?\s*generation\s*-?%\}", template.text):
        return Rendered(text, tuple(places))
    return Rendered(text, _by_beginnings(template, plain, text))


def _render(template: ChatTemplate, messages: list[Any], add_generation_prompt: bool) -> tuple[str, list[Any]]:
    if len(template.text) > MOST_TEMPLATE_CHARACTERS:
        raise CorpusError("The chat template is too long", got=f"{len(template.text):,} characters",
                          fix="Choose another tokenizer.")  # fmt: skip
    try:
        compiled = _compiled(template.text)
        tracker: _Tracker = compiled.environment.tracker  # type: ignore[attr-defined]
        values = {"tools": None, "documents": None, **template.values}
        with _ONE_AT_A_TIME:
            tracker.written, tracker.places = [], []
            for block in compiled.generate(messages=messages, add_generation_prompt=add_generation_prompt, **values):
                tracker.written.append(block)
            return "".join(tracker.written), list(tracker.places)
    except (jinja2.TemplateError, TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError,
            RecursionError) as error:  # fmt: skip
        raise CorpusError("The chat template cannot show this conversation",
                          got=f"{template.name}: {str(error)[:120]}",
                          fix="Choose another template, or mend the order of the turns.") from error  # fmt: skip


def _by_beginnings(template: ChatTemplate, messages: list[Any], text: str) -> tuple[tuple[int, int], ...] | None:
    places = []
    for number, message in enumerate(messages):
        if message.get("role") != "assistant":
            continue
        try:
            before, _ = _render(template, messages[:number], True)
            after, _ = _render(template, messages[: number + 1], False)
        except CorpusError:
            return None
        if not (text.startswith(before) and text.startswith(after) and len(after) > len(before)):
            return None
        places.append((len(before), len(after)))
    return tuple(places)


# --- a tokenizer's own ------------------------------------------------------------------------------------------------
def local_template(folder: Path) -> ChatTemplate:
    """The chat template a tokenizer's folder brings, with its special tokens; nothing of it is run.

    Raises:
        CorpusError: no such folder, or no template in it.
    """
    config = _config(folder)
    text: Any = config.get("chat_template")
    if isinstance(text, list):  # several named ones; the one called default counts
        named = {item.get("name"): item.get("template") for item in text if isinstance(item, dict)}
        text = named.get("default") or next(iter(named.values()), None)
    file = folder / _FILES[1]
    if file.is_file() and file.stat().st_size <= _MOST_FILE_BYTES:
        text = file.read_text(encoding="utf-8")
    if not isinstance(text, str) or not text.strip():
        raise CorpusError("This tokenizer has no chat template", got=folder.name,
                          fix="Choose one with chat_template.jinja, or a named template.")  # fmt: skip
    values = {name: _token(config.get(name)) for name in ("bos_token", "eos_token", "pad_token", "unk_token")}
    added = config.get("added_tokens_decoder")
    specials = [_token(item) for item in (added.values() if isinstance(added, dict) else ())]
    specials += list(values.values())
    return ChatTemplate(folder.name, folder.name, text, {name: value for name, value in values.items() if value},
                        tuple(dict.fromkeys(token for token in specials if token)))  # fmt: skip


def _config(folder: Path) -> dict[str, Any]:
    path = folder / _FILES[0]
    try:
        if path.stat().st_size > _MOST_FILE_BYTES:
            raise ValueError("too large")
        value = orjson.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        if (folder / _FILES[1]).is_file():
            return {}
        raise CorpusError("There is no tokenizer in this folder", got=folder.name,
                          fix="Give the folder that holds tokenizer_config.json.") from error  # fmt: skip
    return value if isinstance(value, dict) else {}


def _token(value: Any) -> str:
    found = value.get("content") if isinstance(value, dict) else value
    return found if isinstance(found, str) else ""


# --- in a process of its own ------------------------------------------------------------------------------------------
def render_foreign(template: ChatTemplate, messages: Sequence[Message]) -> Rendered:
    """`render` in a process with limits, for a template nobody here wrote: a loop without end ends there.

    Raises:
        CorpusError: as `render`, or the template took too long or too much memory.
    """
    given = orjson.dumps({"name": template.name, "text": template.text, "values": dict(template.values),
                          "messages": [dict(message) for message in messages]})  # fmt: skip
    try:
        done = subprocess.run([sys.executable, "-m", "studio.corpus.chat"], input=given, capture_output=True,
                              timeout=_WALL_SECONDS, check=False, cwd=Path(__file__).parents[2])  # fmt: skip
        said = orjson.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise CorpusError("The chat template takes too long or too much memory", got=template.name,
                          fix="Choose another template.") from error  # fmt: skip
    if "what" in said:
        raise CorpusError(said["what"], got=said["got"] or None, fix=said["fix"])
    learnt = said["learnt"]
    return Rendered(said["text"], None if learnt is None else tuple((start, end) for start, end in learnt))


def main() -> int:
    """`python -m studio.corpus.chat`: one rendering, JSON in, JSON out."""
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    given = orjson.loads(sys.stdin.buffer.read())
    try:
        made = render(ChatTemplate(given["name"], given["name"], given["text"], given["values"]), given["messages"])
        sys.stdout.buffer.write(orjson.dumps({"text": made.text, "learnt": made.learnt}))
    except CorpusError as error:
        sys.stdout.buffer.write(orjson.dumps({"what": error.what, "got": error.got_text(), "fix": error.fix}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
