"""Edits of form on hand-made cases, English and Chinese."""

from __future__ import annotations

import pytest

from studio.corpus.cleaning.forms import squeeze_space, strip_html, strip_invisible, url_editor

FLAG = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f ok"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<p>Hello <b>you</b></p><p>Bye</p>", "Hello you\nBye"),
        ("<script>var a = '<b>';</script>Fish &amp; chips &lt; 5 &euro;", "Fish & chips < 5 €"),
        ("a < b and c > d, <your name>, <3, 1<2>0", "a < b and c > d, <your name>, <3, 1<2>0"),
        ("<!-- hidden --><div class='x'>退款<br/>已到账</div>", "退款\n已到账"),
        ("see https://x.example/?a=1&copy=2", "see https://x.example/?a=1&copy=2"),
        ("<!-- never closed", "<!-- never closed"),
        ("&#20320;&#22909;&#0;", "你好\ufffd"),
        ("plain text", "plain text"),
    ],
)
def test_html(text, expected):
    assert strip_html(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\u200bb\ufeff\u202ec", "abc"),
        ("one\x00two\x1b[31mred\x07", "onetwored"),
        ("line\nnext\ttab", "line\nnext\ttab"),
        ("👨\u200d👩\u200d👧 and \u200dx", "👨\u200d👩\u200d👧 and x"),
        ("می\u200cخواهم", "می\u200cخواهم"),  # Persian needs its joiner
        (FLAG, FLAG),
        ("hi\U000e0041\U000e0042", "hi"),  # letters smuggled as tags
        ("密\u200b码", "密码"),
    ],
)  # fmt: skip
def test_invisible(text, expected):
    assert strip_invisible(text) == expected


def test_white_space():
    assert squeeze_space("  a \u00a0 b\t\tc \r\n\r\n\r\n\r\nd  ") == "a b c\n\nd"
    assert squeeze_space("def f():\n    return  1") == "def f():\n    return 1"
    assert squeeze_space("def f():\n    return  1", indent=False) == "def f():\nreturn 1"
    assert squeeze_space("密码 忘 了 ok 吗", han=True) == "密码忘了 ok 吗"
    assert squeeze_space("你好　世界") == "你好 世界"


@pytest.mark.parametrize(
    ("text", "masked", "removed"),
    [
        ("see https://a.example/x?y=1.", "see [URL].", "see ."),
        ("go to www.shop.example now", "go to [URL] now", "go to now"),
        ("看https://a.cn/订单，谢谢", "看[URL]订单，谢谢", "看订单，谢谢"),
        ("(https://en.example/wiki/A_(b))", "([URL])", "()"),
        ("version www.", "version www.", "version www."),
        ("half-price http:// sale", "half-price http:// sale", "half-price http:// sale"),
    ],
)
def test_urls(text, masked, removed):
    assert url_editor("mask")(text) == masked
    assert url_editor("remove")(text) == removed
