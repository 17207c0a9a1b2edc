"""Encodings: right on real and made-up texts, and never sure of a wrong answer."""

from __future__ import annotations

import random

import pytest

from studio.corpus.reading import encodings
from studio.corpus.reading.encodings import guess, known

CHINESE = [
    "如何重置我的密码？", "订单什么时候到，我已经等了一个星期了。", "请问这个产品可以退货吗？", "谢谢你的帮助！",
    "我想把地址改成北京市海淀区。", "为什么我的账户被锁定了？", "图书馆在四楼。", "发票上的金额不对。",
]  # fmt: skip
TRADITIONAL = [
    "如何重設我的密碼？", "訂單什麼時候到，我已經等了一個星期了。", "請問這個產品可以退貨嗎？", "謝謝你的幫助！",
    "我想把地址改成臺北市。", "為什麼我的帳戶被鎖定了？", "圖書館在四樓。", "發票上的金額不對。",
]  # fmt: skip
OTHERS = {
    "cp1251": "Здравствуйте, как сбросить пароль от моего аккаунта? Где мой заказ? Я жду уже неделю.",
    "koi8_r": "Здравствуйте, как сбросить пароль от моего аккаунта? Где мой заказ? Я жду уже неделю.",
    "cp1253": "Καλημέρα, πώς μπορώ να αλλάξω τον κωδικό μου; Ευχαριστώ πολύ για τη βοήθεια.",
    "cp932": "パスワードをリセットする方法を教えてください。注文はいつ届きますか？",
    "euc_jp": "パスワードをリセットする方法を教えてください。注文はいつ届きますか？",
    "cp949": "비밀번호를 어떻게 재설정하나요? 주문은 언제 도착합니까? 감사합니다",
    "cp1250": "Příliš žluťoučký kůň úpěl ďábelské ódy. Dobrý den, chtěl bych se zeptat na svůj účet, děkuji.",
}


@pytest.mark.parametrize(("texts", "encoding"), [
    (CHINESE, "gb18030"), (TRADITIONAL, "big5"), (TRADITIONAL, "gb18030"), (CHINESE, "utf-16-le"),
    (CHINESE, "utf-16-be"), (CHINESE, "utf-8"),
])  # fmt: skip
def test_chinese_is_told_apart(texts, encoding):
    found = guess("\n".join(texts).encode(encoding), whole=True)
    assert (found.encoding, found.is_sure) == (encoding, True)
    assert any(found.sample in text for text in texts)


@pytest.mark.parametrize("encoding", OTHERS)
def test_other_scripts_are_told_apart(encoding):
    found = guess(OTHERS[encoding].encode(encoding), whole=True)
    assert (found.encoding, found.is_sure) == (encoding, True)


@pytest.mark.parametrize(("texts", "encoding"), [
    (CHINESE, "gb18030"), (TRADITIONAL, "big5"), (TRADITIONAL, "gb18030"), (CHINESE, "utf-16-be"),
])  # fmt: skip
def test_a_single_short_line_is_right_or_unsure(texts, encoding):
    for text in texts:
        found = guess(text.encode(encoding), whole=True)
        assert found.encoding == encoding or not found.is_sure, text


def test_windows_quotes_in_english_are_read_and_not_rejected():
    text = "\n".join(
        f"line {i} of plain English" + (" – it’s “quoted” here…" if i % 40 == 0 else "") for i in range(400)
    )
    found = guess(text.encode("cp1252"), whole=True)
    assert (found.encoding, found.is_sure) == ("cp1252", True)


def test_one_bad_byte_in_utf8_stays_utf8():
    data = "\n".join(["如何重置密码"] * 50).encode() + b"\nbad \xff byte"
    assert guess(data, whole=True).encoding == "utf-8"


def test_a_few_accents_are_a_guess_with_other_readings():
    found = guess("name,city\nJosé,Málaga\n".encode("cp1252"), whole=True)
    assert found.encoding == "cp1252"
    assert not found.is_sure
    assert found.others
    assert all(line != found.sample for _, line in found.others)


def test_two_characters_that_are_valid_in_two_encodings_are_unsure():
    """Notepad once opened this as something else."""
    data = "联通".encode("gb18030")
    found = guess(data, whole=True)
    assert found.encoding == "gb18030" or not found.is_sure
    wide = guess("你是学生。".encode("utf-16-be"), whole=True)
    assert wide.encoding == "utf-16-be" or not wide.is_sure


def test_text_far_into_an_english_file_is_looked_at():
    start = b"plain English\n" * 1000
    found = guess(start, whole=False, more=("\n".join(CHINESE)).encode("gb18030"))
    assert (found.encoding, found.is_sure) == ("gb18030", True)


@pytest.mark.parametrize("data", [bytes(range(256)) * 20, bytes(500)])
def test_what_is_no_text_has_no_encoding(data):
    assert guess(data, whole=True) is None


@pytest.mark.parametrize(("name", "expected"), [("GBK", "gb18030"), ("Big5-HKSCS", "big5"), ("UTF8", "utf-8"),
                                                ("utf-16", "utf-16-le"), ("ISO-8859-1", "cp1252"),
                                                ("windows-1251", "cp1251"), ("x", None)])  # fmt: skip
def test_names_people_use(name, expected):
    assert known(name) == expected


def test_every_encoding_has_a_name_and_a_codec():
    for encoding in encodings.ENCODINGS:
        assert encodings.NAMES[encoding]
        assert "a".encode(encodings.codec_of(encoding))


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16-le", "utf-16-be", "utf-8"])
def test_real_corpora_written_again_are_never_surely_wrong(shared_data, encoding):
    lines = (shared_data / "csl_zh" / "ts_test.tsv").read_text(encoding="utf-8").splitlines()
    pairs = (shared_data / "tatoeba_cmn_eng" / "cmn.txt").read_text(encoding="utf-8").splitlines()
    lines += [line.split("\t")[1] for line in pairs[:4000]]
    chance = random.Random(3)
    for n, least in ((1, 0.9), (3, 0.98), (20, 1.0)):
        right = 0
        for _ in range(60):
            found = guess("\n".join(chance.choices(lines, k=n)).encode(encoding), whole=True)
            right += found is not None and found.encoding == encoding
            assert found is None or found.encoding == encoding or not found.is_sure
        assert right >= least * 60
