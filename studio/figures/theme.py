"""Colours of every figure: told apart by people with any colour vision, readable on the light and the dark page."""

from __future__ import annotations

# Twelve colours of M. Krzywinski's palette for colour blindness, ordered so that neighbours in the list differ most.
CATEGORICAL: tuple[str, ...] = (
    "#008DF9",
    "#FF6E3A",
    "#009F81",
    "#9F0162",
    "#FFC33B",
    "#8400CD",
    "#00C2F9",
    "#E20134",
    "#FF5AAF",
    "#A40122",
    "#00C8A4",
    "#C98BD8",
)
SYMBOLS: tuple[str, ...] = ("circle", "diamond")
N_STYLES = len(CATEGORICAL) * len(SYMBOLS)  # categories from here on share one grey
OTHERS = "#8f979d"
CLOUD = (128, 138, 143)  # red, green, blue
CLOUD_OPACITY = ((0.0, 0.0), (0.02, 0.10), (1.0, 0.75))  # from where nothing is to where most is
OUTLINE = "#e8590c"
CHOSEN = "#e8590c"
SEQUENTIAL = "Cividis"
# Lines and marks: 3.5 : 1 or more on the light page (#fbfbf9) and the dark one (#111715), as in WCAG 2.2.
FIRST, SECOND, THIRD = "#12968a", "#d9480f", "#6366f1"
FAINT = "#808080"
LINES = (FIRST, SECOND, THIRD, "#a8720f", "#db2777", "#0284c7", "#5b8c0a", "#a855f7", "#dc2626", "#0891b2", "#c2570c",
         "#64748b")  # fmt: skip
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
# What is written over dots: ink and the halo around it, on the light page and on the dark one.
INK = {False: ("#1c2420", "#fbfbf9"), True: ("#f3f7f5", "#111715")}


def category_style(position: int) -> tuple[str, str] | None:
    """(colour, symbol) of the category at a position; None from where categories are drawn as one grey group."""
    round_, place = divmod(position, len(CATEGORICAL))
    return (CATEGORICAL[place], SYMBOLS[round_]) if round_ < len(SYMBOLS) else None
