"""From the values of a record to the role fields of its example, one function per task.

`text` is the rendered view: what is embedded, scored and searched. It is a function of the other role fields alone:

- tokens: the tokens joined (a space between two unless either is Chinese), or the text the record gives with them;
- prompt, context, completion: the parts with a blank line between; the context of a question comes last, because all
  questions about one passage would else begin alike and be cut off alike by an encoder;
- conversations: every turn but the system's, blank line between;
- preference: the prompt and the chosen answer; the rejected one is not part of it. Of a single answer with a label
  (true: wanted, false: not wanted) it is that answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from studio.corpus.roles import Roles
from studio.corpus.shapes import labels as label_rules
from studio.corpus.shapes import messages as talk
from studio.corpus.shapes import tags as tag_rules
from studio.corpus.shapes.reject import Reject
from studio.corpus.values import Lexeme, as_text, nested

SIMPLE: frozenset[str] = frozenset({"classification", "masked_lm"})
# The order of the parts in the rendered text where it is not prompt, then completion.
PARTS: Mapping[str, tuple[str, ...]] = {
    "generative_qa": ("prompt", "completion", "context"),
    "instruction": ("prompt", "context", "completion"),
}
_JSON = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS
Fields = dict[str, str]
Build = Callable[[Mapping[str, Any], Roles, "Counter[str]"], Fields]


def build(values: Mapping[str, Any], roles: Roles, notes: Counter[str]) -> Fields:
    """The role fields of one record, `text` among them; structured ones are canonical JSON text.

    Args:
        values: column -> value.
        roles: a checked mapping.
        notes: counts what was kept but is worth knowing (tags that stand where they cannot, equal answers ...).

    Raises:
        Reject: the record cannot be an example of this task, with its reason code.
        TypeError: a text that is not valid Unicode.
    """
    return BUILDERS[roles.task](values, roles, notes)


def unfold(values: Mapping[str, Any], column: str | None) -> Iterator[dict[str, Any]]:
    """One record per instance of a self-instruct task; a record without a list of instances comes back as it is.

    Example:
        >>> task = {"instruction": "Add", "instances": [{"input": "1", "output": "1"}, {"input": "2", "output": "2"}]}
        >>> [(one["instruction"], one["input"], one["output"]) for one in unfold(task, "instances")]
        [('Add', '1', '1'), ('Add', '2', '2')]
    """
    found = nested(values.get(column)) if column else None
    inner = [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []
    if not inner:
        yield dict(values)
        return
    rest = {name: value for name, value in values.items() if name != column}
    for item in inner:
        yield rest | {name: value for name, value in item.items() if name in ("input", "output") or name not in rest}


def dump(value: Any) -> str:
    """Canonical JSON text; numbers keep their digits.

    Raises:
        TypeError: a text that is not valid Unicode.
    """
    return orjson.dumps(value, default=fragment, option=_JSON).decode()


def fragment(value: Any) -> Any:
    """What orjson writes for a text of our own kind: numbers as they stood, other texts plainly."""
    if isinstance(value, Lexeme):
        return orjson.Fragment(value.encode())
    if isinstance(value, str):
        return str(value)
    if isinstance(value, tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def plain(values: Mapping[str, Any], column: str | None) -> str | None:
    """The text of a column as it was written, None when missing or blank.

    Raises:
        Reject: structured_value, a list or object where one value belongs.
    """
    if not column:
        return None
    value = values.get(column)
    if isinstance(value, list | dict):
        raise Reject("structured_value")
    text = as_text(value)
    return text if text and not text.isspace() else None


def answer(values: Mapping[str, Any], column: str | None) -> str | None:
    """The first answer of a column: a text, a list of texts or of {text}, or an object with a list of texts (SQuAD)."""
    found = nested(values.get(column)) if column else None
    if found is None:
        return plain(values, column)
    if isinstance(found, Mapping):
        found = next((found[name] for name in ("text", "texts", "value", "answer") if name in found), [])
    for item in found if isinstance(found, list) else [found]:
        if isinstance(item, Mapping):
            item = next((item[name] for name in ("text", "value", "answer", "content", "output") if name in item), None)
        if not isinstance(item, list | dict) and (text := as_text(item)) and not text.isspace():
            return text
    return None


def text_of(fields: Mapping[str, Any], task: str, *, talks: bool = False) -> str:
    r"""The text of an example made of role fields: the one place that says how it is rendered.

    Args:
        fields: prompt, completion, context and messages, as texts or, of conversations, as lists of messages or the
            JSON of one; what is missing or blank is passed over, and so is a message without a role or a text.
        task: name of the task, which says in which order the parts stand.
        talks: prompt and completion are conversations (the mapping's form is conversational).

    Example:
        >>> text_of({"prompt": "Sum it up.", "context": "A long story.", "completion": "Short."}, "instruction")
        'Sum it up.\n\nA long story.\n\nShort.'
    """
    if fields.get("messages"):
        return talk.said(_spoken(fields["messages"]))
    if talks:
        return talk.said([*_spoken(fields.get("prompt")), *_spoken(fields.get("completion"))])
    parts = (fields.get(name) for name in PARTS.get(task, ("prompt", "completion")))
    return "\n\n".join(part.strip() for part in parts if part)


def messages_of(value: Any) -> list[dict[str, Any]]:
    """The messages of a field, a list or its JSON; none where it does not hold any."""
    if isinstance(value, str) or value is None:
        try:
            value = orjson.loads(value or "[]")
        except orjson.JSONDecodeError:
            return []
    return [message for message in value if isinstance(message, dict)] if isinstance(value, list) else []


def _spoken(value: Any) -> list[dict[str, Any]]:
    """The messages that have a role and a text."""
    return [m for m in messages_of(value) if isinstance(m.get("content"), str) and isinstance(m.get("role"), str)]


def _need(text: str | None, reason: str) -> str:
    if text is None:
        raise Reject(reason)
    return text


def _multi_label(values: Mapping[str, Any], roles: Roles, notes: Counter[str]) -> Fields:
    fields = {"text": _need(plain(values, roles.text), "no_text")}
    if len(roles.labels) > 1:
        found = label_rules.read_flags(values, roles.labels)
    else:
        found = label_rules.read_labels(values.get(roles.labels[0]), roles.separator, roles.label_names) \
            if roles.labels else None  # fmt: skip
    if found is not None:
        fields["labels"] = dump(found)
    return fields


def _tokens(values: Mapping[str, Any], roles: Roles, notes: Counter[str]) -> Fields:
    if not roles.tokens:
        text = _need(plain(values, roles.text), "no_text")
        spans = tag_rules.read_spans(values.get(roles.spans), text) if roles.spans else None
        return {"text": text} | ({"spans": dump(spans)} if spans is not None else {})
    tokens = tag_rules.words_of(values.get(roles.tokens))
    if not tokens or not any(token.strip() for token in tokens):
        raise Reject("no_tokens")
    given = plain(values, roles.text)
    places = tag_rules.places_in(given, tokens) if given else None
    text = given if places else None
    if text is None:
        text, places = tag_rules.join(tokens)
    fields = {"text": text, "tokens": dump(tokens)}
    tags = tag_rules.words_of(values.get(roles.tags)) if roles.tags else None
    if tags is None:
        return fields
    if len(tags) != len(tokens):
        raise Reject("unequal_tags")
    tags = [label_rules.named(tag.strip(), roles.label_names) for tag in tags]
    fields["tags"] = dump(tags)
    is_scheme = tag_rules.has_scheme(tags)
    if is_scheme or all(tag in ("O", "") for tag in tags):
        if illegal := tag_rules.n_illegal(tags, roles.scheme or "BIO"):
            notes["illegal_tags"] += illegal
        fields["spans"] = dump(tag_rules.spans_of_tags(tags, places or []))
    return fields


def _pair(values: Mapping[str, Any], roles: Roles, notes: Counter[str]) -> Fields:
    if roles.form == "conversational":
        return _talked_pair(values, roles)
    prompt = _need(plain(values, roles.prompt), "no_prompt")
    completion = answer(values, roles.completion)
    fields = {"prompt": prompt, "text": text_of({"prompt": prompt, "completion": completion}, roles.task)}
    return fields | ({"completion": completion} if completion else {})


def _talked_pair(values: Mapping[str, Any], roles: Roles) -> Fields:
    prompt = _turns(values, roles.prompt, talk.opening)
    if not prompt:
        raise Reject("no_prompt")
    completion = _turns(values, roles.completion, talk.ending) if roles.completion else []
    text = text_of({"prompt": prompt, "completion": completion}, roles.task, talks=True)
    fields = {"prompt": dump(prompt), "text": text}
    return fields | ({"completion": dump(completion)} if completion else {})


def _turns(
    values: Mapping[str, Any], column: str | None, of_text: Callable[[str], list[talk.Message]]
) -> list[talk.Message]:
    """The messages of a column; a plain text becomes one turn, nothing becomes none."""
    value = values.get(column) if column else None
    if value is None or (isinstance(value, str) and not value.strip()):
        return []
    if nested(value) is None and not (isinstance(value, str) and talk.transcript(value)):
        return of_text(plain(values, column) or "")
    return talk.read_messages(value)


def _with_context(values: Mapping[str, Any], roles: Roles, notes: Counter[str]) -> Fields:
    names = _of_instances(roles, values)
    prompt = _need(plain(values, names["prompt"]), "no_prompt")
    context = plain(values, names["context"])
    completion = answer(values, names["completion"])
    fields = {"prompt": prompt}
    fields |= {"context": context} if context else {}
    fields |= {"completion": completion} if completion else {}
    return fields | {"text": text_of(fields, roles.task)}


def _of_instances(roles: Roles, values: Mapping[str, Any]) -> dict[str, str | None]:
    if not roles.instances:
        return {"prompt": roles.prompt, "context": roles.context, "completion": roles.completion}
    return {"prompt": roles.prompt, "context": roles.context or "input", "completion": roles.completion or "output"}


def _chat(values: Mapping[str, Any], roles: Roles, notes: Counter[str]) -> Fields:
    system = plain(values, roles.system)
    messages = [{"role": "system", "content": system}] if system else []
    if roles.messages:
        messages += talk.read_messages(values.get(roles.messages))
    else:
        history = _turns(values, roles.history, talk.opening) if roles.history else []
        asked = [part for part in (plain(values, roles.prompt), plain(values, roles.context)) if part]
        if not asked:
            raise Reject("no_prompt")
        answered = answer(values, roles.completion)
        messages += [*history, *talk.opening("\n".join(asked)), *(talk.ending(answered) if answered else [])]
    if not any(message["role"] == "assistant" for message in messages):
        notes["no_assistant_turn"] += 1
    return {"messages": dump(messages), "text": text_of({"messages": messages}, roles.task)}


def _preference(values: Mapping[str, Any], roles: Roles, notes: Counter[str]) -> Fields:
    if roles.form == "conversational":
        return _talked_preference(values, roles, notes)
    chosen = _need(answer(values, roles.chosen), "no_answer")
    rejected = answer(values, roles.rejected) if roles.rejected else None
    prompt = plain(values, roles.prompt)
    notes["equal_answers"] += chosen == rejected
    fields = {"completion": chosen, "text": text_of({"prompt": prompt, "completion": chosen}, roles.task)}
    fields |= {"prompt": prompt} if prompt else {}
    return fields | _judged(values, roles) | ({"rejected": rejected} if rejected else {})


def _judged(values: Mapping[str, Any], roles: Roles) -> Fields:
    """The label of an answer that comes alone, as true or false; empty where nobody judged it."""
    text = plain(values, roles.label)
    return {} if text is None else {"label": "true" if label_rules.is_yes(text) else "false"}


def _talked_preference(values: Mapping[str, Any], roles: Roles, notes: Counter[str]) -> Fields:
    system = plain(values, roles.system)
    prompt: list[talk.Message] = [{"role": "system", "content": system}] if system else []
    prompt += _turns(values, roles.prompt, talk.opening)
    chosen = _turns(values, roles.chosen, talk.ending)
    if not chosen:
        raise Reject("no_answer")
    rejected = _turns(values, roles.rejected, talk.ending) if roles.rejected else []
    own = [message for message in prompt if message["role"] != "system"]
    if own and chosen[: len(own)] == own and len(chosen) > len(own):  # the prompt stands in both answers again
        chosen = chosen[len(own) :]
        rejected = rejected[len(own) :] if rejected[: len(own)] == own else rejected
    elif not own and rejected:
        shared = talk.shared_start(chosen, rejected)
        prompt, chosen, rejected = [*prompt, *chosen[:shared]], chosen[shared:], rejected[shared:]
    notes["equal_answers"] += chosen == rejected
    text = text_of({"prompt": prompt, "completion": chosen}, roles.task, talks=True)
    fields = {"completion": dump(chosen), "text": text}
    fields |= {"prompt": dump(prompt)} if prompt else {}
    return fields | _judged(values, roles) | ({"rejected": dump(rejected)} if rejected else {})


def _simple(values: Mapping[str, Any], roles: Roles, notes: Counter[str]) -> Fields:
    """Single labels and plain text: what `rows.Rows` does itself on its fast path."""
    fields = {"text": _need(plain(values, roles.text), "no_text")}
    if roles.task == "classification" and (label := plain(values, roles.label)):
        fields["label"] = label_rules.named(label.strip(), roles.label_names)
    return fields


BUILDERS: Mapping[str, Build] = {
    "classification": _simple, "masked_lm": _simple, "classification_multi": _multi_label,
    "token_classification": _tokens, "seq2seq": _pair, "prompt_completion": _pair, "generative_qa": _with_context,
    "instruction": _with_context, "chat": _chat, "preference": _preference,
}  # fmt: skip
