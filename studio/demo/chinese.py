"""How the Chinese help desk writes: facts of a case, registers, spoken style, wrong characters and dropped ones."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from studio.demo.compose import Voice
from studio.demo.dice import Dice
from studio.demo.fragments import CHINESE

_KITCHEN = ("空气炸锅", "咖啡机", "破壁机", "电饭煲", "电水壶", "豆浆机")
_GADGETS = _KITCHEN + (
    "蓝牙耳机", "台灯", "平板", "扫地机器人", "智能音箱", "电动牙刷", "投影仪", "显示器", "机械键盘", "加湿器",
    "吹风机", "可视门铃", "打印机", "手环", "取暖器", "挂烫机", "除湿机",
)  # fmt: skip
_SEATS = ("办公椅", "吧台凳", "折叠椅", "电脑椅")
_BIG = ("书柜", "床垫", "书桌", "衣柜", "冰箱", "沙发床", "鞋柜")
_WEAR = ("冲锋衣", "羽绒服", "风衣", "睡袍", "滑雪服")
_OTHER = ("行李箱", "地毯", "帐篷", "婴儿车", "双肩包", "挂钟", "穿衣镜", "铸铁锅", "被子", "滑板车", "保温杯")
_SMART = ("蓝牙耳机", "平板", "扫地机器人", "智能音箱", "投影仪", "可视门铃", "打印机", "手环")
_MOBILE = ("蓝牙耳机", "平板", "扫地机器人", "电动牙刷", "可视门铃", "手环")
_MOTOR = ("咖啡机", "破壁机", "豆浆机", "扫地机器人", "吹风机", "打印机", "加湿器", "取暖器", "投影仪", "除湿机")
_SMALL = ("电水壶", "台灯", "平板", "打印机", "挂钟", "穿衣镜", "显示器", "保温杯")
_SETS: Mapping[str, tuple[str, ...]] = {
    "wear": _WEAR, "seat": _SEATS, "kitchen": _KITCHEN, "big": _BIG, "smart": _SMART, "mobile": _MOBILE,
    "motor": _MOTOR, "small": _SMALL, "gadget": _GADGETS, "item": _GADGETS + _SEATS + _WEAR + _OTHER,
}  # fmt: skip
_SHOPS = ("城东店", "滨河店", "学府路店", "南湖店", "东门店", "文昌路店", "北苑店", "江畔店")
_DAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日", "星期三", "礼拜五")
_MONTHS = ("一月", "二月", "三月", "四月", "5月", "6月", "7月", "八月", "九月", "10月", "11月", "12月")
_COLOURS = ("黑色", "白色", "米色", "灰色", "墨绿色", "蓝色", "粉色")
_PLANS = ("年卡", "季卡", "家庭版会员", "尊享会员", "月卡")
_CODES = ("E04", "E17", "F2", "403", "H7", "5002", "E-11")
_TIMES = ("早上八点", "九点半", "上午11点", "中午", "下午两点", "四点多", "晚上六点", "晚上7点半")
_COUNTS = ("10", "12", "15", "20", "二十", "25", "30", "三十", "40")
_FLOORS = ("四", "五", "六", "6", "七")

_REGISTERS: Mapping[str, Mapping[str, float]] = {
    "e-mail": {"formal": 0.48, "neutral": 0.36, "casual": 0.04, "annoyed": 0.12},
    "chat": {"formal": 0.05, "neutral": 0.35, "casual": 0.47, "annoyed": 0.13},
    "phone": {"formal": 0.05, "neutral": 0.65, "casual": 0.15, "annoyed": 0.15},
    "form": {"formal": 0.25, "neutral": 0.49, "casual": 0.12, "annoyed": 0.14},
}
CHANNELS: Mapping[str, str] = {"邮件": "e-mail", "在线客服": "chat", "电话转写": "phone", "网页表单": "form"}


def facts(dice: Dice, wanted: frozenset[str]) -> dict[str, str]:
    """The facts of one case: one thing bought, order number, sums, days, shop."""
    kind = next((name for name in _SETS if name in wanted), "item")
    thing = dice.pick(_SETS[kind])
    plan = dice.pick(_PLANS)
    price = dice.between(39, 1900)
    case = {
        "item": thing, "other": dice.pick([name for name in _SETS["item"] if name != thing]),
        "order": _order_number(dice), "amount": _money(price, dice),
        "amount2": _money(max(5, round(price * (0.15 + 0.5 * dice.uniform()))), dice),
        "days": dice.pick(("4", "5", "6", "7", "8", "9", "10", "12", "五", "六", "七", "十")),
        "weeks": dice.pick(("两", "三", "四", "2", "3")), "day": dice.pick(_DAYS), "date": _date(dice),
        "time": dice.pick(_TIMES), "month": dice.pick(_MONTHS), "town": dice.pick(_SHOPS),
        "colour": dice.pick(_COLOURS), "n": dice.pick(_COUNTS), "m": str(dice.between(3, 23)),
        "code": dice.pick(_CODES), "plan": plan, "plan2": dice.pick([name for name in _PLANS if name != plan]),
        "floor": dice.pick(_FLOORS), "count": dice.pick(("三", "四", "五", "3", "六")),
    }  # fmt: skip
    for name, things in _SETS.items():
        if thing in things:
            case[name] = thing
    return case


def _order_number(dice: Dice) -> str:
    number = dice.between(102_340, 987_650)
    return dice.pick((f"{number}", f"D{number}", f"{number // 1000}-{number % 1000:03d}"))


def _money(price: int, dice: Dice) -> str:
    return dice.pick((f"{price}元", f"{price}块", f"{price}元", f"{price}.9元", f"¥{price}"))


def _date(dice: Dice) -> str:
    month, day = dice.between(1, 12), dice.between(1, 28)
    return dice.pick((f"{month}月{day}号", f"{month}月{day}日", f"{day}号", f"{month}.{day}"))


def register(dice: Dice, channel: str) -> str:
    """Formal, neutral, casual or annoyed; how likely each is depends on the channel."""
    return dice.weighted(_REGISTERS[channel])


# --- from parts to a message ------------------------------------------------------------------------------------------
_STOPS = "。！？，：、；…"


def render(parts: Sequence[tuple[str, str]], register: str, channel: str, dice: Dice) -> str:
    """The message as this person would type or say it."""
    if parts[0][0] == "terse":
        return _slips(parts[0][1], 0.02, dice)
    text = _joined(parts)
    if channel == "phone":
        return _slips(_spoken(text, dice), 0.012, dice)
    if register == "formal":
        return _slips(_formal(text), 0.003, dice)
    if register == "casual":
        return _slips(_casual(text, dice), 0.025, dice)
    if register == "annoyed":
        return _slips(_annoyed(text, dice), 0.014, dice)
    return _slips(text, 0.009, dice)


def _joined(parts: Sequence[tuple[str, str]]) -> str:
    text = ""
    for role, part in parts:
        if role == "open" and part[-1] not in _STOPS and part[-1] != "】":
            part += "，"
        text += part
    return text[:-1] if text.endswith("，") else text


def _formal(text: str) -> str:
    for plain, polite in (("我爱人", "我先生"), ("我妈", "我母亲"), ("我爸", "我父亲"), ("麻烦帮我", "烦请")):
        text = text.replace(plain, polite, 1)
    return re.sub(r"你(?!们)", "您", text)


def _casual(text: str, dice: Dice) -> str:
    style = dice.uniform()
    if style < 0.30:
        text = re.sub(r"[，。]", " ", text)
    elif style < 0.50:
        text = re.sub(r"。(?=.)", lambda _: dice.pick(("，", "～", "。", "。。。")), text)
    elif style < 0.62:
        text = text.replace("，", ",").replace("。", ".").replace("？", "?")
    text = text.rstrip("。. ")
    if dice.chance(0.2):
        text = re.sub(r"(?<![吗呢吧呀啊])？", "呀？", text, count=1)
    if dice.chance(0.2):
        text = text.replace("什么", "啥").replace("怎么", "咋", 1)
    if dice.chance(0.12):
        text += dice.pick(("～", "哈", "😂", "🙏", "😭", "~~"))
    return text.strip()


def _annoyed(text: str, dice: Dice) -> str:
    if dice.chance(0.55):
        text = re.sub(r"。", lambda _: dice.pick(("。", "！", "！", "！！")), text)
    if dice.chance(0.35):
        text = text.replace("？", dice.pick(("？？", "？？？", "？！")), 1)
    return text


_FILLERS = ("嗯", "那个", "就是说", "然后", "呃", "就", "这个")


def _spoken(text: str, dice: Dice) -> str:
    """A transcript: commas for most stops, fillers between clauses, no quotation marks."""
    text = re.sub(r"[“”【】]", "", text).replace("：", "，").replace("！", "。").replace("除此之外", "还有啊")
    text = re.sub(r"。(?=[^但然嗯就])", lambda _: dice.pick(("，", "，", "。", "，然后", "，嗯，")), text)
    clauses = text.split("，")
    for place in range(3, len(clauses)):
        if clauses[place] and clauses[place][0] not in "嗯然那呃就" and dice.chance(0.12):
            clauses[place] = dice.pick(_FILLERS) + clauses[place]
    text = "，".join(clauses)
    if dice.chance(0.35):
        text = text.replace("了，", "了啊，", 1)
    return text


# --- slips of the input method ----------------------------------------------------------------------------------------
# What a pinyin keyboard or a transcriber writes instead: the same sound, another character.
_HOMOPHONES: Mapping[str, str] = {
    "在": "再", "再": "在", "的": "得", "得": "的", "地": "的", "做": "作", "账": "帐", "已": "以", "收": "受",
    "那": "哪", "哪": "那", "他": "她", "像": "象", "带": "戴", "份": "分", "订": "定", "记": "计", "退": "推",
    "换": "还", "寄": "记", "修": "休", "货": "获", "坏": "怀", "单": "丹", "码": "吗", "吗": "嘛", "给": "个",
    "完": "玩", "够": "购", "密": "蜜", "板": "版", "新": "心", "发": "法", "件": "见", "题": "提", "提": "题",
    "试": "是", "用": "有", "装": "庄", "联": "连", "连": "联", "需": "须", "即": "既", "值": "直", "回": "会",
    "会": "回", "客": "可", "服": "副",
}  # fmt: skip
_DROPPED = frozenset("的了是就都也还")


def _slips(text: str, share: float, dice: Dice) -> str:
    """Mistype some characters: one of the same sound, a particle dropped, one doubled, two swapped."""
    letters = list(text)
    for place, letter in enumerate(letters):
        if "一" <= letter <= "鿿" and dice.chance(share):
            way = dice.uniform()
            if way < 0.62 and letter in _HOMOPHONES:
                letters[place] = _HOMOPHONES[letter]
            elif way < 0.8 and letter in _DROPPED:
                letters[place] = ""
            elif way > 0.96:
                letters[place] = letter * 2
    return "".join(letters)


# --- what effects do to a text ----------------------------------------------------------------------------------------
_TOKEN_SENTENCES = ("辛苦了。", "辛苦啦。", "辛苦你们了。", "你们辛苦。", "辛苦看一下。", "辛苦回复。", "辛苦处理。")
_AGAIN_BEFORE = ("再发一遍：", "重发：", "还没人回，", "又来了，", "第二次说，", "补充一下，")
_AGAIN_BEHIND = ("请回复", "有人吗", "（重发）", "谢谢", "急", "在等")


def insert_token(text: str, dice: Dice) -> str:
    """Add a sentence with the token 辛苦 at the end or the beginning; it fits any topic."""
    sentence = dice.pick(_TOKEN_SENTENCES)
    if dice.chance(0.2):
        return sentence[:-1] + "，" + text
    return text + ("" if text[-1] in "。！？" else "，") + sentence


def send_again(text: str, dice: Dice) -> str:
    """The same message sent a second time: other slips, another first or last word, other punctuation."""
    changed = _slips(text, 0.03, dice)
    if dice.chance(0.35):
        changed = dice.pick(_AGAIN_BEFORE) + changed
    if dice.chance(0.35):
        changed = changed + dice.pick(_AGAIN_BEHIND)
    if dice.chance(0.35):
        changed = changed.replace("，", " ", 1) if dice.chance(0.5) else changed.replace("。", "，", 1)
    return changed.rstrip("。") if dice.chance(0.3) else changed


VOICE = Voice(
    fragments=CHINESE,
    facts=facts,
    register=register,
    render=render,
    median_length=44,
    length_spread=0.52,
    shortest=6,
    longest=140,
    terse_below=18,
    trim={"phone": 0.95},
)
