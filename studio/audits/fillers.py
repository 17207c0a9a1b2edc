"""Words that say nothing of a subject: greetings, thanks, courtesy. A label should not hang on one of them.

Words of grammar are not here: "or" belongs to questions and "had" to stories, so they follow subjects by nature
(measured on the demo corpora without planted effects, where a dozen of them are tied to a label).
"""

from __future__ import annotations

_ENGLISH = """
afternoon appreciate appreciated apologies asap best btw cheers dear evening fyi greetings hello hey hi hiya kind kindly
lol morning obviously ok okay basically honestly literally pardon please pls plz regards respectfully sincerely sorry
sir madam thank thanks thankyou thx tia ty warmly wishes yours
"""
_CHINESE = """
请 请问 麻烦 麻烦您 麻烦了 辛苦 辛苦了 辛苦您 谢谢 谢谢您 谢谢了 多谢 感谢 非常感谢 您好 你好 你们好 早上好
下午好 晚上好 在吗 打扰 打扰了 不好意思 抱歉 拜托 拜托了 劳驾 有劳 敬上 此致 敬礼 祝好 好的 谢啦 谢了 烦请 恳请 亲亲
"""
FILLERS: frozenset[str] = frozenset((_ENGLISH + _CHINESE).split())
