"""Opening a page of the app in a test, over the workspace the fixtures of this folder prepared."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from tests.conftest import ROOT


def open_app(page: str, lang: str = "en", **params: str) -> AppTest:
    """Run a page through the router with URL parameters; empty for the first page. Fails on an exception."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for name, value in {"lang": lang, **params}.items():
        app.query_params[name] = value
    if page:
        app.switch_page(f"pages/{page}.py")
    app.run()
    assert not app.exception, app.exception
    return app
