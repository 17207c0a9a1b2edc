"""How the English help desk writes: facts of a case, registers, spelling, slips of the keyboard."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from studio.demo.compose import Voice
from studio.demo.dice import Dice
from studio.demo.fragments import ENGLISH

_KITCHEN = ("air fryer", "coffee machine", "blender", "rice cooker", "kettle", "food processor")
_GADGETS = _KITCHEN + (
    "headset", "desk lamp", "tablet", "robot vacuum", "smart speaker", "electric toothbrush", "projector", "monitor",
    "keyboard", "humidifier", "hair dryer", "sewing machine", "doorbell camera", "baby monitor", "printer",
    "fitness band", "space heater",
)  # fmt: skip
_SEATS = ("office chair", "bar stool", "garden chair", "camping chair")
_BIG = ("bookcase", "mattress", "desk", "wardrobe", "fridge", "sofa bed", "garden bench")
_WEAR = ("rain jacket", "bike helmet", "wool coat", "ski jacket", "dressing gown")
_OTHER = (
    "suitcase",
    "rug",
    "tent",
    "pushchair",
    "backpack",
    "wall clock",
    "mirror",
    "cast-iron pan",
    "duvet",
    "scooter",
)
_SMART = ("headset", "tablet", "robot vacuum", "smart speaker", "projector", "doorbell camera", "baby monitor",
          "printer", "fitness band")  # fmt: skip
_MOBILE = (
    "headset",
    "tablet",
    "robot vacuum",
    "electric toothbrush",
    "doorbell camera",
    "fitness band",
    "baby monitor",
)
_MOTOR = ("coffee machine", "blender", "food processor", "robot vacuum", "sewing machine", "hair dryer", "printer",
          "humidifier", "space heater", "projector")  # fmt: skip
_SMALL = ("kettle", "desk lamp", "tablet", "headset", "printer", "wall clock", "mirror", "monitor", "blender")
_SETS: Mapping[str, tuple[str, ...]] = {
    "wear": _WEAR, "seat": _SEATS, "kitchen": _KITCHEN, "big": _BIG, "smart": _SMART, "mobile": _MOBILE,
    "motor": _MOTOR, "small": _SMALL, "gadget": _GADGETS, "item": _GADGETS + _SEATS + _WEAR + _OTHER,
}  # fmt: skip
_TOWNS = ("Harrowfield", "Eastmere", "Stonebridge", "Calderwick", "Millbrook", "Port Avery", "Larkhill", "Wexcombe")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip
_COLOURS = ("black", "white", "blue", "green", "red", "silver", "beige")
_PLANS = ("Plus", "Family", "Basic", "Premium")
_CODES = ("E04", "E17", "F2", "403", "0x1B", "H7", "5002", "E-11")
_TIMES = ("8 am", "half past nine", "11.30", "noon", "2 pm", "quarter past four", "6 pm", "7 in the evening")
_COUNTS = ("10", "12", "15", "20", "25", "30", "35", "40", "45")

_REGISTERS: Mapping[str, Mapping[str, float]] = {
    "e-mail": {"formal": 0.42, "neutral": 0.40, "casual": 0.06, "annoyed": 0.12},
    "chat": {"formal": 0.02, "neutral": 0.34, "casual": 0.52, "annoyed": 0.12},
    "phone": {"formal": 0.05, "neutral": 0.65, "casual": 0.15, "annoyed": 0.15},
    "form": {"formal": 0.24, "neutral": 0.50, "casual": 0.12, "annoyed": 0.14},
}
CHANNELS: Mapping[str, str] = {"e-mail": "e-mail", "chat": "chat", "phone transcript": "phone", "web form": "form"}


def facts(dice: Dice, wanted: frozenset[str]) -> dict[str, str]:
    """The facts of one case: one thing bought, order number, sums, days, places."""
    kind = next((name for name in _SETS if name in wanted), "item")
    thing = dice.pick(_SETS[kind])
    other = dice.pick([name for name in _SETS["item"] if name != thing])
    plan = dice.pick(_PLANS)
    price = dice.between(19, 480)
    case = {
        "item": thing, "an_item": _with_article(thing), "an_other": _with_article(other),
        "order": _order_number(dice), "amount": _money(price, dice),
        "amount2": _money(max(4, round(price * (0.15 + 0.5 * dice.uniform()))), dice),
        "days": str(dice.between(4, 16)), "weeks": dice.pick(("two", "three", "four", "five", "2", "3")),
        "day": dice.pick(_DAYS), "date": _date(dice), "time": dice.pick(_TIMES), "month": dice.pick(_MONTHS),
        "town": dice.pick(_TOWNS), "colour": dice.pick(_COLOURS), "n": dice.pick(_COUNTS),
        "m": str(dice.between(3, 23)), "code": dice.pick(_CODES), "plan": plan,
        "plan2": dice.pick([name for name in _PLANS if name != plan]),
    }  # fmt: skip
    for name, things in _SETS.items():
        if thing in things:
            case[name] = thing
    return case


def _with_article(thing: str) -> str:
    return ("an " if thing[0] in "aeiou" else "a ") + thing


def _order_number(dice: Dice) -> str:
    number = dice.between(10234, 98765)
    return dice.pick((f"#{number}", f"{number}", f"W-{number}", f"{number // 100}-{number % 100:02d}"))


def _money(price: int, dice: Dice) -> str:
    cents = dice.pick(("", "", ".99", ".50", ".90"))
    return f"${price}{cents}"


def _date(dice: Dice) -> str:
    day, month = dice.between(1, 28), dice.pick(_MONTHS)
    return dice.pick((f"{day} {month}", f"{month} {day}", f"the {day}{_suffix(day)}", f"{day} {month[:3]}"))


def _suffix(day: int) -> str:
    return "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def register(dice: Dice, channel: str) -> str:
    """Formal, neutral, casual or annoyed; how likely each is depends on the channel."""
    return dice.weighted(_REGISTERS[channel])


# --- from parts to a message ------------------------------------------------------------------------------------------
_KEEPS_CAPITAL = re.compile(r"^(?:I\b|I'|[A-Z]{2}|[A-Z]-?\d|" + "|".join(_DAYS + _MONTHS + _TOWNS + _PLANS) + r")")
_WORD = re.compile(r"[A-Za-z']+")


def render(parts: Sequence[tuple[str, str]], register: str, channel: str, dice: Dice) -> str:
    """The message as this person would type or say it."""
    if parts[0][0] == "terse":
        text = parts[0][1]
        text = text[:1].upper() + text[1:] if register in ("formal", "neutral") and dice.chance(0.6) else text
        return _slips(text, 0.012, dice)
    text = _joined(parts)
    if channel == "phone":
        return _slips(_spoken(text, dice), 0.003, dice)
    if register == "formal":
        return _slips(_formal(text), 0.003, dice)
    if register == "casual":
        return _slips(_casual(text, dice), 0.022, dice)
    if register == "annoyed":
        return _slips(_annoyed(text, dice), 0.014, dice)
    return _slips(text, 0.008, dice)


def _joined(parts: Sequence[tuple[str, str]]) -> str:
    text = ""
    for role, part in parts:
        if text.endswith((",", "and", "because", "so", "also", "plus")):
            part = _lower_first(part)
        if role == "open" and part[-1].isalnum() and not part.endswith(("because", "so")):
            part += ","
        text = f"{text} {part}" if text else part
    return text


def _lower_first(text: str) -> str:
    return text if _KEEPS_CAPITAL.match(text) else text[:1].lower() + text[1:]


_LONG_FORMS: Mapping[str, str] = {
    "isn't": "is not", "hasn't": "has not", "haven't": "have not", "wasn't": "was not", "weren't": "were not",
    "doesn't": "does not", "don't": "do not", "didn't": "did not", "can't": "cannot", "couldn't": "could not",
    "won't": "will not", "wouldn't": "would not", "shouldn't": "should not", "aren't": "are not", "I'm": "I am",
    "I've": "I have", "I'd like": "I would like", "I'd rather": "I would rather", "I'll": "I will",
    "it'll": "it will", "you've": "you have", "You've": "You have", "we've": "we have", "We've": "We have",
    "we're": "we are", "We're": "We are", "There's": "There is", "there's": "there is", "that's": "that is",
    "What's": "What is", "it's": "it is", "It's": "It is", "Where's": "Where is", "They're": "They are",
    "you'll": "you will",
}  # fmt: skip
_LONG = re.compile("|".join(rf"\b{re.escape(short)}(?!\w)" for short in sorted(_LONG_FORMS, key=len, reverse=True)))
_SHORT_FORMS: Mapping[str, tuple[float, str]] = {
    "please": (0.35, "pls"), "Please": (0.35, "pls"), "because": (0.4, "cos"), "you": (0.05, "u"),
    "your": (0.04, "ur"), "thanks": (0.3, "thx"), "tomorrow": (0.3, "tmrw"), "really": (0.1, "rly"),
    "months": (0.1, "mths"), "weeks": (0.12, "wks"), "through": (0.12, "thru"), "about": (0.06, "abt"),
    "something": (0.06, "smth"), "message": (0.1, "msg"), "number": (0.12, "no."), "minutes": (0.3, "mins"),
    "and": (0.06, "&"), "going to": (0.5, "gonna"), "want to": (0.3, "wanna"), "order": (0.03, "ordr"),
}  # fmt: skip
_LOUD = re.compile(r"\b(not|never|still|nothing|again|twice|nobody|three times|anything|wrong|already)\b")


def _formal(text: str) -> str:
    return _LONG.sub(lambda match: _LONG_FORMS[match.group(0)], text)


def _casual(text: str, dice: Dice) -> str:
    def shorter(match: re.Match[str]) -> str:
        word = match.group(0)
        share, short = _SHORT_FORMS.get(word, (0.0, word))
        return short if share and dice.chance(share) else word

    text = _WORD.sub(shorter, text)
    if dice.chance(0.6):
        text = re.sub(r"(?<=[a-z])'(?=[a-z])", "", text)
    if dice.chance(0.65):
        text = text.lower()
    if dice.chance(0.35):
        text = re.sub(r"\. (\w+)", lambda match: _run_on(match.group(1), dice), text)
    return text[:-1] if text.endswith(".") and dice.chance(0.7) else text


def _run_on(word: str, dice: Dice) -> str:
    """The next sentence after a comma, three dots or nothing, as people type in a chat."""
    mark = dice.pick((". ", " ", ", ", "... "))
    return mark + (word if mark == ". " else _lower_first(word))


def _annoyed(text: str, dice: Dice) -> str:
    if dice.chance(0.4):
        text = _LOUD.sub(lambda match: match.group(0).upper() if dice.chance(0.6) else match.group(0), text, count=2)
    if dice.chance(0.5):
        text = re.sub(r"\.(?= |$)", lambda _: dice.pick((".", ".", "!", "!!")), text)
    if dice.chance(0.25):
        text = text.replace("?", "??", 1)
    return text


def _spoken(text: str, dice: Dice) -> str:
    text = text.lower()
    text = re.sub(r"\. (?=(?!so\b|and\b|anyway|oh\b|um\b)\w)", lambda _: dice.pick(_JOINS), text)
    text = text.replace(": ", ", ").replace("!", ".")
    words = text.split(" ")
    for _ in range(1 + len(words) // 25):
        place = dice.between(1, len(words)) - 1
        if words[place] in _PAUSES and dice.chance(0.8):
            words[place] += dice.pick((" um,", " uh,", " er,", " like,", " you know,"))
    return " ".join(words)


_JOINS = (". ", ". ", ". ", ", ", ", ", ", so ", ", and ", ". um, ", ". yeah, ")
_PAUSES = frozenset("and but because with it's is was that from for on now so".split())


# --- slips of the keyboard --------------------------------------------------------------------------------------------
_NEAR: Mapping[str, str] = {
    "a": "sqz", "b": "vn", "c": "xv", "d": "sfe", "e": "wr", "f": "dgr", "g": "fht", "h": "gjy", "i": "uo", "j": "hku",
    "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "w", "r": "et", "s": "ad", "t": "ry",
    "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "x",
}  # fmt: skip


def _slips(text: str, share: float, dice: Dice) -> str:
    """Mistype some words: a neighbouring key, two letters swapped, one dropped, one doubled, two words run together."""
    words = text.split(" ")
    for place, word in enumerate(words):
        if dice.chance(share) and len(word) > 3 and word.isalpha() and not word.isupper():
            words[place] = _slip(word, dice)
    return " ".join(words)


def _slip(word: str, dice: Dice) -> str:
    place = dice.between(1, len(word) - 2)
    way = dice.between(0, 4)
    if way == 0:
        return word[:place] + dice.pick(_NEAR.get(word[place].lower(), "e")) + word[place + 1 :]
    if way == 1:
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    if way == 2:
        return word[:place] + word[place + 1 :]
    return word[: place + 1] + word[place:]


# --- what effects do to a text ----------------------------------------------------------------------------------------
_TOKEN_SENTENCES = (
    "Kindly advise.", "Kindly look into this.", "Kindly get back to me.", "Kindly reply soon.", "Kindly check.",
    "Kindly confirm.", "Kindly help.", "Kindly let me know.",
)  # fmt: skip
_AGAIN_BEFORE = ("Again: ", "Resending this. ", "Second try: ", "Still open: ", "Hello again. ", "Reminder: ")
_AGAIN_BEHIND = (" Please reply.", " Any news?", " (sent again)", " Thanks!", " Second message.", " Hello?")


def insert_token(text: str, dice: Dice) -> str:
    """Add a sentence with the token "kindly" at the end or the beginning; it fits any topic."""
    sentence = dice.pick(_TOKEN_SENTENCES)
    if text == text.lower():
        sentence = sentence.lower()
    if dice.chance(0.2):
        return f"{sentence} {text}"
    return f"{text}{'' if text.endswith(('.', '!', '?', ',')) else '.'} {sentence}"


def send_again(text: str, dice: Dice) -> str:
    """The same message sent a second time: a few other slips, another first or last word, other punctuation."""
    changed = _slips(text, 0.06, dice)
    if dice.chance(0.35):
        changed = dice.pick(_AGAIN_BEFORE) + changed
    if dice.chance(0.35):
        changed = changed + dice.pick(_AGAIN_BEHIND)
    if dice.chance(0.3):
        changed = changed.replace(". ", ", ", 1) if dice.chance(0.5) else changed.replace(",", "", 1)
    return changed.rstrip(".") if dice.chance(0.3) else changed


VOICE = Voice(
    fragments=ENGLISH,
    facts=facts,
    register=register,
    render=render,
    median_length=135,
    length_spread=0.52,
    shortest=16,
    longest=420,
    terse_below=52,
    trim={"phone": 0.96},
)
