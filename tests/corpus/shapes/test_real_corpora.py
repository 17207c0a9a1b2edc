"""What the real corpora are taken for: proposed task and roles, rows and rejects, file by file."""

from __future__ import annotations

import pytest

from studio.corpus import preview as look
from studio.corpus.importing import Source, import_files

# file -> (task, shape, {role: column}, examples, rejects)
TABLE = {
    "banking77/train.csv": ("classification", "single_label", {"text": "text", "label": "category"}, 10_003, 0),
    "goemotions/dev.tsv": ("classification_multi", "label_text",
                           {"text": "column_1", "labels": ("column_2",)}, 5_426, 0),
    "goemotions/test.tsv": ("classification_multi", "label_text",
                           {"text": "column_1", "labels": ("column_2",)}, 5_427, 0),
    "edos/edos_labelled_aggregated.csv": ("classification", "single_label",
                                          {"text": "text", "label": "label_sexist", "split": "split"}, 20_000, 0),
    "swsr_zh/SexComment.csv": ("classification", "single_label",
                               {"text": "comment_text", "label": "label", "time": "date",
                                "groups": ("gender", "category", "target")}, 8_969, 0),
    "csl_zh/cls_ctg_dev.tsv": ("classification", "single_label", {"text": "column_2", "label": "column_3"}, 1_000, 0),
    "csl_zh/ts_dev.tsv": ("seq2seq", "summary", {"prompt": "column_2", "completion": "column_3"}, 1_000, 0),
    "hatecheck/test_suite_cases.csv": ("classification", "single_label",
                                       {"text": "test_case", "label": "label_gold"}, 3_728, 0),
    "self_instruct/seed_tasks.jsonl": ("instruction", "self_instruct",
                                       {"prompt": "instruction", "instances": "instances"}, 175, 0),
    "belle_zh/zh_seed_tasks.json": ("instruction", "self_instruct",
                                    {"prompt": "instruction", "instances": "instances"}, 175, 0),
    "belle_zh/eval_set.json": ("generative_qa", "question_answer",
                               {"prompt": "question", "completion": "std_answer"}, None, 0),
    "gpteacher/roleplay-simple-deduped-roleplay-dataset.json": (
        "instruction", "alpaca", {"prompt": "instruction", "context": "input", "completion": "output"}, 3_146, 0),
    "gsm8k/train.jsonl": ("generative_qa", "question_answer", {"prompt": "question", "completion": "answer"}, 7_473, 0),
    "wnut17/emerging.dev.conll": ("token_classification", "conll", {"tokens": "tokens", "tags": "tags"}, 1_009, 0),
    "xquad/xquad.en.json": ("generative_qa", "squad", {"prompt": "question", "completion": "answers",
                                                        "context": "context"}, 1_190, 0),
    "xquad/xquad.zh.json": ("generative_qa", "squad", {"prompt": "question", "completion": "answers",
                                                        "context": "context"}, 1_190, 0),
    "tatoeba_cmn_eng/cmn.txt": ("seq2seq", "pairs", {"prompt": "column_1", "completion": "column_2"}, 22_075, 0),
    "crows_pairs/crows_pairs_anonymized.csv": ("classification", "unlabelled", {}, 1_508, 0),
    "banking77/test.csv": ("classification", "single_label", {"text": "text", "label": "category"}, 3_080, 0),
    "csl_zh/cls_ctg_train.tsv": ("classification", "single_label", {"text": "column_2", "label": "column_3"}, 8_000, 0),
    "csl_zh/cls_ctg_test.tsv": ("classification", "single_label", {"text": "column_2", "label": "column_3"}, 1_000, 0),
    "csl_zh/ts_test.tsv": ("seq2seq", "summary", {"prompt": "column_2", "completion": "column_3"}, 1_000, 0),
    "self_instruct/user_oriented_instructions.jsonl": ("instruction", "self_instruct",
                                                       {"prompt": "instruction"}, 252, 0),
    "wnut17/wnut17train.conll": ("token_classification", "conll", {"tokens": "tokens", "tags": "tags"}, 3_394, 0),
    "wnut17/emerging.test.conll": ("token_classification", "conll", {"tokens": "tokens", "tags": "tags"}, 1_287, 0),
    "gsm8k/test.jsonl": ("generative_qa", "question_answer", {"prompt": "question", "completion": "answer"}, 1_319, 0),
    "hatecheck/all_cases.csv": ("classification", "single_label", {"text": "test_case"}, 3_901, 0),
    "messy/derived/csl_600_gb18030.csv": ("classification", "single_label",
                                          {"text": "text", "label": "category"}, 600, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_a_real_corpus_is_taken_for_what_it_is(name, shared_data, tmp_path):
    path = shared_data / name
    if not path.is_file():
        pytest.skip(f"{name} is not on this machine")
    task, shape, columns, n_examples, n_rejects = TABLE[name]
    seen = look.preview(Source(path, path.name))
    assert (seen.guess.task, seen.guess.shape) == (task, shape)
    assert {role: getattr(seen.roles, role) for role in columns} == columns
    result = import_files([Source(path, path.name)], seen.roles, tmp_path / "s", rejects_path=tmp_path / "r.jsonl")
    assert result.n_rejects == n_rejects
    assert result.n_records == result.n_examples + result.n_rejects
    assert n_examples is None or result.n_examples == n_examples
