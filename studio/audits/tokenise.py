"""Words and pieces of a text, as every room cuts them."""

from studio.tokenise import GRAMS, is_cjk, pieces, units

__all__ = ["GRAMS", "is_cjk", "pieces", "units"]
