"""The two languages of the demo corpora, each with its voice and the ways its texts are changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from studio.demo import chinese, english
from studio.demo.compose import Voice
from studio.demo.dice import Dice


@dataclass(frozen=True)
class Language:
    """A voice, the speaking style of each channel, and how a text gets the token or is sent again."""

    name: str
    voice: Voice
    channels: Mapping[str, str]
    insert_token: Callable[[str, Dice], str]
    send_again: Callable[[str, Dice], str]


LANGUAGES: Mapping[str, Language] = {
    "en": Language("en", english.VOICE, english.CHANNELS, english.insert_token, english.send_again),
    "zh": Language("zh", chinese.VOICE, chinese.CHANNELS, chinese.insert_token, chinese.send_again),
}
