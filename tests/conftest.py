"""Fixtures every test may use: a fresh workspace, an open store, an actor, the real corpora where they lie."""

from __future__ import annotations

import functools
import gc
import shutil
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from studio.jobs import supervisor
from studio.jobs.watch import Timing
from studio.records import Actor
from studio.settings import Settings, Workspace
from studio.store.connection import Store
from studio.workflows.studio import open_studio
from tests import forked_workers
from tests.jobs.harness import Barriers
from tests.workflows import select_corpus

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"
LONG_FIRST = ("tests/browser/test_main_job.py", "tests/audits/test_vector_effects.py",
              "tests/training/test_published_figures.py")  # fmt: skip
# A busy machine is no failure, and the same tree gives the same answer; new draws: pytest --hypothesis-profile=anew
hypothesis_settings.register_profile("winnow", deadline=None, derandomize=True, database=None)
hypothesis_settings.register_profile("anew", deadline=None)
hypothesis_settings.load_profile("winnow")
gc.disable()  # until all tests are collected: nothing of what is made until then goes away


def _place(item: pytest.Item) -> int:
    return next((i for i, name in enumerate(LONG_FIRST) if item.nodeid.startswith(name)), len(LONG_FIRST))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """The longest files first, else one worker ends alone with them; everything else in the order of its names."""
    items.sort(key=_place)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish():
    """What is there by now stays: no collection looks at it again, statsmodels and others ask for whole ones."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True, scope="session")
def _quick_workers():
    """Workers are forked from a process that has imported what they need, and looked after without half seconds."""
    forked_workers.use(True)
    supervisor.Timing = functools.partial(Timing, tick_s=0.05)
    yield
    supervisor.Timing = Timing
    forked_workers.use(False)


@pytest.fixture(autouse=True, scope="session")
def _quick_databases(tmp_path_factory):
    """A workspace without a database begins with a copy of one that has its tables already."""
    empty = Workspace(tmp_path_factory.mktemp("empty") / "workspace").make()
    Store(empty).close()
    connect = Store._connect

    def copied(self: Store, path: Path):
        if not path.exists() and path.parent.is_dir() and path.name == empty.database.name:
            shutil.copyfile(empty.database, path)
        return connect(self, path)

    Store._connect = copied
    yield
    Store._connect = connect


@pytest.fixture(autouse=True)
def _own_process(request):
    """Workers of a test marked so are fresh interpreters, as in the app."""
    if request.node.get_closest_marker("own_process") is None:
        yield
        return
    forked_workers.use(False)
    yield
    forked_workers.use(True)


@pytest.fixture(scope="session")
def scored_home(tmp_path_factory) -> tuple[Path, str]:
    """A closed workspace with the scored corpus of the Select tests, made once; its root and its snapshot."""
    home = Workspace(tmp_path_factory.mktemp("scored") / "workspace").make()
    opened = open_studio(Settings(workspace=home, device="cpu"), supervise=False)
    snapshot_id = select_corpus.make(opened)
    select_corpus.score(opened, snapshot_id, select_corpus.TARGETS)
    opened.close()
    return home.root, snapshot_id


@pytest.fixture
def workspace(tmp_path: Path, request) -> Workspace:
    """A fresh workspace with all its folders; a copy of `scored_home` where a test asks for `scored_snapshot`."""
    root = tmp_path / "workspace"
    if "scored_snapshot" in request.fixturenames:
        shutil.copytree(request.getfixturevalue("scored_home")[0], root)
    return Workspace(root).make()


@pytest.fixture
def scored_snapshot(workspace: Workspace, scored_home) -> str:
    """The snapshot of the scored corpus, which then lies in `workspace` before anything opens it."""
    return scored_home[1]


@pytest.fixture
def barriers(tmp_path: Path, monkeypatch) -> Barriers:
    """Barriers of this test; set before any worker starts, so that workers inherit them."""
    made = Barriers(tmp_path / "barriers")
    monkeypatch.setenv("STUDIO_TEST_BARRIERS", str(made.folder))
    return made


@pytest.fixture
def settings(workspace: Workspace) -> Settings:
    """Default settings over a fresh workspace."""
    return Settings(workspace=workspace)


@pytest.fixture
def store(workspace: Workspace):
    """An open store over a fresh workspace."""
    opened = Store(workspace)
    yield opened
    opened.close()


@pytest.fixture
def admin() -> Actor:
    """An actor who may do everything."""
    return Actor(name="tester", role="admin", verified=True)


@pytest.fixture
def shared_data() -> Path:
    """The folder of real corpora; tests that need it are skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real corpora are not on this machine (expected beside the repository in shared/data)")
    return SHARED_DATA
