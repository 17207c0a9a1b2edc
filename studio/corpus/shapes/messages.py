"""Conversations in any of their usual spellings, as one list of {role, content} messages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from studio.corpus.shapes.reject import Reject
from studio.corpus.values import as_text, nested

# Spelling -> role of the chat format of TRL and OpenAI. The right-hand side is what chat templates know.
ROLES: Mapping[str, str] = {
    "user": "user", "human": "user", "prompter": "user", "customer": "user", "question": "user", "client": "user",
    "用户": "user", "人类": "user", "问": "user",
    "assistant": "assistant", "gpt": "assistant", "chatgpt": "assistant", "bot": "assistant", "bing": "assistant",
    "bard": "assistant", "model": "assistant", "ai": "assistant", "agent": "assistant", "answer": "assistant",
    "function_call": "assistant", "助手": "assistant", "机器人": "assistant", "客服": "assistant", "答": "assistant",
    "system": "system", "developer": "system", "系统": "system",
    "tool": "tool", "function": "tool", "observation": "tool", "ipython": "tool",
}  # fmt: skip
WHO = ("role", "from", "speaker", "author")
WHAT = ("content", "value", "text", "message")
_ASKS = ("human", "user", "question", "query", "instruction", "input", "prompt", "q")
_ANSWERS = ("assistant", "bot", "gpt", "answer", "response", "output", "completion", "a")
_TURN = re.compile(r"(?:^|\n\n)(Human|Assistant|System): ?", re.MULTILINE)
Message = dict[str, Any]


def read_messages(value: Any) -> list[Message]:
    """A conversation as messages, roles renamed to system, user, assistant and tool.

    It may be a list of objects (role and content, or from and value), of question-answer objects or pairs, of plain
    turns that alternate, a text transcript with `Human:` and `Assistant:`, or any of these as JSON text.

    Raises:
        Reject: not_a_conversation, broken_message, or empty_conversation.

    Example:
        >>> read_messages([{"from": "human", "value": "hi"}])
        [{'role': 'user', 'content': 'hi'}]
    """
    turns = nested(value)
    if isinstance(turns, Mapping):
        inner = next((turns[name] for name in ("messages", "conversations", "conversation") if name in turns), None)
        turns = inner if isinstance(inner, list) else [turns]
    if turns is None:
        turns = transcript(value) if isinstance(value, str) else None
    if turns is None:
        raise Reject("not_a_conversation")
    messages = [message for place, turn in enumerate(turns) for message in _messages_of(turn, place)]
    if not any(message["content"].strip() or message.get("tool_calls") for message in messages):
        raise Reject("empty_conversation")
    return messages


def transcript(text: str) -> list[Message] | None:
    r"""The messages of a `Human: ... Assistant: ...` transcript, None for any other text.

    Example:
        >>> transcript("\n\nHuman: hi\n\nAssistant: hello")
        [{'role': 'user', 'content': 'hi'}, {'role': 'assistant', 'content': 'hello'}]
    """
    parts = _TURN.split(text)
    if len(parts) < 5 or parts[0].strip():
        return None
    return [{"role": ROLES[who.lower()], "content": said.strip()}
            for who, said in zip(parts[1::2], parts[2::2], strict=True)]  # fmt: skip


def _messages_of(turn: Any, place: int) -> list[Message]:
    if isinstance(turn, str):
        return [{"role": "assistant" if place % 2 else "user", "content": str(turn)}]
    if isinstance(turn, list | tuple) and len(turn) == 2:
        return [{"role": "user", "content": _content(turn[0])}, {"role": "assistant", "content": _content(turn[1])}]
    if not isinstance(turn, Mapping):
        raise Reject("broken_message")
    who = next((name for name in WHO if isinstance(turn.get(name), str)), None)
    if who is not None:
        role = ROLES.get(turn[who].strip().lower())
        what = next((name for name in WHAT if name in turn), None)
        if role is None or (what is None and not turn.get("tool_calls")):
            raise Reject("broken_message")
        kept = {name: value for name, value in turn.items() if name not in (who, what) and value is not None}
        return [kept | {"role": role, "content": _content(turn.get(what) if what else None)}]
    asks, answers = (next((turn[n] for n in names if n in turn), None) for names in (_ASKS, _ANSWERS))
    if asks is None and answers is None:
        raise Reject("broken_message")
    both = (("user", asks), ("assistant", answers))
    return [{"role": role, "content": _content(said)} for role, said in both if said is not None]


def _content(value: Any) -> str:
    """The text of a message; parts of several kinds are joined when all of them are text."""
    if isinstance(value, list):
        parts = [part.get("text") if isinstance(part, Mapping) else part for part in value]
        if not all(isinstance(part, str) for part in parts):
            raise Reject("broken_message")
        return "\n".join(parts)
    if isinstance(value, Mapping):
        raise Reject("broken_message")
    return as_text(value) or ""


def said(messages: Sequence[Mapping[str, Any]]) -> str:
    """What is read of a conversation: every turn but the system's, blank line between; all turns if none is left."""
    turns = [m["content"].strip() for m in messages if m["role"] != "system"]
    turns = [turn for turn in turns if turn] or [m["content"].strip() for m in messages]
    return "\n\n".join(turn for turn in turns if turn)


def shared_start(one: Sequence[Message], other: Sequence[Message]) -> int:
    """How many messages two conversations begin with alike, at most all but the last of either."""
    most, n = min(len(one), len(other)) - 1, 0
    while n < most and one[n] == other[n]:
        n += 1
    return max(n, 0)


def ending(text: str) -> list[Message]:
    """A plain answer as a conversation of one turn."""
    return [{"role": "assistant", "content": text}]


def opening(text: str) -> list[Message]:
    """A plain prompt as a conversation of one turn."""
    return [{"role": "user", "content": text}]
