"""Run kind `proof_test`: what small models taught by the winner of a proof, and by chance, say of the test split.

params and inputs as of `proof`, and sizes: size -> the size asked for, and draws. The test labels are not among the
inputs: the server holds them against the answers when it takes the result over, which is the opening
(studio.workflows.select_proof_test).
result/: said.json (kind, names, sizes with the number of draws, fits, seconds) and said.npz: ids (m,), and per size
said_<size>, row 0 the recipe's choice and then a row per draw: (1 + k, m) codes of names, bits of (1 + k, m, c) labels
packed by `packbits`, or (1 + k, m) log-probabilities.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from studio.errors import SelectionError
from studio.jobs.task import Task
from studio.records import Array
from studio.selection import proxy_arms
from studio.selection.recipe import Recipe, recipe_from_json
from studio.tasks import proof_rows
from studio.tasks.proof_rows import SETS, TAGS, Material

log = logging.getLogger(__name__)
FACTS, ARRAYS = "said.json", "said.npz"


def run(task: Task) -> dict[str, Any]:
    """Choose again as the proof did, at the sizes it named, and let every proxy say what it makes of the test split.

    Raises:
        SelectionError: the rows of the proof cannot be chosen again.
    """
    started = time.monotonic()
    task.progress(0, 0, "proof.run.reading")
    params, recipe = task.spec.params, recipe_from_json(task.spec.params["recipe"])
    material = proof_rows.read(task, recipe)
    task.barrier("proof_test")
    with threadpool_limits(1, user_api="blas"):
        said, rows = _say(task, recipe, material)
    fits = sum(1 + row["n_draws"] for row in rows)
    facts = {"kind": material.kind, "names": list(material.names), "n_names": material.n_names, "sizes": rows,
             "fits": fits, "seconds": round(time.monotonic() - started, 1), "draws": params["draws"]}  # fmt: skip
    np.savez(task.result_dir / ARRAYS, ids=material.test, **said)
    (task.result_dir / FACTS).write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")
    log.info("proof_test rows=%d test=%d fits=%d", len(material.given), len(material.test), fits)
    return {"n": len(material.given), "test": len(material.test), "fits": fits, "seconds": facts["seconds"]}


def _say(task: Task, recipe: Recipe, material: Material) -> tuple[dict[str, Array], list[dict[str, int]]]:
    given, allowed, draws = material.given, material.given.allowed, int(task.spec.params["draws"])
    asked: Mapping[int, int] = {int(size): int(own) for size, own in task.spec.params["sizes"].items()}
    # all rows that may be chosen can be drawn in one way only
    times = {size: 1 if size == len(allowed) else draws for size in asked}
    total, done = sum(size * (1 + times[size]) for size in asked), 0
    said, rows = {}, []
    for size, own in asked.items():
        chosen = proxy_arms.choose(given, recipe, own)
        if len(chosen) != size:
            raise SelectionError("The choice of the check cannot be made again", got=f"{len(chosen)} of {size}",
                                 fix="Check the recipe again, then open the test split.")  # fmt: skip
        found = []
        for number in range(1 + times[size]):
            task.check_stop()
            drawn = allowed[proxy_arms.draw(len(allowed), size, task.spec.seed, number - 1)] if number else chosen
            found.append(material.tell(np.sort(drawn)))
            done += size
            task.progress(min(done, total - 1), total, "proof.run.fitting")
        told = np.stack(found)
        said[f"said_{size}"] = np.packbits(told) if material.kind in (SETS, TAGS) else told
        rows.append({"size": size, "n_draws": times[size]})
    return said, rows
