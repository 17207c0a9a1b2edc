"""Three files an analyst really has, from upload to snapshot in a real browser without changing a single guess."""

from __future__ import annotations

import json

import duckdb
import pytest

from tests.browser.conftest import start_app
from tests.conftest import ROOT

pytestmark = pytest.mark.browser
TWINS = ROOT / "tests" / "corpus" / "shapes" / "twins"
TITLES = (
    "城镇职工医疗保障水平对比分析",
    "空间记忆负载影响搜索绩效的眼动研究",
    "网络结构优化设计模型及遗传算法",
    "古代私人印章考",
)
FIELDS = ("管理学", "教育学", "工学", "历史学")


@pytest.fixture
def files(tmp_path):
    """A GB18030 table as Chinese Excel writes it, a ShareGPT file and a CoNLL file."""
    rows = ["标题,学科", *(f"{TITLES[i % 4]}之{i}，甲乙丙丁,{FIELDS[i % 4]}" for i in range(80))]
    (tmp_path / "titles.csv").write_bytes("\r\n".join(rows).encode("gb18030"))
    return {
        "table": (tmp_path / "titles.csv", "classification", 80),
        "chat": (TWINS / "sharegpt.json", "chat", len(json.loads((TWINS / "sharegpt.json").read_text("utf-8")))),
        "tags": (TWINS / "conll.conll", "token_classification", None),
    }


def test_a_chinese_table_a_chat_file_and_a_tagged_file_become_snapshots(files, page, tmp_path):
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    app = start_app(workspace)
    try:
        for file, _, _ in files.values():
            page.goto(f"{app.url}/upload")
            page.set_input_files("input[type=file]", str(file))
            page.get_by_text("What this looks like").wait_for()
            page.get_by_role("button", name="Import and freeze").click()
            page.get_by_role("button", name="Explore it").wait_for(timeout=90_000)
            assert not page.locator(".stException").count()
    finally:
        app.stop()
    with duckdb.connect(str(workspace / "studio.duckdb"), read_only=True) as database:
        found = dict(database.execute("SELECT task, n_examples FROM snapshot").fetchall())
        names = database.execute("SELECT label_names FROM snapshot WHERE task = 'classification'").fetchone()[0]
    assert set(found) == {task for _, task, _ in files.values()}
    assert {task: found[task] for _, task, n in files.values() if n} == {task: n for _, task, n in files.values() if n}
    assert set(names) == set(FIELDS)
