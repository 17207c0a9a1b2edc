"""`clean`: preview a cleaning list, or freeze its result as a new version of the corpus."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from studio.cli.context import Context
from studio.corpus import cleaning
from studio.corpus.cleaning.recipe import SUGGESTED, Plan, Recipe, plan, recipe_from_file, suggested
from studio.errors import CorpusError
from studio.words import t
from studio.workflows import clean
from studio.workflows.clean import StepView


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Register the verb of this room."""
    verb = commands.add_parser("clean", parents=[common], help="clean a corpus into a new version",
                               description="Steps run in the order given: those of --recipe or --suggested first, "
                               f"then each --step. Steps: {', '.join(cleaning.NAMES)}.")  # fmt: skip
    verb.add_argument("--snapshot", help="id, start of an id, or corpus name (default: the newest)")
    verb.add_argument("--recipe", type=Path, metavar="FILE", help="a cleaning list as JSON")
    verb.add_argument("--suggested", choices=tuple(SUGGESTED), help="a list that Winnow suggests")
    verb.add_argument("--step", action="append", default=[], metavar="NAME[=PARAMS]",
                      help='a step with its settings, such as near=threshold:0.8 or length={"shortest": {"en": 9}}; '
                           "may be repeated")  # fmt: skip
    verb.add_argument("--preview", action="store_true", help="only say what every step would do")
    verb.add_argument("--bring-back", metavar="IDS", default="",
                      help="of a cleaned snapshot: example ids joined by commas, or step:NAME[:REASON]")  # fmt: skip
    verb.add_argument("--detach", action="store_true", help="queue the run and return")
    verb.set_defaults(run=_clean)


def _clean(context: Context) -> None:
    given = context.arguments
    snapshot = context.snapshot()
    if given.bring_back:
        run_id = _bring_back(context, snapshot.snapshot_id, given.bring_back)
    else:
        recipe = _recipe(context, snapshot.language)
        run_id = clean.start(context.studio, context.actor, snapshot_id=snapshot.snapshot_id, recipe=recipe,
                             preview=given.preview)  # fmt: skip
    context.wait(run_id)
    if given.detach:
        return
    view = clean.run_view(context.studio, run_id)
    report = clean.read_report(context.studio, view)
    context.emit(run_id=run_id, parent_id=str(view.spec.snapshot_id), n_before=report.n_before, n_after=report.n_after,
                 n_changed=report.n_changed, n_flagged=report.n_flagged, n_stale_labels=report.n_stale,
                 n_brought_back=report.n_kept_back, steps=[_step(one) for one in report.steps])  # fmt: skip
    if not given.preview:
        made = clean.outcome(context.studio, run_id)
        context.emit(snapshot_id=made.snapshot.snapshot_id if made.snapshot else None,
                     name=made.snapshot.name if made.snapshot else None, is_new=made.is_new)  # fmt: skip
        if made.is_same:
            context.say("The list changes nothing; no version was made.")
    for one in report.steps:
        for effect in one.squeezed:
            context.say(f"{t(f'clean.step.{one.name}')}: {effect.attribute} = {effect.value} loses "
                        f"{100 * effect.share:.1f} %, the others {100 * effect.others:.1f} %")  # fmt: skip


def _bring_back(context: Context, snapshot_id: str, text: str) -> str:
    if text.startswith("step:"):
        _, step, *reason = text.split(":")
        return clean.bring_back(context.studio, context.actor, snapshot_id=snapshot_id, step=step,
                                reason=reason[0] if reason else "")  # fmt: skip
    try:
        ids = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise CorpusError("The examples to bring back cannot be read", got=text,
                          fix="Give ids such as 12,40 or step:near.") from error  # fmt: skip
    return clean.bring_back(context.studio, context.actor, snapshot_id=snapshot_id, example_ids=ids)


def _recipe(context: Context, language: str) -> Recipe:
    given = context.arguments
    plans: list[Plan] = []
    kept: tuple[int, ...] = ()
    if given.recipe:
        if not given.recipe.is_file():
            raise CorpusError("The file is not there", got=str(given.recipe), fix="Check the path.")
        read = recipe_from_file(given.recipe.read_bytes())
        plans, kept = list(read.plans), read.keep_ids
    if given.suggested:
        plans += suggested(given.suggested, language).plans
    plans += [read_step(text) for text in given.step]
    if not plans:
        raise CorpusError("No step is given", fix="Use --recipe FILE, --suggested all, or --step near.")
    return Recipe(tuple(plans), kept)


def read_step(text: str) -> Plan:
    """A step as it is written on a command line.

    Raises:
        CorpusError: an unknown step or setting, or a value it cannot have.

    Example:
        >>> read_step("near=threshold:0.8,keep:longest").to_json()["params"]
        {'threshold': 0.8, 'keep': 'longest'}
    """
    name, _, rest = text.partition("=")
    rest = rest.strip()
    if not rest:
        return plan(name.strip())
    try:
        pairs = json.loads(rest) if rest.startswith("{") else dict(part.split(":", 1) for part in rest.split(","))
    except ValueError as error:
        raise CorpusError("The settings of a step cannot be read", got=text,
                          fix="Write NAME=setting:value,setting:value or NAME={JSON}.") from error  # fmt: skip
    words = {"true": True, "false": False}
    return plan(name.strip(), {key.strip(): words.get(str(value).strip().lower(), value.strip()
                               if isinstance(value, str) else value) for key, value in pairs.items()})  # fmt: skip


def _step(one: StepView) -> dict[str, Any]:
    return {
        "name": one.name,
        "n_before": one.n_before,
        "n_changed": one.n_changed,
        "n_dropped": one.n_dropped,
        "n_flagged": one.n_flagged,
        "n_left_alone": one.n_left_alone,
        "reasons": dict(one.reasons),
        "squeezed": [{"attribute": e.attribute, "value": e.value, "n": e.n, "n_dropped": e.n_touched,
                      "share": round(e.share, 4), "others": round(e.others, 4)} for e in one.squeezed],
    }  # fmt: skip
