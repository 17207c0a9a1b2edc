"""Personal data: every positive is found as what it is, and near-misses stay as they are."""

from __future__ import annotations

import pytest

from studio.corpus.cleaning.privacy import is_card, is_resident_id, mask, spans

POSITIVES = [
    ("mail ann.lee+x@mail.example.co.uk now", "email"), ("邮箱abc_1@qq.com谢谢", "email"), ("A＠example.com", "email"),
    ("call (415) 555-2671", "phone"), ("415-555-2671", "phone"), ("+1 415.555.2671", "phone"),
    ("+44 20 7946 0958", "phone"), ("07911 123456", "phone"), ("020 7946 0958", "phone"),
    ("+33 1 42 68 53 00", "phone"), ("电话13812345678。", "phone"), ("138 1234 5678", "phone"),
    ("+86 138-1234-5678", "phone"), ("+8613812345678", "phone"),
    ("座机010-62345678", "phone"), ("0755-86013388", "phone"), ("400-820-8820", "phone"),
    ("身份证11010519491231002X", "resident_id"), ("440524188001010014", "resident_id"),
    ("card 4111 1111 1111 1111", "card"), ("5500-0000-0000-0004", "card"), ("340000000000009", "card"),
    ("卡号6222021234567890128", "card"),
    ("from 8.8.8.8 today", "ip"), ("2001:4860:4860::8888", "ip"),
]  # fmt: skip
NEAR_MISSES = [
    "order 1234567890123", "2023-10-20 12:30:45", "20231020123045", "US$ 1,234,567.89", "3.14159265358979",
    "version 1.2.3.4", "版本 8.8.4.4", "192.168.0.1", "127.0.0.1", "300.1.2.3", "icon@2x.png", "@user", "a@b",
    "5@3.50", "ISBN 978-3-16-148410-0", "4111 1111 1111 1112", "110105194912310021", "11010519491331002X",
    "99010519491231002X", "SF1234567890123", "订单号202310201234567", "12345678901", "12:30:45", "1:2:3:4",
    "0000-0000-0000-0000", "page 12-13-14", "2-1 3-2 4-1 5-0", "0.00000012345678", "UID100200300400500",
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind"), POSITIVES)
def test_found(text, kind):
    found = spans(text)
    assert [one[2] for one in found] == [kind], (text, found)


@pytest.mark.parametrize("text", NEAR_MISSES)
def test_left_alone(text):
    assert spans(text) == [], text


def test_check_digits_by_hand():
    """11010519491231002X: weighted sum 167, 167 mod 11 = 2, whose check character is X."""
    assert is_resident_id("11010519491231002X") and is_resident_id("11010519491231002x")
    assert not is_resident_id("110105194902300020")  # 30 February
    assert is_card("79927398713") is False  # Luhn holds, but no issuer has such numbers
    assert is_card("378282246310005")


def test_mask_replaces_every_kind_once_and_keeps_the_rest():
    text = "Ann (ann@x.example.com, 415-555-2671) paid with 4111111111111111 from 8.8.8.8, 证件11010519491231002X。"
    assert mask(text) == "Ann ([EMAIL], [PHONE]) paid with [CARD] from [IP], 证件[ID]。"
    assert mask(mask(text)) == mask(text)
    assert mask(text, ("email",)) == text.replace("ann@x.example.com", "[EMAIL]")
