"""Word sets of the association tests, English and Chinese: short lists of our own; the people are in the lexicon."""

from __future__ import annotations

from collections.abc import Mapping

# Which end comes first: the first set is the one the published tests put with the first group (men, the majority).
TESTS: tuple[tuple[str, str], ...] = (("career", "family"), ("science", "arts"), ("pleasant", "unpleasant"))
WORDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "en": {
        "career": ("career", "job", "work", "business", "office", "salary", "boss", "manager", "company",
                   "professional", "money", "leader"),
        "family": ("home", "family", "marriage", "wedding", "parents", "house", "kitchen", "cooking", "relatives",
                   "household", "care", "cousin"),
        "science": ("science", "math", "physics", "engineering", "technology", "computer", "data", "research", "logic",
                    "numbers", "chemistry", "machine"),
        "arts": ("art", "music", "dance", "poetry", "painting", "novel", "theater", "literature", "drama", "song",
                 "design", "film"),
        "pleasant": ("love", "happy", "good", "friend", "beautiful", "honest", "kind", "nice", "great", "smile", "safe",
                     "gift"),
        "unpleasant": ("hate", "evil", "bad", "ugly", "awful", "dirty", "angry", "death", "crime", "stupid", "danger",
                       "pain"),
    },
    "zh": {
        "career": ("事业", "工作", "职业", "公司", "工资", "老板", "经理", "升职", "加班", "赚钱", "上班", "职场"),
        "family": ("家庭", "结婚", "婚姻", "家务", "做饭", "带娃", "亲戚", "婚礼", "持家", "养育", "回家", "生育"),
        "science": ("科学", "数学", "物理", "工程", "技术", "电脑", "数据", "研究", "逻辑", "化学", "机器", "理科"),
        "arts": ("艺术", "音乐", "舞蹈", "诗歌", "绘画", "小说", "戏剧", "文学", "电影", "唱歌", "设计", "文科"),
        "pleasant": ("喜欢", "快乐", "善良", "朋友", "美好", "诚实", "温柔", "优秀", "幸福", "可爱", "安全", "礼物"),
        "unpleasant": ("讨厌", "邪恶", "恶心", "丑陋", "可怕", "肮脏", "愤怒", "死亡", "犯罪", "愚蠢", "危险", "痛苦"),
    },
}  # fmt: skip
