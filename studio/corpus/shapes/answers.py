"""Shapes whose examples ask for a text: instructions, prompts, questions, pairs of texts."""

from __future__ import annotations

from dataclasses import replace

from studio.corpus.reading.features import TRANSLATION
from studio.corpus.roles import Roles, guess_label
from studio.corpus.shapes.proposal import Proposal, Shape
from studio.corpus.shapes.sample import Sample

_INSTRUCTIONS = ("instruction", "instructions", "task_description", "指令")
_INPUTS = ("input", "inputs", "context", "输入")
_OUTPUTS = ("output", "outputs", "response", "answer", "completion", "target", "输出", "回答", "回复")
_SYSTEM, _HISTORY = ("system", "system_prompt", "系统"), ("history", "历史")
_PROMPTS = ("prompt", "input_text", "source_text", "query", "input", "提示")
_COMPLETIONS = ("completion", "response", "output", "target_text", "generation", "reply", "answer", "回复", "回答")
_QUESTIONS = ("question", "query", "问题", "提问")
_ANSWERS = ("answers", "answer", "std_answer", "best_answer", "final_answer", "gold_answer", "response", "output",
            "答案", "回答", "标准答案")  # fmt: skip
_CONTEXTS = ("context", "passage", "paragraph", "article", "document", "story", "上下文", "文章", "段落", "材料")
_PAIRS = (
    ("source", "target"), ("src", "tgt"), ("src", "trg"), ("source_text", "target_text"), ("en", "zh"), ("zh", "en"),
    ("english", "chinese"), ("chinese", "english"), ("英文", "中文"), ("中文", "英文"), ("原文", "译文"),
    ("input", "output"), ("input_text", "output_text"), ("article", "highlights"), ("article", "summary"),
    ("document", "summary"), ("dialogue", "summary"), ("text", "summary"), ("content", "summary"),
    ("abstract", "title"), ("content", "title"), ("body", "title"), ("文章", "摘要"), ("正文", "标题"),
    ("内容", "标题"), ("摘要", "标题"), ("original", "simplified"), ("sentence1", "paraphrase"),
    ("question", "paraphrase"),
)  # fmt: skip
_FEW_ANSWERS = 20  # ours: so few different answers over so many examples are labels
_MANY_EXAMPLES = 60
_SAME_CHARACTERS = 0.6  # ours: share of a title's characters that also stand in its text


def _two(first: str, second: str) -> tuple[str, dict[str, str]]:
    return ("two_columns", {"one": first, "two": second})


def _weaker_with_few(sample: Sample, completion: str, strength: float) -> float:
    """Less sure when the answers look like labels."""
    few = len(sample.rows) >= _MANY_EXAMPLES and 0 < sample.distinct(completion) <= _FEW_ANSWERS
    return min(strength, 0.6) if few and not sample.is_nested(completion) else strength


def _instruction(sample: Sample) -> Proposal | None:
    prompt = sample.named(*_INSTRUCTIONS)
    if not prompt or sample.is_nested(prompt):
        return None
    completion = sample.named(*_OUTPUTS)
    if not completion:
        return None
    context = sample.named(*_INPUTS)
    history, system = sample.named(*_HISTORY), sample.named(*_SYSTEM)
    if sample.is_nested(history) or (system and sample.n_filled(system)):
        roles = Roles(task="chat", form="conversational", prompt=prompt, context=context, completion=completion,
                      history=history, system=system)  # fmt: skip
        return Proposal("llama_factory", roles, 0.95, (_two(prompt, history or system or ""),))
    roles = Roles(task="instruction", prompt=prompt, context=context, completion=completion)
    return Proposal("alpaca", roles, 0.97, (_two(prompt, completion),))


def _self_instruct(sample: Sample) -> Proposal | None:
    prompt, instances = sample.named(*_INSTRUCTIONS), sample.named("instances")
    if not prompt or not sample.is_nested(instances):
        return None
    roles = Roles(task="instruction", prompt=prompt, instances=instances)
    return Proposal("self_instruct", roles, 0.98, (_two(prompt, instances or ""),))


def _prompt_completion(sample: Sample) -> Proposal | None:
    prompt = sample.named(*_PROMPTS)
    completion = next((name for name in _COMPLETIONS if sample.named(name) not in (None, prompt)), None)
    completion = sample.named(completion) if completion else None
    if not prompt or not completion or prompt == "input" or sample.named(*_INSTRUCTIONS):
        return None
    talks = sample.is_nested(prompt) or sample.is_nested(completion)
    roles = Roles(task="prompt_completion", prompt=prompt, completion=completion,
                  form="conversational" if talks else "standard")  # fmt: skip
    return Proposal("prompt_completion", roles, _weaker_with_few(sample, completion, 0.95), (_two(prompt, completion),))


def _question(sample: Sample) -> Proposal | None:
    question, given = sample.named(*_QUESTIONS), sample.named(*_ANSWERS)
    if not question or not given or sample.is_nested(question):
        return None
    context = sample.named(*_CONTEXTS)
    roles = Roles(task="generative_qa", prompt=question, completion=given,
                  context=context if context and not sample.is_nested(context) else None)  # fmt: skip
    is_squad = sample.is_nested(given) and context is not None
    strength = 0.98 if is_squad else 0.95 if context else 0.94
    shape = "squad" if is_squad else "question_answer"
    return Proposal(shape, roles, _weaker_with_few(sample, given, strength), (_two(question, given),))


def _named_pair(sample: Sample) -> Proposal | None:
    for one, two in _PAIRS:
        first, second = sample.named(one), sample.named(two)
        if first and second and first != second and sample.is_prose(first) and sample.is_prose(second):
            strength = 0.93
            if (one, two) == ("source", "target") and sample.length(first) < 12 and sample.length(second) < 12:
                strength = 0.5  # where a text came from, and what it is about
            if one in ("text", "content", "body", "abstract") and guess_label(
                [name for name in sample.columns if name not in (first, second)], sample.values
            ):
                strength = 0.6  # an article with its title, and a label to learn
            roles = Roles(task="seq2seq", prompt=first, completion=second)
            shape = "summary" if two in ("summary", "title", "highlights", "摘要", "标题") else "pairs"
            return Proposal(shape, roles, _weaker_with_few(sample, second, strength), (_two(first, second),))
    return None


def _translation(sample: Sample) -> Proposal | None:
    """An object with a text per language, as the hub keeps parallel texts: the first language to the second."""
    languages = [name for name in sample.columns if name.startswith(f"{TRANSLATION}.") and sample.values[name]]
    if len(languages) < 2:
        return None
    roles = Roles(task="seq2seq", prompt=languages[0], completion=languages[1])
    return Proposal("translation", roles, 0.97, (_two(*languages[:2]),))


def _pair_by_script(sample: Sample) -> Proposal | None:
    """Two columns of running text, one Chinese and one not: a translation, first column to second."""
    prose = sample.prose()[:6]
    for place, first in enumerate(prose):
        for second in prose[place + 1 :]:
            shares = sample.chinese_share(first), sample.chinese_share(second)
            lengths = sample.length(first), sample.length(second)
            alike = 0.25 <= lengths[0] / max(lengths[1], 1.0) <= 4
            if max(shares) > 0.6 and min(shares) < 0.1 and alike:
                roles = Roles(task="seq2seq", prompt=first, completion=second)
                why = ("two_scripts", {"one": first, "two": second})
                return Proposal("pairs", roles, 0.9, (why,))
    return None


def _pair_by_length(sample: Sample) -> Proposal | None:
    """A long text beside a short one made of the same characters or words: a summary or a title."""
    prose = sorted(sample.prose()[:6], key=sample.length, reverse=True)
    for place, first in enumerate(prose):
        for second in prose[place + 1 :]:
            different = min(sample.distinct(name) / len(sample.values[name]) for name in (first, second))
            if different < 0.8 or sample.length(first) < 3 * sample.length(second) or sample.length(second) < 6:
                continue
            if _same(sample, first, second) >= _SAME_CHARACTERS:
                roles = Roles(task="seq2seq", prompt=first, completion=second)
                return Proposal("summary", roles, 0.8, (("long_and_short", {"one": first, "two": second}),))
    return None


def _same(sample: Sample, first: str, second: str) -> float:
    """Mean share of the words (Chinese: characters) of the short text that stand in the long one."""
    shares = []
    for row in sample.rows[:100]:
        long, short = (str(row.get(name) or "").lower() for name in (first, second))
        parts = (
            set(short) - set(" ，。、,.")
            if sample.chinese_share(second) > 0.3
            else {w for w in short.split() if len(w) > 3}
        )
        if parts:
            shares.append(sum(part in long for part in parts) / len(parts))
    return sum(shares) / len(shares) if shares else 0.0


def as_task(proposal: Proposal, task: str) -> Proposal:
    """The same columns for another task that asks for a text."""
    return replace(proposal, roles=replace(proposal.roles, task=task))


ANSWERS: tuple[Shape, ...] = (
    Shape("self_instruct", "instruction", _self_instruct),
    Shape("alpaca", "instruction", _instruction),
    Shape("question_answer", "generative_qa", _question),
    Shape("prompt_completion", "prompt_completion", _prompt_completion),
    Shape("translation", "seq2seq", _translation),
    Shape("pairs", "seq2seq", _named_pair),
    Shape("pairs_by_script", "seq2seq", _pair_by_script),
    Shape("summary", "seq2seq", _pair_by_length),
)
