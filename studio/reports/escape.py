"""Text from a corpus as literal characters inside HTML and SVG."""

from __future__ import annotations

import html

from studio.reports.markdown import UNSEEN


def escape(text: str) -> str:
    r"""The text with nothing in it that is a tag, an entity, a control character or a change of direction.

    Example:
        >>> escape("<b>a\u202eb</b>")
        '&lt;b&gt;a b&lt;/b&gt;'
    """
    return html.escape(UNSEEN.sub(" ", text))
