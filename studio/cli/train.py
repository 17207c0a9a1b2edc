"""`train`: fit rounds on the labels in force and print what they reach."""

from __future__ import annotations

import argparse
import statistics
from typing import Any

from studio.cli.context import Context
from studio.errors import PlanError
from studio.store import rounds
from studio.training.plan import BASES, METHODS, METHODS_OF_BASE
from studio.workflows import openings, train, train_rounds

_SETTINGS: tuple[tuple[str, type], ...] = (
    ("epochs", int), ("lr", float), ("batch_size", int), ("max_length", int), ("patience", int), ("lora_rank", int),
    ("lora_alpha", int), ("frozen_layers", int), ("warmup_epochs", int), ("weight_decay", float), ("dropout", float),
    ("max_grad_norm", float), ("warmup_share", float),
)  # fmt: skip


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Register the verb."""
    verb = commands.add_parser("train", parents=[common], help="fine-tune on the labels in force")
    verb.add_argument("--snapshot", help="id, start of an id, or corpus name (default: the newest)")
    verb.add_argument("--base", help=f"{', '.join(BASES)}, or an allowed path (default: what suits the language)")
    verb.add_argument("--method", choices=METHODS, help="default: lora where the base allows it")
    verb.add_argument("--arm", choices=train.ARMS, default="selection", help="random: a random draw of the same size")
    verb.add_argument("--per-class", type=int, metavar="K", help="draw at most K training examples of each label")
    verb.add_argument("--seed", type=int, default=0)
    verb.add_argument("--repeats", type=int, default=1, metavar="N", help="N rounds with seeds SEED, SEED+1, ...")
    verb.add_argument("--open-test", action="store_true", help="hold the model against the test labels (counted)")
    verb.add_argument("--why", default="", metavar="TEXT", help="why the test split is opened without an approval")
    verb.add_argument("--compare", metavar="ROUND", help="paired comparison with an earlier round")
    verb.add_argument("--gate", action="store_true", help="look at data and cost only, train nothing")
    verb.add_argument("--name", default="")
    verb.add_argument("--detach", action="store_true", help="queue the run and return")
    for name, kind in _SETTINGS:
        verb.add_argument(f"--{name.replace('_', '-')}", type=kind, default=None)
    verb.set_defaults(run=_train)


def _train(context: Context) -> None:
    given, snapshot = context.arguments, context.snapshot()
    if given.repeats < 1:
        raise PlanError("At least one round must be trained", got=given.repeats, fix="Use --repeats 1 or more.")
    if given.open_test and given.repeats > 1 and not given.why:
        raise PlanError("Only one of several rounds opens the test split under an approval", got=given.repeats,
                        fix="Open it for one of them with open-test, or say in writing why (--why).")  # fmt: skip
    base = given.base or train.bases(context.studio, snapshot)[0]
    allowed = METHODS_OF_BASE.get(base, METHODS)
    method = given.method or ("lora" if "lora" in allowed else allowed[0])
    changes = {name: getattr(given, name) for name, _ in _SETTINGS if getattr(given, name) is not None}
    results = []
    for seed in range(given.seed, given.seed + given.repeats):
        plan = train.default_plan(base, method, seed, **changes)
        if given.gate:
            return _show_gate(context, train.prepare(context.studio, snapshot_id=snapshot.snapshot_id, plan=plan,
                                                     arm=given.arm, per_class=given.per_class))  # fmt: skip
        run_id = train.launch(context.studio, context.actor, snapshot_id=snapshot.snapshot_id, plan=plan, arm=given.arm,
                              open_test=given.open_test, open_why=given.why, name=given.name,
                              per_class=given.per_class)  # fmt: skip
        context.wait(run_id)
        if given.detach:
            results.append({"round_id": run_id, "detached": True})
            continue
        results.append(_outcome(context, rounds.require(context.studio.store, run_id)))
        if given.open_test and "test_accuracy" not in results[-1]:
            context.say("The test split was left closed; `open-test` says why.")
        numbers = {name: value for name, value in results[-1].items() if isinstance(value, float)}
        context.say(f"seed {seed}: " + ", ".join(f"{name} {value:.4f}" for name, value in numbers.items()))
    context.emit(snapshot_id=snapshot.snapshot_id, base=base, method=method, rounds=results)
    _means(context, results)
    if given.compare and not given.detach:
        earlier = [found.round_id for found in rounds.of_snapshot(context.studio.store, snapshot.snapshot_id)
                   if found.round_id.startswith(given.compare)]  # fmt: skip
        if len(earlier) != 1:
            raise PlanError("No single round fits that id", got=given.compare, fix="Give more of its id.")
        context.emit(compared=train_rounds.compare(context.studio, earlier[0], results[-1]["round_id"]))


def _outcome(context: Context, found: rounds.Round) -> dict[str, Any]:
    report = found.report
    out: dict[str, Any] = {
        "round_id": found.round_id, "n_train": found.n_train, "n_validation": found.n_validation,
        "validation_accuracy": found.accuracy, "validation_macro_f1": found.macro_f1,
        "test_openings": found.test_openings, "seconds": report["fit"]["seconds"], "device": report["device"],
    }  # fmt: skip
    if "test" in report:
        out |= {"test_accuracy": report["test"]["accuracy"]["value"], "n_test": report["test"]["n"],
                "test_macro_f1": report["test"]["macro_f1"]["value"],
                "test_opened": openings.told(context.studio, found.round_id, lang="en")}  # fmt: skip
    if "baseline" in report:
        out["baseline_accuracy"] = report["baseline"]["accuracy"]["value"]
    return out


def _means(context: Context, results: list[dict[str, Any]]) -> None:
    names = [name for name, value in results[0].items() if isinstance(value, float)]
    for name in names if len(results) > 1 else ():
        values = [result[name] for result in results]
        context.emit(**{f"mean_{name}": statistics.fmean(values), f"sd_{name}": statistics.stdev(values)})


def _show_gate(context: Context, prepared: train.Prepared) -> None:
    cost = prepared.estimate
    context.emit(
        is_open=prepared.gate.is_open, n_train=prepared.n_train, n_validation=prepared.n_validation,
        n_pool=prepared.n_pool, labels=dict(prepared.label_counts), device=prepared.device,
        estimate={"seconds": round(cost.seconds), "low_s": round(cost.low_s), "high_s": round(cost.high_s),
                  "memory_bytes": cost.memory_bytes, "is_estimate": True},
        findings=[{"level": found.level, "text": train.gate_text(found.key, found.values), "n_rows": len(found.ids),
                   "example_ids": list(found.ids[:50])} for found in prepared.gate.findings],
    )  # fmt: skip
