"""One row of a snapshot as one record of a trainer's format, or the true reason why it cannot be written so.

Rows hold the role fields as values (structured ones decoded). Every function is `(row, options) -> record`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from studio.corpus.writing.template import Instruction

# Reason codes of rows that are left out of a file; the words are in the catalogue under export.left.<code>.
LEFT_OUT: tuple[str, ...] = (
    "no_label", "no_answer", "no_prompt", "no_messages", "no_tokens", "odd_tags", "token_with_space", "no_context",
    "answer_not_in_context", "answer_twice", "no_assistant_turn", "not_plain_text", "turns_out_of_order", "no_rejected",
)  # fmt: skip
Row = Mapping[str, Any]
_TO_SHAREGPT = {"system": "system", "user": "human", "assistant": "gpt", "tool": "observation"}
BETWEEN = "\n\n"  # between a context and a question, and between an instruction and its text


class Unwritable(Exception):
    """This row cannot be held by this format; `reason` is one of LEFT_OUT."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True)
class Options:
    """What a shape needs to know: the task of the rows, the instruction for labelled texts, columns to take along."""

    task: str
    instruction: Instruction | None = None
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Turns:
    """A row as an exchange: what is asked (instruction and input kept apart), what is answered, what came before."""

    instruction: str
    input: str
    answer: str
    system: str = ""
    history: tuple[tuple[str, str], ...] = ()
    is_question: bool = False

    @property
    def prompt(self) -> str:
        """Instruction and input as one text; a passage stands before the question about it."""
        parts = (self.input, self.instruction) if self.is_question else (self.instruction, self.input)
        return BETWEEN.join(part for part in parts if part)


def exchange(row: Row, options: Options) -> Turns:
    """The row as question and answer, whatever its task.

    Raises:
        Unwritable: it has no answer, no question, or turns that no such format can hold.
    """
    if options.task in ("classification", "classification_multi"):
        if options.instruction is None or (answer := options.instruction.answer(row)) is None:
            raise Unwritable("no_label")
        instruction, given = options.instruction.fill(row)
        return Turns(instruction, given, answer)
    if options.task == "chat" or _is_talk(row):
        return _of_messages(as_messages(row, options))
    prompt, answer, context = (_text(row.get(name)) for name in ("prompt", "completion", "context"))
    if not prompt:
        raise Unwritable("no_prompt")
    if not answer:
        raise Unwritable("no_answer")
    return Turns(prompt, context, answer, is_question=options.task == "generative_qa")


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        raise Unwritable("not_plain_text")
    return "" if value is None else str(value)


def messages_of(listed: Any) -> list[dict[str, Any]]:
    """The messages of a conversation, each with a role and a text.

    Raises:
        Unwritable: none, or one whose content is not a text.
    """
    if not isinstance(listed, list) or not listed:
        raise Unwritable("no_messages")
    for message in listed:
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise Unwritable("no_messages")
        if not isinstance(message.get("content"), str):
            raise Unwritable("not_plain_text")
    return listed


def _of_messages(listed: Sequence[Mapping[str, Any]]) -> Turns:
    system = listed[0]["content"] if listed[0]["role"] == "system" else ""
    rest = [message for message in listed[1 if listed[0]["role"] == "system" else 0 :]]
    while rest and rest[-1]["role"] != "assistant":
        rest = rest[:-1]  # a last question without an answer teaches nothing
    if not rest:
        raise Unwritable("no_assistant_turn")
    if [message["role"] for message in rest] != ["user", "assistant"] * (len(rest) // 2):
        raise Unwritable("turns_out_of_order")
    pairs = [(rest[i]["content"], rest[i + 1]["content"]) for i in range(0, len(rest), 2)]
    return Turns(pairs[-1][0], "", pairs[-1][1], system, tuple(pairs[:-1]))


def as_messages(row: Row, options: Options) -> list[dict[str, Any]]:
    """Any row as chat messages: what a chat template renders."""
    if options.task == "chat":
        return messages_of(row.get("messages"))
    if _is_talk(row):  # a conversational prompt goes on with its completion
        return [*messages_of(row.get("prompt")), *messages_of(row.get("completion"))]
    turns = exchange(row, options)
    return [{"role": "user", "content": turns.prompt}, {"role": "assistant", "content": turns.answer}]


def _along(record: dict[str, Any], row: Row, options: Options) -> dict[str, Any]:
    """The record with the further columns a person chose; the names of the format win."""
    further = {name: row[name] for name in options.columns if name not in record and row.get(name) is not None}
    return record | further


# --- the shapes -------------------------------------------------------------------------------------------------------
def table(row: Row, options: Options) -> dict[str, Any]:
    """The chosen columns as they are."""
    return {name: row.get(name) for name in options.columns}


def alpaca(row: Row, options: Options) -> dict[str, Any]:
    """`instruction`, `input`, `output`; `system` and `history` where a conversation has them; both answers of a pair.

    Paper: alpaca-2023 for the three fields; `system`, `history`, `chosen` and `rejected` as LLaMA-Factory reads them.
    """
    if options.task == "preference":
        prompt, chosen, rejected = _plain_pair(row) if _is_talk(row) else pair(row)
        if not prompt:
            raise Unwritable("no_prompt")
        record = {"instruction": prompt, "input": "", "chosen": chosen, "rejected": rejected}
        return _along(record, row, options)
    turns = exchange(row, options)
    record = {"instruction": turns.instruction, "input": turns.input, "output": turns.answer}
    if turns.system:
        record["system"] = turns.system
    if turns.history:
        record["history"] = [list(one) for one in turns.history]
    return _along(record, row, options)


def pair(row: Row) -> tuple[str, str, str]:
    """Prompt (it may be empty), chosen and rejected answer of a preference row."""
    prompt, chosen, rejected = (_text(row.get(name)) for name in ("prompt", "completion", "rejected"))
    for value, reason in ((chosen, "no_answer"), (rejected, "no_rejected")):
        if not value:
            raise Unwritable(reason)
    return prompt, chosen, rejected


def is_judged(row: Row) -> bool:
    """True for a preference row with one answer and what people thought of it."""
    return not row.get("rejected") and row.get("label") in ("true", "false")


def _plain_pair(row: Row) -> tuple[str, str, str]:
    """A conversational pair as three texts, where it is one question with two answers."""
    texts = []
    for name, role in (("prompt", "user"), ("completion", "assistant"), ("rejected", "assistant")):
        listed = messages_of(row.get(name))
        if [message["role"] for message in listed] != [role]:
            raise Unwritable("turns_out_of_order")
        texts.append(listed[0]["content"])
    return texts[0], texts[1], texts[2]


def _is_talk(row: Row) -> bool:
    """True when prompt and answers are lists of messages."""
    return isinstance(row.get("prompt"), list) or isinstance(row.get("completion"), list)


def sharegpt(row: Row, options: Options) -> dict[str, Any]:
    """`conversations` of `from` and `value`: system, human, gpt, observation; other roles keep their name."""
    turns = [
        {"from": _TO_SHAREGPT.get(message["role"], message["role"]), "value": message["content"]}
        for message in as_messages(row, options)
    ]
    return _along({"conversations": turns}, row, options)


def openai_messages(row: Row, options: Options) -> dict[str, Any]:
    """`messages` of `role` and `content`, with whatever else a message holds."""
    return _along({"messages": list(as_messages(row, options))}, row, options)


def prompt_completion(row: Row, options: Options) -> dict[str, Any]:
    """`prompt` and `completion`; a preference row gives `prompt`, `chosen`, `rejected` (the names TRL reads).

    A single answer that somebody judged gives `prompt`, `completion`, `label` (true or false).
    """
    if _is_talk(row):
        return _along(_conversational(row, options), row, options)
    if options.task == "preference" and is_judged(row):
        record = {name: text for name in ("prompt", "completion") if (text := _text(row.get(name)))}
        return _along(record | {"label": row["label"] == "true"}, row, options)
    if options.task == "preference":
        prompt, chosen, rejected = pair(row)
        asked = {"prompt": prompt} if prompt else {}  # without one the trainer takes what both answers begin with
        return _along({**asked, "chosen": chosen, "rejected": rejected}, row, options)
    turns = exchange(row, options)
    return _along({"prompt": turns.prompt, "completion": turns.answer}, row, options)


def _conversational(row: Row, options: Options) -> dict[str, Any]:
    """Prompt and answers as lists of messages, the conversational form TRL reads."""
    if options.task == "preference" and is_judged(row):
        asked = {"prompt": list(messages_of(row["prompt"]))} if row.get("prompt") is not None else {}
        return asked | {"completion": list(messages_of(row.get("completion"))), "label": row["label"] == "true"}
    named = {"prompt": "prompt", "completion": "chosen" if options.task == "preference" else "completion"}
    if options.task == "preference" and row.get("prompt") is None:
        named.pop("prompt")
    if options.task == "preference":
        named["rejected"] = "rejected"
    return {title: list(messages_of(row.get(name))) for name, title in named.items()}


def squad(row: Row, options: Options) -> dict[str, Any]:
    """One question: title, context, id, question, answers with their place in code points, is_impossible.

    Answers are those an import kept, as long as they stand where they say and the answer in force is among them. Else
    that answer is looked for in the context; where it stands there twice nobody can know which was meant.

    Paper: squad-2018.
    """
    context, question = _text(row.get("context")), _text(row.get("prompt"))
    if not context:
        raise Unwritable("no_context")
    if not question:
        raise Unwritable("no_prompt")
    answers = _answers(row, context)
    return {
        "title": _text(row.get("title")),
        "context": context,
        "id": str(row["id"]) if row.get("id") is not None else str(row.get("example_id", "")),
        "question": question,
        "answers": answers,
        "is_impossible": not answers,
    }


def _answers(row: Row, context: str) -> list[dict[str, Any]]:
    completion = _text(row.get("completion"))
    if not completion:
        return []
    kept = _kept_answers(row.get("answers"), context)
    if completion in [answer["text"] for answer in kept]:
        return kept
    place = context.find(completion)
    if place < 0:
        raise Unwritable("answer_not_in_context")
    if context.find(completion, place + 1) >= 0:
        raise Unwritable("answer_twice")
    return [{"text": completion, "answer_start": place}]


def _kept_answers(value: Any, context: str) -> list[dict[str, Any]]:
    """Answers an import kept (SQuAD's list, or the object of two lists `datasets` has) that stand where they say."""
    if isinstance(value, dict) and isinstance(value.get("text"), list) and isinstance(value.get("answer_start"), list):
        pairs = zip(value["text"], value["answer_start"], strict=False)
        value = [{"text": text, "answer_start": start} for text, start in pairs]
    found = []
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict) and isinstance(item.get("text"), str) and type(item.get("answer_start")) is int:
            text, start = item["text"], item["answer_start"]
            if text and start >= 0 and context[start : start + len(text)] == text:
                found.append({"text": text, "answer_start": start})
    return found


def conll(row: Row, options: Options) -> dict[str, Any]:
    """`tokens` and `tags` of a sentence; a token with a space inside would become two columns, so it is refused.

    Paper: tjong-2003.
    """
    tokens, tags = row.get("tokens"), row.get("tags")
    if tags is None and isinstance(tokens, list) and isinstance(row.get("spans"), list):
        tags = tags_of_spans(str(row.get("text") or ""), tokens, row["spans"])
    if not isinstance(tokens, list) or not tokens:
        raise Unwritable("no_tokens")
    if not isinstance(tags, list) or len(tags) != len(tokens):
        raise Unwritable("odd_tags" if tags else "no_label")
    for item in (*tokens, *tags):
        if not isinstance(item, str) or item.split() != [item]:
            raise Unwritable("token_with_space")
    return {"tokens": tokens, "tags": tags}


def tags_of_spans(text: str, tokens: Sequence[str], spans: Sequence[Mapping[str, Any]]) -> list[str]:
    """BIO tags of tokens from spans over the text the tokens stand in; a span that cuts a token takes the whole of it.

    Raises:
        Unwritable: the tokens do not stand in the text in this order, or two spans claim a token.

    Example:
        >>> tags_of_spans("New York is far", ["New", "York", "is"], [{"start": 0, "end": 8, "label": "LOC"}])
        ['B-LOC', 'I-LOC', 'O']
    """
    tags, at, places = ["O"] * len(tokens), 0, []
    for token in tokens:
        start = text.find(token, at)
        if start < 0:
            raise Unwritable("odd_tags")
        at = start + len(token)
        places.append((start, at))
    for span in spans:
        inside = [i for i, (start, end) in enumerate(places) if start < span["end"] and end > span["start"]]
        if not inside or any(tags[i] != "O" for i in inside):
            raise Unwritable("odd_tags")
        for place, i in enumerate(inside):
            tags[i] = f"{'I' if place else 'B'}-{span['label']}"
    return tags
