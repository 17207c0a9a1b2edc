"""Paths, device and limits: read once from the environment, typed, frozen."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from studio.errors import StudioError

MIB = 1024 * 1024


@dataclass(frozen=True)
class Workspace:
    """Where everything of one team lies; every path of the studio is made here."""

    root: Path

    @property
    def database(self) -> Path:
        """The DuckDB file; opened by one process only."""
        return self.root / "studio.duckdb"

    @property
    def snapshots(self) -> Path:
        """Immutable Parquet snapshots, one folder each."""
        return self.root / "snapshots"

    @property
    def vectors(self) -> Path:
        """Embeddings and k-NN graphs by snapshot and encoder."""
        return self.root / "vectors"

    @property
    def runs(self) -> Path:
        """Run directories; the truth about every run."""
        return self.root / "runs"

    @property
    def models(self) -> Path:
        """Fine-tuned models by round."""
        return self.root / "models"

    @property
    def exports(self) -> Path:
        """Files written for other tools."""
        return self.root / "exports"

    @property
    def journal(self) -> Path:
        """Append-only JSONL copies of what people typed."""
        return self.root / "journal"

    @property
    def backups(self) -> Path:
        """Copies of the database made by the host."""
        return self.root / "backups"

    @property
    def inbox(self) -> Path:
        """Files put here by the host for import without an upload."""
        return self.root / "inbox"

    @property
    def uploads(self) -> Path:
        """Uploaded files spooled to disk under names of our own."""
        return self.root / "uploads"

    @property
    def cache(self) -> Path:
        """Things that can be made again, such as distilled encoders."""
        return self.root / "cache"

    def snapshot_dir(self, snapshot_id: str) -> Path:
        """Folder of one snapshot."""
        return self.snapshots / snapshot_id

    def examples_file(self, snapshot_id: str) -> Path:
        """The Parquet file of one snapshot."""
        return self.snapshots / snapshot_id / "examples.parquet"

    def vectors_dir(self, snapshot_id: str, encoder_key: str) -> Path:
        """Folder of one embedding; encoder_key is `<encoder>@<version>`."""
        return self.vectors / snapshot_id / encoder_key

    def run_dir(self, run_id: str) -> Path:
        """Directory of one run."""
        return self.runs / run_id

    def model_dir(self, round_id: str) -> Path:
        """Folder of one round's model."""
        return self.models / round_id

    def make(self) -> Workspace:
        """Create the folders that are missing; returns itself.

        Raises:
            StudioError: the folder cannot be created or written.
        """
        try:
            for folder in (
                self.root,
                self.snapshots,
                self.vectors,
                self.runs,
                self.models,
                self.exports,
                self.journal,
                self.backups,
                self.inbox,
                self.uploads,
                self.cache,
            ):
                folder.mkdir(parents=True, exist_ok=True)
            probe = self.root / f".write-test-{os.getpid()}"
            probe.write_text("ok", encoding="utf-8")
            probe.unlink()
        except OSError as error:
            raise StudioError(
                "The workspace folder cannot be written",
                got=f"{self.root} ({error.strerror})",
                fix="Choose a folder you may write to with STUDIO_HOME or --workspace.",
            ) from error
        return self


@dataclass(frozen=True)
class Settings:
    """What the host decided: where, on which device, with which limits."""

    workspace: Workspace
    network: bool = False
    device: str = "auto"
    max_upload_bytes: int = 200 * MIB
    max_file_bytes: int = 4096 * MIB
    max_text_characters: int = 200_000
    duckdb_memory: str = "25%"
    model_allow_list: tuple[str, ...] = ()
    scorers: str = ""
    language_models: str = ""
    query_idle_s: float = 300.0


def _flag(env: Mapping[str, str], name: str) -> bool:
    value = env.get(name, "").strip().lower()
    if value in ("", "0", "false", "no", "off"):
        return False
    if value in ("1", "true", "yes", "on"):
        return True
    raise StudioError(f"{name} is not a yes or a no", got=value, fix="Set it to 1 or 0.")


@cache
def _resolved(path: str, _working_folder: str) -> Path:
    """An absolute path without links; asked for dozens of times while a page is drawn."""
    return Path(path).expanduser().resolve()


def from_environment(env: Mapping[str, str] | None = None, *, workspace: Path | str | None = None) -> Settings:
    """The settings of this process.

    Reads STUDIO_HOME (workspace, default ./workspace), STUDIO_NETWORK, STUDIO_DEVICE (auto, cpu, cuda, mps),
    STUDIO_MAX_UPLOAD_MB, STUDIO_MODELS (allow-listed ids or paths, separated by commas), STUDIO_SCORER (scorer
    models, see studio.models.scorer), STUDIO_LM (folders of language models, separated by commas, see
    studio.models.language). The last two are read where they are used, so that a bad entry does not keep the studio
    closed.

    Raises:
        StudioError: a value that cannot be read.
    """
    env = os.environ if env is None else env
    root = _resolved(str(workspace or env.get("STUDIO_HOME") or "workspace"), os.getcwd())
    device = env.get("STUDIO_DEVICE", "auto").strip().lower() or "auto"
    if device not in ("auto", "cpu", "cuda", "mps"):
        raise StudioError("STUDIO_DEVICE is not a device", got=device, fix="Set it to auto, cpu, cuda or mps.")
    upload_mb = env.get("STUDIO_MAX_UPLOAD_MB", "200")
    if not upload_mb.isdigit() or int(upload_mb) < 1:
        raise StudioError("STUDIO_MAX_UPLOAD_MB is not a size", got=upload_mb, fix="Set it to a whole number of MB.")
    allowed = tuple(part.strip() for part in env.get("STUDIO_MODELS", "").split(",") if part.strip())
    return Settings(
        workspace=Workspace(root),
        network=_flag(env, "STUDIO_NETWORK"),
        device=device,
        max_upload_bytes=int(upload_mb) * MIB,
        model_allow_list=allowed,
        scorers=env.get("STUDIO_SCORER", "").strip(),
        language_models=env.get("STUDIO_LM", "").strip(),
    )
