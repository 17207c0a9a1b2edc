"""Near-duplicate families: brute force, datasketch, planted pairs, both scripts, awkward texts."""

import numpy as np
import pandas as pd
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from studio.corpus import dedup
from studio.errors import CorpusError


def rng():
    return np.random.default_rng(0)


def brute_force(texts, threshold=dedup.JACCARD):
    sets = [dedup.shingles(text) for text in texts]
    found = set()
    for i in range(len(texts)):
        for j in range(i):
            union = sets[i] | sets[j]
            same = dedup.normalise(texts[i]) == dedup.normalise(texts[j])
            if same or (union and len(sets[i] & sets[j]) / len(union) >= threshold):
                found.add((j, i))
    return found


def families_of(pairs, n):
    family = list(range(n))
    for _ in range(n):
        for i, j in pairs:
            family[i] = family[j] = min(family[i], family[j])
    return family


def sentences(n, seed, words=400, length=(6, 16)):
    generator = np.random.default_rng(seed)
    vocabulary = [f"word{i}" for i in range(words)]
    return [" ".join(generator.choice(vocabulary, generator.integers(*length))) for _ in range(n)]


def with_one_change(text, generator):
    tokens = text.split()
    tokens[generator.integers(len(tokens))] = "changed"
    return " ".join(tokens)


def test_shingles_by_hand():
    assert dedup.shingles("Reset  MY password") == {
        ("reset",), ("my",), ("password",), ("reset", "my"), ("my", "password")
    }  # fmt: skip
    assert dedup.shingles("密码错误") == {
        ("密", "码"), ("码", "错"), ("错", "误"), ("密", "码", "错"), ("码", "错", "误")
    }  # fmt: skip
    assert dedup.shingles("密") == {("密",)}
    assert dedup.shingles("!!") == {("!",), ("!", "!")}
    assert dedup.shingles("  ") == set()
    assert dedup.jaccard("a b c", "a b d") == pytest.approx(3 / 7)


def test_units_are_numbered_as_if_all_of_them_were_kept_as_text():
    texts = ["reset my my password", "", "密码错误了 ok", "🙂🙂\x00", "my 密码", "of 密 码 of"]
    told = [dedup.units(text) for text in texts]
    codes, lengths, is_han = dedup._coded(texts)
    assert codes.tolist() == pd.factorize(np.array([unit for one in told for unit in one], object))[0].tolist()
    assert lengths.tolist() == [len(one) for one in told] == [4, 0, 6, 3, 3, 4]
    assert is_han.tolist() == [False, False, True, False, True, False]  # more than half, so not two of four


def test_pairs_and_families_are_those_of_brute_force():
    generator = np.random.default_rng(4)
    texts = sentences(150, 1, words=60, length=(8, 14))
    texts += [with_one_change(text, generator) for text in texts[:60]]
    texts += [with_one_change(text, generator) for text in texts[150:180]]  # chains: two steps from the first
    found = dedup.find_duplicates(texts, rng())
    expected = brute_force(texts)
    firsts = set(found.exact.tolist())  # of equal texts only the first is in a listed pair
    listed = {pair for pair in expected if set(pair) <= firsts}
    assert set(zip(found.pairs["first"], found.pairs["second"], strict=True)) == listed
    assert found.families.tolist() == families_of(expected, len(texts))
    for first, second, index in found.pairs.itertuples(index=False):
        assert index == pytest.approx(dedup.jaccard(texts[first], texts[second]))


def test_minhash_estimates_the_true_jaccard_as_well_as_datasketch():
    generator = np.random.default_rng(5)
    texts = sentences(40, 2, length=(20, 40))
    texts += [with_one_change(with_one_change(text, generator), generator) for text in texts]
    matrix, names = dedup._shingle_matrix(texts)
    ours = dedup.signatures(matrix, names, rng(), None)
    theirs = []
    for text in texts:
        one = MinHash(num_perm=128, seed=1)
        one.update_batch([" ".join(shingle).encode() for shingle in dedup.shingles(text)])
        theirs.append(one)
    truth = np.array([dedup.jaccard(texts[i], texts[i + 40]) for i in range(40)])
    estimate = np.array([(ours[i] == ours[i + 40]).mean() for i in range(40)])
    oracle = np.array([theirs[i].jaccard(theirs[i + 40]) for i in range(40)])
    assert np.abs(estimate - truth).mean() < 0.05
    assert np.abs(estimate - truth).mean() < np.abs(oracle - truth).mean() + 0.01


def test_equal_texts_after_normalising_are_exact_copies():
    texts = ["Hello  World", "hello world", "ｈｅｌｌｏ world", "hello there", "", " ", None, "\x00"]
    found = dedup.find_duplicates(texts, rng())
    assert found.exact.tolist() == [0, 0, 0, 3, 4, 4, 4, 7]
    assert found.families.tolist() == [0, 0, 0, 3, 4, 4, 4, 7]
    assert found.rate == pytest.approx(1 - 4 / 8)


@pytest.mark.parametrize("texts", [[], ["one"], [""], [None, None], ["😀", "😀", "🎉"], ["a"] * 200])
def test_small_and_awkward_corpora(texts):
    found = dedup.find_duplicates(texts, rng())
    assert len(found.families) == len(texts)
    assert all(found.families[i] <= i for i in range(len(texts)))


def test_chinese_needs_no_spaces():
    texts = [
        "我的账单上个月被重复扣费了两次，请尽快核实并退款到原来的银行卡",
        "我的账单上个月被重复扣费了两次，请尽快核实并退款到原来的银行卡。谢谢",
        "包裹三天没有更新物流信息，请问是不是丢件了，麻烦帮我查询一下",
        "验证码一直收不到，换了手机也不行，请问怎样才能重新登录账号",
    ]
    assert dedup.find_duplicates(texts, rng()).families.tolist() == [0, 0, 2, 3]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(alphabet="ab 密码!", max_size=14), max_size=25))
def test_families_never_miss_an_exact_copy_and_every_pair_is_true(texts):
    found = dedup.find_duplicates(texts, rng())
    for i, text in enumerate(texts):
        for j in range(i):
            if dedup.normalise(text) == dedup.normalise(texts[j]):
                assert found.exact[i] == found.exact[j] and found.families[i] == found.families[j]
    for first, second, index in found.pairs.itertuples(index=False):
        assert index >= dedup.JACCARD
        assert dedup.jaccard(texts[first], texts[second]) == pytest.approx(index)


def test_planted_copies_are_found_with_macro_f1_above_95():
    """5,000 texts, 600 of them a copy with one or two words changed: is each example a repeat or not?"""
    generator = np.random.default_rng(6)
    texts = sentences(5000, 7, words=3000, length=(10, 24))
    copied = generator.choice(2500, 600, replace=False)
    planted = np.zeros(5000, dtype=bool)
    for source in copied:
        texts[2500 + source] = with_one_change(texts[source], generator)
        planted[[source, 2500 + source]] = True
    found = dedup.find_duplicates(texts, rng())
    sizes = np.bincount(found.families, minlength=5000)
    assert f1_score(planted, sizes[found.families] > 1, average="macro") >= 0.95


def test_a_large_bucket_of_like_texts_becomes_one_family():
    """A template filled 3,000 times must not make 4.5 million pairs."""
    texts = [f"your order number {i} has been shipped to the address you gave us today thank you" for i in range(3000)]
    found = dedup.find_duplicates(texts, rng())
    assert len(np.unique(found.families)) == 1
    assert found.n_candidates < 600_000


def test_the_hash_seed_hardly_matters_and_equal_seeds_agree():
    texts = sentences(300, 8) + sentences(300, 8)
    texts = [text + (" now" if i >= 300 else "") for i, text in enumerate(texts)]
    first, second = dedup.find_duplicates(texts, rng()), dedup.find_duplicates(texts, np.random.default_rng(99))
    assert first.families.tolist() == second.families.tolist()
    assert dedup.find_duplicates(texts, rng()).pairs.equals(first.pairs)


def test_progress_is_told_and_a_bad_threshold_refused():
    seen = []
    dedup.find_duplicates(["a b", "c d"], rng(), progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (2, 2)
    with pytest.raises(CorpusError):
        dedup.find_duplicates(["a"], rng(), threshold=0)
