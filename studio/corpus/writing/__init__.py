"""Examples out in the formats trainers read: catalogue, shapes, files, and the folder that holds them."""

from studio.corpus.writing.catalogue import FORMATS, LOSSES, NAMES, Format, by_name
from studio.corpus.writing.plan import PACKS, ExportPlan
from studio.corpus.writing.shapes import LEFT_OUT, Options, Unwritable

__all__ = [
    "FORMATS",
    "LEFT_OUT",
    "LOSSES",
    "NAMES",
    "PACKS",
    "ExportPlan",
    "Format",
    "Options",
    "Unwritable",
    "by_name",
]
