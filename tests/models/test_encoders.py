from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from studio.errors import ModelError
from studio.models import choose_device, encoders, minilm
from studio.models.minilm import MiniLM
from studio.models.static import StaticEncoder

TEXTS = [
    "My card has not arrived yet.",
    "Where is my card?",
    "",
    "   \n ",
    "I was charged twice for one payment",
    "the exchange rate is wrong " * 120,  # longer than 256 tokens: cut
    "naïve café — 100 €",
    "x",
]


@pytest.fixture(scope="module")
def sentence_transformer():
    library = pytest.importorskip("sentence_transformers")
    return library.SentenceTransformer(str(minilm.model_folder()), device="cpu", local_files_only=True)


@pytest.fixture(scope="module")
def exact() -> MiniLM:
    return MiniLM("cpu", precision="float32")


def test_the_default_follows_language_and_size():
    assert encoders.choose_encoder("en", 50_000) == ("minilm", "explore.encoder_reason.english")
    assert encoders.choose_encoder("en", 50_001) == ("static", "explore.encoder_reason.large")
    for language in ("zh", "mixed", "other"):
        assert encoders.choose_encoder(language, 10)[0] == "lexical"


def test_names_and_keys_find_the_record_and_others_are_refused():
    for info in encoders.ENCODERS:
        assert encoders.encoder_info(info.name) is info
        assert encoders.encoder_info(info.key) is info
    with pytest.raises(ModelError, match="no such encoder"):
        encoders.encoder_info("../minilm")


def test_minilm_gives_the_vectors_of_sentence_transformers(exact, sentence_transformer):
    ours = exact.encode(TEXTS)
    theirs = sentence_transformer.encode(TEXTS, normalize_embeddings=True)
    filled = [i for i, text in enumerate(TEXTS) if text.strip()]
    assert np.abs(ours[filled] - theirs[filled]).max() < 1e-5
    assert (ours[[2, 3]] == 0).all()
    assert ours.dtype == np.float32


def test_low_precision_stays_within_cosine_0995(exact):
    fast = MiniLM("cpu")
    filled = [text for text in TEXTS if text.strip()]
    cosine = (fast.encode(filled) * exact.encode(filled)).sum(axis=1)
    assert cosine.min() >= 0.995


def test_order_of_texts_does_not_change_their_vectors(exact):
    there = exact.encode(TEXTS)
    back = exact.encode(TEXTS[::-1])[::-1]
    assert np.abs(there - back).max() < 1e-5


def test_progress_reaches_the_end_and_a_stop_is_obeyed(exact):
    class Stop(Exception):
        pass

    def stop() -> None:
        raise Stop

    seen: list[int] = []
    exact.encode(TEXTS, on_progress=seen.append)
    assert seen == sorted(seen) and seen[-1] == len(TEXTS)
    with pytest.raises(Stop):
        exact.encode(TEXTS, check_stop=stop)


def test_changed_weights_are_refused(monkeypatch):
    monkeypatch.setattr(minilm, "WEIGHTS_SHA256", "0" * 64)
    minilm.model_folder.cache_clear()
    with pytest.raises(ModelError, match="not the known file"):
        minilm.model_folder()
    minilm.model_folder.cache_clear()


def test_batches_hold_like_lengths_and_respect_the_budget():
    lengths = [5, 300, 7, 7, 90, 1, 2, 64]
    batches = list(minilm._batches(lengths, 100))
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or max(lengths[i] for i in batch) * len(batch) <= 100


def test_chinese_is_unknown_to_the_english_encoder_and_english_is_not(exact):
    assert encoders.unknown_share(exact, ["我的银行卡还没有寄到,请问什么时候能收到?"]) > encoders.UNKNOWN_SHARE_LIMIT
    assert encoders.unknown_share(exact, ["My card has not arrived yet."]) == 0
    assert encoders.unknown_share(exact, []) == 0


class FakeTeacher:
    """Gives every token list the mean of fixed random token vectors: distilling without the transformer's time."""

    dim = 384

    def __init__(self) -> None:
        self.tokenizer = minilm.load_tokenizer()
        self.table = np.random.default_rng(0).normal(size=(30_522, 384)).astype(np.float32)

    def pool(self, token_ids):
        return self.table[np.asarray(token_ids)].mean(axis=1)


def test_static_is_saved_read_back_unchanged_and_follows_its_formula(settings):
    with pytest.raises(ModelError, match="not on this machine"):
        encoders.load_encoder("static", settings)
    teacher = FakeTeacher()
    made = StaticEncoder.distil(teacher)
    made.save(settings.workspace.cache)
    again = encoders.prepare_encoder("static", settings, [], out_dir=settings.workspace.cache)
    vectors = again.encode(TEXTS)
    assert np.array_equal(made.encode(TEXTS), vectors)
    assert (vectors[[2, 3]] == 0).all()
    assert np.abs(np.linalg.norm(vectors[[0, 1, 4, 5, 6]], axis=1) - 1).max() < 1e-5
    # mean of the token vectors, scaled to length 1
    ids = teacher.tokenizer.encode(TEXTS[1], add_special_tokens=False).ids
    mean = made.token_vectors[ids].mean(axis=0)
    assert np.allclose(vectors[1], mean / np.linalg.norm(mean), atol=1e-5)
    # special tokens say nothing, frequent words less than rare ones
    tokens = teacher.tokenizer.get_vocab()
    length = np.linalg.norm(made.token_vectors, axis=1)
    assert length[tokens["[CLS]"]] == 0 and length[tokens["[unused5]"]] == 0
    assert length[tokens["the"]] < 0.4 * length[tokens["mortgage"]]


def test_a_stopped_distillation_leaves_nothing(settings):
    class Stop(Exception):
        pass

    def stop() -> None:
        raise Stop

    with pytest.raises(Stop):
        StaticEncoder.distil(FakeTeacher(), check_stop=stop)
    assert not StaticEncoder.is_saved(settings.workspace.cache)


@pytest.mark.slow
def test_the_real_static_encoder_knows_which_texts_are_alike(settings):
    made = encoders.prepare_encoder("static", settings, [], out_dir=settings.workspace.cache)
    vectors = made.encode(TEXTS)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[5] + 0.2


def test_a_device_that_is_not_there_is_named():
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    assert choose_device("auto") in ("cpu", "mps")
    with pytest.raises(ModelError, match="does not have the device"):
        choose_device("cuda")


def test_rows_that_are_not_numbers_are_refused():
    rows = np.ones((3, 4), dtype=np.float32)
    encoders.check_rows(rows)
    rows[1, 2] = np.nan
    with pytest.raises(ModelError, match="not numbers") as caught:
        encoders.check_rows(rows)
    assert "position 1" in caught.value.got_text()


def test_lexical_needs_its_fitted_state(settings):
    with pytest.raises(ModelError, match="fitted on a snapshot"):
        encoders.load_encoder("lexical", settings)
    with pytest.raises(ModelError, match="cannot be read"):
        encoders.load_encoder("lexical", settings, fitted_dir=settings.workspace.cache)


def test_the_device_setting_reaches_the_encoder(settings):
    wrong = dataclasses.replace(settings, device="mps")
    import torch

    if torch.backends.mps.is_available():
        pytest.skip("this machine has mps")
    with pytest.raises(ModelError):
        encoders.load_encoder("minilm", wrong)
