"""The hand-written fragments of the demo corpora, one set per language.

A fragment is a sentence or two with alternatives in brackets (`[still|yet]`) and fields in braces (`{item}`).
`QUEUES[queue]` holds `terse` messages and named topics, each with what people `say`, what they add (`more`) and what
they `ask`; `SHARED` holds parts that fit any queue; `PAIRS[(queue, queue)]` holds situations that fit two queues.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from studio.demo.fragments import (
    en_accounts,
    en_orders,
    en_people,
    en_products,
    en_shared,
    zh_accounts,
    zh_orders,
    zh_people,
    zh_products,
    zh_shared,
)


@dataclass(frozen=True)
class Fragments:
    """All fragments of one language; `queues` keeps the order in which the labels are listed."""

    queues: Mapping[str, Mapping[str, Any]]
    shared: Mapping[str, tuple[str, ...]]
    pairs: Mapping[tuple[str, str], tuple[str, ...]]

    @property
    def labels(self) -> tuple[str, ...]:
        """The queue names, which are the labels."""
        return tuple(self.queues)

    def topics(self, queue: str) -> tuple[str, ...]:
        """The sub-topics of a queue."""
        return tuple(name for name in self.queues[queue] if name != "terse")

    def lines(self) -> Iterator[str]:
        """Every fragment once, as it was written."""
        for parts in self.queues.values():
            yield from parts["terse"]
            for name, topic in parts.items():
                if name != "terse":
                    for part in topic.values():
                        yield from part
        for lines in self.shared.values():
            yield from lines
        for lines in self.pairs.values():
            yield from lines


ENGLISH = Fragments(
    queues={**en_orders.QUEUES, **en_accounts.QUEUES, **en_products.QUEUES, **en_people.QUEUES},
    shared=en_shared.SHARED,
    pairs=en_shared.PAIRS,
)
CHINESE = Fragments(
    queues={**zh_orders.QUEUES, **zh_accounts.QUEUES, **zh_products.QUEUES, **zh_people.QUEUES},
    shared=zh_shared.SHARED,
    pairs=zh_shared.PAIRS,
)
