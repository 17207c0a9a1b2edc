"""Words the rule for instructions needs: verbs people ask with, and words that stand before the noun or end it."""

from __future__ import annotations

# Written for this project: base forms that open requests to an assistant. A word that is more often a noun in a prompt
# (list, name, plan, question, sample, test) is left in only where it opens a request as often.
VERBS_EN: frozenset[str] = frozenset(
    """accept act adapt add adjust advise analyse analyze annotate answer append apply approve arrange ask assess assign
    assume automate brainstorm break bring build calculate cancel categorise categorize change check choose cite clarify
    classify clean close code collect combine come comment compare compile complete compose compute conclude condense
    configure connect construct consider contrast convert copy correct count create critique cut debug decide deduce
    define delete demonstrate derive describe design detect determine develop devise diagnose differentiate discuss
    display distinguish divide do draft draw edit elaborate eliminate enumerate estimate evaluate examine expand explain
    explore express extend extract fetch fill filter find fix format formulate gather generate get give group guess
    guide help highlight hypothesise hypothesize identify illustrate imagine implement improve include infer insert
    install interpret introduce invent investigate justify keep label learn let list locate look make match measure
    merge modify move name note offer open optimise optimize order organise organize outline paraphrase parse perform
    pick place plan play point predict prepare present print prioritise prioritize produce proofread propose prove
    provide put quote rank rate read rearrange reason recall recommend record reduce refactor refer refine reformat
    refund reorder repeat rephrase replace reply report research reset resolve respond restate restructure retrieve
    return reverse review revise rewrite role-play roleplay run save say schedule score search select send separate set
    share shorten show simplify simulate sketch solve sort specify split spot start state store structure study suggest
    sum summarise summarize tag take teach tell test think tokenise tokenize track train transcribe transform translate
    try turn understand update use validate verify visualise visualize vote walk write""".split()
)
# What may stand between the verb and its noun.
BEFORE_NOUN_EN: frozenset[str] = frozenset(
    """a an the this that these those my your our his her its their some any all both each every one two three four five
    six seven eight nine ten several many few more me us him them you it of for to in on from with about at by into over
    following given below above provided please up out down off""".split()
)
# What ends the run of words whose last one is the noun.
AFTER_NOUN_EN: frozenset[str] = frozenset(
    """a an the this that these those my your our his her its their of for to in on from with without about at by into
    over under between among as so and or but nor if when while where which who whom whose what why how because since
    than then is are was were be been being do does did has have had will would can could should may might must not
    using use based given including such like per via through during before after against within please
    whether below above according like with""".split()
)
# A verb opens its sentence, follows a comma, or follows one of these: "could you please write", "help me to find".
BEFORE_VERB_EN: frozenset[str] = frozenset(
    """please to you then and now kindly just also first next should must can could would will let's lets help me us i
    we ,""".split()
)
ASKING_EN: frozenset[str] = frozenset("what who whom whose which when where why how is are does did can could".split())
# Verbs of requests that jieba tags as nouns.
VERBS_ZH: frozenset[str] = frozenset(
    "总结 概括 翻译 分析 描述 解释 说明 介绍 列举 列出 比较 评价 评估 推荐 设计 编写 撰写 改写 续写 扩写 润色 "
    "分类 归类 计算 证明 推导 提取 生成 创作 制定 规划 建议 回答 判断 预测 修改 检查 纠正 排序 讨论 "
    "阐述 对比 整理 补全 填空".split()
)
# Chinese verbs that only carry another one: 请你帮我写 is a request to write.
LIGHT_ZH: frozenset[str] = frozenset(
    "是 有 没有 能 能够 会 可以 可能 要 想 想要 需要 应该 必须 请 帮 帮忙 帮助 让 使 把 给 来 去 进行 作为 告诉 希望 "
    "麻烦 根据 关于 如下 下列 假设 用 使用".split()
)
