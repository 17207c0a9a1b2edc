"""Identity terms, English and Chinese: the lists behind groups that say whom a text speaks of.

Compiled by hand for Winnow from common dictionary words; nothing was copied. The English lists are held, in a test,
against the identity words of the Jigsaw unintended-bias work (Dixon et al. 2018: four in five of its plain
identity words are found) and the gendered words of GN-GloVe (Zhao et al. 2018) and of Bolukbasi et al. (2016), none of
which they contradict; the Chinese lists have no such check. Slurs are left out on purpose: these lists find whom a text
mentions, not whether it insults. Homographs that mislead more often than they help are left out too ("straight",
"black", "white", "old" and "guys" by themselves; "男" and "女" by themselves).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

SEVERAL: Mapping[str, str] = {"en": "several", "zh": "多类"}
NONE: Mapping[str, str] = {"en": "none named", "zh": "未提及"}

# attribute -> language -> value -> terms; an English term also matches with a plural s or a possessive.
IDENTITY_TERMS: Mapping[str, Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "gender": {
        "en": {
            "women": (
                "she", "her", "hers", "herself", "woman", "women", "girl", "female", "lady", "ladies", "mother", "mom",
                "mum", "daughter", "sister", "wife", "wives", "aunt", "grandmother", "grandma", "girlfriend", "niece",
                "mommy", "mama", "princess", "widow", "actress", "bride",
                "mrs", "ms",
            ),
            "men": (
                "he", "him", "his", "himself", "man", "men", "boy", "male", "gentleman", "gentlemen", "father", "dad",
                "son", "brother", "husband", "uncle", "grandfather", "grandpa", "boyfriend", "nephew", "daddy",
                "papa", "prince", "widower", "groom", "mr",
            ),
            "non-binary": ("nonbinary", "non-binary", "genderqueer", "transgender", "trans person", "trans people",
                           "trans woman", "trans women", "trans man", "trans men"),
        },
        "zh": {
            "女性": (
                "她", "她们", "女人", "女性", "女孩", "女孩子", "女生", "女士", "女子", "妇女", "姑娘", "女儿", "母亲",
                "妈妈", "姐姐", "妹妹", "姐妹", "妻子", "老婆", "奶奶", "外婆", "姥姥", "阿姨", "女朋友", "女友",
                "婆婆", "媳妇",
            ),
            "男性": (
                "男人", "男性", "男孩", "男孩子", "男生", "先生", "男士", "男子", "儿子", "父亲", "爸爸", "哥哥",
                "弟弟", "兄弟", "丈夫", "老公", "爷爷", "外公", "姥爷", "叔叔", "男朋友", "男友", "公公", "小伙子",
            ),
            "跨性别": ("跨性别", "变性人", "非二元性别"),
        },
    },
    "age": {
        "en": {
            "young": ("child", "children", "kid", "baby", "babies", "toddler", "teenager", "teen", "teenage",
                      "youngster", "young people", "young person", "young man", "young woman", "younger people",
                      "schoolchild", "adolescent"),
            "old": ("elderly", "old people", "old man", "old woman", "senior citizen", "pensioner",
                    "retiree", "grandparent", "older adult", "older people",
                    "older person", "middle aged", "middle-aged"),
        },
        "zh": {
            "年轻": ("儿童", "小孩", "孩子", "婴儿", "宝宝", "青少年", "未成年人", "小朋友"),
            "年长": ("老人", "老年人", "老人家", "长者", "退休", "养老", "老头", "老太太", "大爷", "大妈", "高龄"),
        },
    },
    "religion": {
        "en": {
            "Muslim": ("muslim", "islam", "islamic", "mosque", "quran", "koran", "imam"),
            "Christian": ("christian", "christianity", "catholic", "protestant", "church", "bible", "jesus",
                          "evangelical"),
            "Jewish": ("jew", "jewish", "judaism", "synagogue", "rabbi", "torah"),
            "Hindu": ("hindu", "hinduism"),
            "Buddhist": ("buddhist", "buddhism", "buddha"),
            "Sikh": ("sikh", "sikhism", "gurdwara"),
            "Taoist": ("taoist", "taoism", "daoist"),
            "atheist": ("atheist", "atheism", "agnostic"),
        },
        "zh": {
            "穆斯林": ("穆斯林", "伊斯兰", "清真寺", "古兰经", "回民"),
            "基督教": ("基督教", "基督徒", "天主教", "教堂", "圣经", "耶稣"),
            "犹太教": ("犹太人", "犹太教", "犹太"),
            "印度教": ("印度教",),
            "佛教": ("佛教", "和尚", "寺庙", "佛祖", "菩萨", "尼姑"),
            "道教": ("道教", "道士", "道观"),
        },
    },
    "ethnicity": {
        "en": {
            "Black": ("black people", "black person", "black man", "black men", "black woman", "black women",
                      "african american", "african-american"),
            "white": ("white people", "white person", "white man", "white men", "white woman", "white women",
                      "caucasian", "european american"),
            "Asian": ("asian", "asian american", "chinese", "japanese", "korean", "vietnamese", "filipino",
                      "indian", "pakistani"),
            "Hispanic": ("hispanic", "latino", "latina", "latinx", "mexican", "puerto rican"),
            "Indigenous": ("indigenous", "native american", "aboriginal", "first nations", "inuit"),
            "Arab": ("arab", "arabic", "middle eastern"),
            "immigrant": ("immigrant", "migrant", "refugee", "asylum seeker", "foreigner"),
        },
        "zh": {
            "黑人": ("黑人", "非洲人", "非裔"),
            "白人": ("白人", "欧美人"),
            "亚裔": ("亚裔", "华人", "华裔", "日本人", "韩国人", "印度人", "越南人"),
            "少数民族": ("少数民族", "维吾尔", "藏族", "回族", "蒙古族", "苗族", "壮族", "朝鲜族", "彝族"),
            "移民": ("移民", "难民", "外国人", "老外", "外地人", "农民工"),
        },
    },
    "orientation": {
        "en": {
            "gay or lesbian": ("gay", "lesbian", "homosexual", "same-sex"),
            "bisexual": ("bisexual", "pansexual"),
            "LGBT": ("lgbt", "lgbtq", "lgbtq+", "queer", "pride parade"),
            "heterosexual": ("heterosexual", "straight people", "straight man", "straight woman"),
        },
        "zh": {
            "同性恋": ("同性恋", "男同性恋", "女同性恋", "同志群体", "拉拉", "出柜"),
            "双性恋": ("双性恋",),
            "性少数": ("性少数", "彩虹旗", "骄傲月", "酷儿"),
            "异性恋": ("异性恋", "直男", "直女"),
        },
    },
    "disability": {
        "en": {
            "disability": ("disabled", "disability", "disabilities", "wheelchair", "blind person", "blind people",
                           "legally blind",
                           "visually impaired", "deaf", "hard of hearing", "autistic", "autism", "paralyzed",
                           "amputee", "down syndrome", "dyslexia", "dyslexic"),
            "mental health": ("depression", "bipolar", "schizophrenia", "schizophrenic", "anxiety disorder", "ptsd",
                              "mental illness", "mentally ill"),
        },
        "zh": {
            "残障": ("残疾", "残疾人", "残障", "轮椅", "盲人", "失明", "聋人", "失聪", "听障", "视障", "自闭症", "瘫痪",
                     "截肢", "唐氏综合征"),
            "心理健康": ("抑郁症", "双相情感障碍", "精神分裂", "焦虑症", "精神病", "心理疾病"),
        },
    },
}  # fmt: skip
ATTRIBUTES: tuple[str, ...] = tuple(IDENTITY_TERMS)


def compile_terms(terms: Mapping[str, Sequence[str]], language: str) -> tuple[re.Pattern[str], dict[str, str]]:
    """One pattern over all terms, and the value each term stands for.

    English terms match whole words, any case, also with a plural s or a possessive. Chinese terms match anywhere, the
    longest first, so that 女孩子 is one mention and not two. All terms are taken literally.
    """
    value_of: dict[str, str] = {}
    for value, listed in terms.items():
        for term in listed:
            value_of.setdefault(term.lower(), value)
    alternatives = "|".join(re.escape(term) for term in sorted(value_of, key=lambda term: (-len(term), term)))
    if language == "zh":
        return re.compile(f"({alternatives})", re.IGNORECASE), value_of
    return re.compile(rf"(?<![\w-])({alternatives})(?:'s|’s|s)?(?![\w-])", re.IGNORECASE), value_of
