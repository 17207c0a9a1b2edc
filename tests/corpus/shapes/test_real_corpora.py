"""What the real corpora are taken for: proposed task and roles, rows and rejects, file by file."""

from __future__ import annotations

import pytest

from studio.corpus import preview as look
from studio.corpus.importing import Source, import_files
from studio.errors import CorpusError

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
    "messy/derived/csl_200_malformed.jsonl": ("classification", "single_label",
                                              {"text": "text", "label": "category"}, 187, 13),
    "hatecheck/test_suite_annotations.csv": ("classification", "single_label",
                                             {"text": "test_case", "label": "label_gold"}, 3_728, 0),
    "hatecheck/template_placeholders.csv": ("classification", "unlabelled", {"text": "Values"}, 15, 0),
    "edos/subreddit_longlist.csv": ("classification", "unlabelled", {"text": "Subreddit"}, 81, 0),
    "banking77/categories.json": ("classification", "unlabelled", {"text": "text"}, 77, 0),
    "goemotions/labels.txt": ("classification", "unlabelled", {"text": "text"}, 28, 0),
    "goemotions/ekman_labels.txt": ("classification", "unlabelled", {"text": "text"}, 7, 0),
    "lexicons/debiaswe/gender_specific_full.json": ("classification", "unlabelled", {"text": "text"}, 1_441, 0),
    "lexicons/debiaswe/gender_specific_seed.json": ("classification", "unlabelled", {"text": "text"}, 218, 0),
    "lexicons/debiaswe/professions.json": ("classification", "unlabelled", {"text": "column_1"}, 320, 0),
    "lexicons/debiaswe/equalize_pairs.json": ("classification", "unlabelled", {}, 52, 0),
    "lexicons/debiaswe/definitional_pairs.json": ("classification", "unlabelled", {}, 10, 0),
    "lexicons/gn_glove/female_word_file.txt": ("classification", "unlabelled", {"text": "text"}, 222, 0),
    "lexicons/gn_glove/male_word_file.txt": ("classification", "unlabelled", {"text": "text"}, 222, 0),
    "lexicons/holisticbias/standalone_noun_phrases.json": ("classification", "single_label",
                                                           {"text": "noun_phrase"}, 46, 4),
    "lexicons/jigsaw_identity_words.csv": ("classification", "unlabelled", {"text": "word"}, 169, 0),
    "lexicons/wefe/references.txt": ("classification", "unlabelled", {"text": "text"}, 6, 0),
    "lexicons/wefe/weat_w2v____old.txt": ("masked_lm", "plain_text", {"text": "text"}, 348, 0),
    "messy/naughty_strings/blns.json": ("classification", "unlabelled", {"text": "text"}, 513, 2),
}  # fmt: skip
# file -> what the refusal says: no corpus of examples, or not as this file is written
REFUSED = {
    "lexicons/holisticbias/descriptors.json": "one JSON object, not a list",
    "lexicons/holisticbias/nouns.json": "one JSON object, not a list",
    "lexicons/holisticbias/sentence_templates.json": "one JSON object, not a list",
    "lexicons/wefe/WEAT.json": "one JSON object, not a list",
    "tiny_lm/aidreams260K.bin": "binary",
    "tiny_lm/tok512.bin": "binary",
    "messy/tabulator/table.csv.zip": "zip archive",
    "messy/tabulator/special/doublequote.csv.zip": "zip archive",
    "messy/tabulator/special/table.csv.zip": "zip archive",
    "messy/tabulator/special/table.csv.html": "web page",
}
# Files of other projects about reading alone, which reading/test_messy.py goes through one by one.
READ_ELSEWHERE = ("messy/csv-spectrum/", "messy/tabulator/", "messy/naughty_strings/", "messy/derived/")
ABOUT = ("README.md", "SOURCE.txt", "LICENSE", "DATA_LICENSE", "CC-BY-SA4.0.txt")


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


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_corpus_is_refused_with_a_reason(name, shared_data):
    path = shared_data / name
    if not path.is_file():
        pytest.skip(f"{name} is not on this machine")
    with pytest.raises(CorpusError, match=REFUSED[name]) as caught:
        look.preview(Source(path, path.name))
    assert caught.value.fix


def test_no_file_is_left_out_of_the_tables(shared_data):
    names = {str(path.relative_to(shared_data)) for path in shared_data.rglob("*") if path.is_file()}
    data = {name for name in names if not name.endswith(ABOUT)}
    known = {*TABLE, *REFUSED}
    assert {name for name in data - known if not name.startswith(READ_ELSEWHERE)} == set()
