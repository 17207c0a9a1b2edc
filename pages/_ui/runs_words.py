"""A run's facts in words: state, progress, times."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from pages._ui.words import plain, t
from studio import words
from studio.records import RunStatus
from studio.workflows.runs import RunView

ICONS = {
    "import": ":material/upload_file:", "embed": ":material/hub:", "map": ":material/scatter_plot:",
    "measure": ":material/straighten:", "train": ":material/model_training:", "serve": ":material/bolt:",
    "dedup": ":material/content_copy:", "encoder": ":material/speed:", "probe": ":material/health_and_safety:",
    "clean": ":material/cleaning_services:",
    "export": ":material/download:", "hub": ":material/cloud_download:", "audit": ":material/fact_check:",
    "counterfactual": ":material/swap_horiz:", "choose": ":material/checklist:", "score": ":material/speed:",
    "proof": ":material/balance:", "proof_test": ":material/lock_open:", "choice_audit": ":material/fact_check:",
    "tune": ":material/model_training:",
}  # fmt: skip
COLORS = {
    "queued": "gray", "starting": "blue", "running": "blue", "stopping": "orange", "done": "green",
    "stopped": "orange", "cancelled": "gray", "failed": "red", "crashed": "red",
}  # fmt: skip
MARKS = {"done": "✓", "stopped": "■", "cancelled": "–", "failed": "✕", "crashed": "✕"}


def kind(view: RunView) -> str:
    """The kind of a run, by name if it is an unknown one."""
    key = f"runs.kind.{view.spec.kind}"
    return t(key) if words.has(key) else view.spec.kind


def title(view: RunView) -> str:
    """What a run was called when it started, with the names of models and methods in the reader's words."""
    spec = view.spec
    plan = spec.params.get("plan") if spec.kind == "train" else None
    code = f"{plan.get('base')} · {plan.get('method')} · " if isinstance(plan, Mapping) else ""
    if code and spec.title.startswith(code) and words.has(f"train.base_name.{plan['base']}"):
        base, method = t(f"train.base_name.{plan['base']}"), t(f"train.method_name.{plan['method']}")
        return f"{spec.title.removeprefix(code)} · {base} · {method}"
    name, _, encoder = spec.title.rpartition(" · ")
    key = f"explore.encoder.{encoder}"
    return f"{name} · {t(key)}" if spec.kind in ("embed", "map") and name and words.has(key) else spec.title


def state(view: RunView) -> str:
    """The state in a word."""
    return t(f"runs.state.{view.status.state}")


def reason(status: RunStatus) -> str:
    """Why a run ended badly, in two words; empty for none."""
    key = f"runs.reason.{status.reason}"
    return t(key) if status.reason and words.has(key) else ""


def progress(view: RunView) -> str:
    """The line over a progress bar: what it does, how far, how long still."""
    status = view.status
    if status.state == "queued":
        return t("runs.queued", position=view.position)
    if status.state == "starting":
        return t("runs.starting")
    if status.state == "done":
        return t("runs.storing")
    if status.state == "stopping":
        return t("runs.cancelling" if view.asked == "cancel" else "runs.stopping")
    parts = []
    if status.message:
        parts.append(t(status.message) if words.has(status.message) else plain(status.message))
    if status.total > 0:
        parts.append(t("runs.steps", done=f"{status.step:,}", total=f"{status.total:,}"))
    if status.eta_s:
        parts.append(t("runs.left", time=duration(status.eta_s)))
    return " · ".join(parts) or t("runs.state.running")


def facts(view: RunView) -> str:
    """Who asked, which attempt, since when or how long: one grey line."""
    status, spec = view.status, view.spec
    parts = [kind(view), t("runs.asked_by", name=plain(spec.created_by, 40))]
    if status.attempt > 1:
        parts.append(t("runs.attempt", n=status.attempt))
    seconds = lasted(status)
    if status.state == "queued":
        parts.append(t("runs.waiting_for", time=duration(_since(spec.created_at))))
    elif status.is_final and status.finished_at:
        parts.append(t("runs.ended_ago", ago=ago(status.finished_at)))
    if seconds is not None:
        parts.append(t("runs.took" if status.is_final else "runs.running_for", time=duration(seconds)))
    if status.device and status.device != "cpu":
        parts.append(t("runs.on_device", device=plain(status.device, 20)))
    return " · ".join(parts)


def lasted(status: RunStatus) -> float | None:
    """Seconds the attempt has worked, or worked in all."""
    if not status.started_at:
        return None
    end = _time(status.finished_at) if status.finished_at else datetime.now(UTC)
    start = _time(status.started_at)
    return None if start is None or end is None else max(0.0, (end - start).total_seconds())


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    whole = max(0, round(seconds))
    if whole < 60:
        return t("runs.time.seconds", n=whole)
    if whole < 600:
        minutes, rest = divmod(whole, 60)
        return t("runs.time.minutes_seconds", n=minutes, s=rest) if rest else t("runs.time.minutes", n=minutes)
    if whole < 3600:
        return t("runs.time.minutes", n=round(whole / 60))
    return t("runs.time.hours", n=whole // 3600, m=whole % 3600 // 60)


def ago(text: str) -> str:
    """How long ago a UTC ISO time was."""
    seconds = _since(text)
    if seconds < 60:
        return t("runs.age.now")
    if seconds < 3600:
        return t("runs.age.minutes", n=int(seconds // 60))
    if seconds < 86_400:
        return t("runs.age.hours", n=int(seconds // 3600))
    return t("runs.age.days", n=int(seconds // 86_400))


def _since(text: str) -> float:
    moment = _time(text)
    return 0.0 if moment is None else (datetime.now(UTC) - moment).total_seconds()


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
