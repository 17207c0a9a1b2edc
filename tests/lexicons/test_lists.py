"""The built-in English list against public ones: identity words, gendered words, targets of a hate-speech suite."""

import csv
import json

from studio.lexicons import builtin, matcher

TARGETS = {
    "women": ("gender", "women"),
    "trans people": ("gender", "trans and non-binary"),
    "gay people": ("sexual_orientation", "gay or lesbian"),
    "black people": ("race_ethnicity", "Black"),
    "disabled people": ("disability", "disability in general"),
    "Muslims": ("religion", "Muslim"),
    "immigrants": ("nationality_region", "immigrant"),
}


def plain_hits(text):
    return {(m.term.axis, m.term.group) for m in matcher(builtin("en")).find(text) if not m.term.is_ambiguous}


def test_hatecheck_targets_are_found_where_a_template_names_them(shared_data):
    """Recall per target and over all, in the suite's cases that put an identity word into a template as it is spelt.

    Cases with a slur instead of an identity word and cases with a broken spelling are not asked for: the lists hold no
    slurs, and a term with a letter missing is no term.
    """
    with (shared_data / "hatecheck" / "test_suite_cases.csv").open(encoding="utf-8") as handle:
        rows = [row for row in csv.DictReader(handle)
                if "[IDENTITY" in row["case_templ"] and not row["functionality"].startswith("spell")]  # fmt: skip
    assert len(rows) == 2331
    found = {target: [TARGETS[target] in plain_hits(row["test_case"]) for row in rows if row["target_ident"] == target]
             for target in TARGETS}  # fmt: skip
    assert min(sum(hits) / len(hits) for hits in found.values()) >= 0.95
    assert sum(map(sum, found.values())) / len(rows) >= 0.99


def test_jigsaw_identity_words_are_found(shared_data):
    """Bare words that mostly mean something else are found too, as ambiguous ones; slurs are not."""
    slurs = {"kike", "hook nose", "wetback", "spic", "chink", "gook"}
    with (shared_data / "lexicons" / "jigsaw_identity_words.csv").open(encoding="utf-8") as handle:
        words = [
            row["word"] for row in csv.DictReader(handle) if row["type"] == "identity" and row["word"] not in slurs
        ]
    missed = [word for word in words if not matcher(builtin("en")).find(word)]
    assert len(words) == 51
    assert len(missed) <= 0.1 * len(words), missed


def test_gendered_words_of_public_lists_are_not_contradicted(shared_data):
    folder = shared_data / "lexicons"
    gendered = [(line.strip(), value) for name, value in (("female", "women"), ("male", "men"))
                for line in (folder / "gn_glove" / f"{name}_word_file.txt").read_text().splitlines()]  # fmt: skip
    pairs = json.loads((folder / "debiaswe" / "definitional_pairs.json").read_text())
    gendered += [(word, value) for pair in pairs for word, value in zip(pair, ("women", "men"), strict=True)]
    named = [(word, value, group) for word, value in gendered for axis, group in plain_hits(word) if axis == "gender"]
    assert [entry for entry in named if entry[1] != entry[2]] == []
    assert len(named) >= 60


def test_holisticbias_descriptors_fall_on_their_own_axis(shared_data):
    """Where the list finds one of that dataset's descriptors without doubt, it is on the axis the dataset gives it."""
    axes = {name: name for name in ("age", "race_ethnicity", "religion", "sexual_orientation")}
    axes |= {"ability": "disability", "gender_and_sex": "gender", "socioeconomic_class": "socioeconomic"}
    listed = json.loads((shared_data / "lexicons" / "holisticbias" / "descriptors.json").read_text())
    found = wrong = 0
    for name, axis in axes.items():
        for group in listed.get(name, {}).values():
            for entry in group:
                word = entry if isinstance(entry, str) else entry.get("descriptor", "")
                hits = {hit[0] for hit in plain_hits(f"{word} people")}
                found += bool(hits)
                wrong += bool(hits) and axis not in hits
    assert found >= 100
    assert wrong <= 0.1 * found
