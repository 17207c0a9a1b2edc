"""Memory that is free for a run: of the machine or of its container, and the refusal in words."""

from __future__ import annotations

import psutil
import pytest

from studio.errors import MeasureError
from studio.jobs import memory


def container(tmp_path, most: str, used: int, cached: int = 0):
    (tmp_path / "memory.max").write_text(most)
    (tmp_path / "memory.current").write_text(f"{used}\n")
    (tmp_path / "memory.stat").write_text(f"anon 5\ninactive_file {cached}\n")
    return tmp_path


def test_the_container_counts_where_it_is_smaller(tmp_path):
    mib = 1024**2
    assert memory.available_bytes(container(tmp_path, str(100 * mib), 60 * mib, 10 * mib)) == 50 * mib
    assert memory.available_bytes(container(tmp_path, str(10 * mib), 60 * mib)) == 0
    free = psutil.virtual_memory().available
    assert memory.available_bytes(container(tmp_path, "max", 60 * mib)) == pytest.approx(free, rel=0.5)
    assert memory.available_bytes(tmp_path / "no such folder") > 0


def test_a_refusal_names_need_and_room(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 2 * memory.GIB)
    memory.require_memory(2 * memory.GIB)
    with pytest.raises(MeasureError) as refused:
        memory.require_memory(10 * memory.GIB)
    assert refused.value.got == "10.0 GB needed, 2.0 GB free"
