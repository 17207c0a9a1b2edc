"""What the frame says to the browser about the page's address: nothing where it is so already."""

from __future__ import annotations

from pages._ui import frame


class _Address(dict):
    def __init__(self, *given: object) -> None:
        super().__init__(*given)
        self.said: list[tuple[str, str]] = []

    def __setitem__(self, key: str, value: str) -> None:
        self.said.append((key, value))
        super().__setitem__(key, value)


def test_an_address_that_says_it_is_not_said_again(monkeypatch):
    address = _Address({"by": "language"})
    monkeypatch.setattr(frame.st, "query_params", address)
    monkeypatch.setattr(frame.st, "session_state", {})
    frame._keep("by", "language")
    assert address.said == [] and frame.st.session_state == {"url.by": "language"}
    frame._keep("by", "source")
    frame._keep("fby", "source")
    assert address.said == [("by", "source"), ("fby", "source")]
    frame._keep("by", "")
    assert address == {"fby": "source"} and frame.st.session_state["url.by"] == ""
