"""Run kind `encoder`: distil the fast English encoder, once per machine, so that the first large corpus need not wait.

result/: static/<token vectors>.safetensors, which the server moves into the workspace's cache.
"""

from __future__ import annotations

from typing import Any

from studio.jobs.task import Task
from studio.models.minilm import MiniLM
from studio.models.static import StaticEncoder

VOCABULARY = 30_522


def run(task: Task) -> dict[str, Any]:
    """Put every token of MiniLM's vocabulary through MiniLM.

    Raises:
        ModelError: MiniLM's weights are missing or changed.
    """
    task.progress(0, VOCABULARY, "explore.run.distilling")
    encoder = StaticEncoder.distil(
        MiniLM(task.settings.device),
        on_progress=lambda done: task.progress(done, VOCABULARY, "explore.run.distilling"),
        check_stop=task.check_stop,
    )
    path = encoder.save(task.result_dir / "static")
    used = int((abs(encoder.token_vectors).sum(axis=1) > 0).sum())
    return {"file": path.name, "encoder": encoder.name, "version": encoder.version, "n_tokens": used}
