"""One small valid file of every kind a reader reads, with the number of records in it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

TEXTS = ["how do I reset it", "订单什么时候到", "where is my card", "谢谢", "refund please", "再见", "007", "true"]


def _table(cut: str) -> bytes:
    return ("text" + cut + "label\n" + "".join(f"{text}{cut}{'ab'[i % 2]}\n" for i, text in enumerate(TEXTS))).encode()


def _lines() -> bytes:
    return "".join(
        json.dumps({"text": text, "label": i}, ensure_ascii=False) + "\n" for i, text in enumerate(TEXTS)
    ).encode()


def _squad() -> bytes:
    asked = [{"id": str(i), "question": text, "answers": [{"text": "x", "answer_start": 0}]}
             for i, text in enumerate(TEXTS)]  # fmt: skip
    articles = [{"title": "t", "paragraphs": [{"context": "x y", "qas": asked}]}]
    return json.dumps({"version": "1.1", "data": articles}, indent=1).encode()


def _excel() -> bytes:
    book, data = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["text", "label"])
    for i, text in enumerate(TEXTS):
        book.active.append([text, "ab"[i % 2]])
    book.save(data)
    return data.getvalue()


def _parquet() -> bytes:
    data = io.BytesIO()
    pq.write_table(pa.table({"text": TEXTS, "label": list("abababab")}), data)
    return data.getvalue()


def _conll() -> bytes:
    tagged = "".join(
        "".join(f"{token}\t{'B-LOC' if j == 0 else 'O'}\n" for j, token in enumerate(text.split())) + "\n"
        for text in TEXTS
    )
    return ("-DOCSTART-\tO\n\n" + tagged).encode()


def _array() -> bytes:
    return json.dumps([{"text": text, "label": i} for i, text in enumerate(TEXTS)]).encode()


def _object() -> bytes:
    return json.dumps({"name": "x", "rows": [{"text": text} for text in TEXTS], "n": 8}, indent=1).encode()


SAMPLES: dict[str, Callable[[], bytes]] = {
    "csv": lambda: _table(","),
    "tsv": lambda: _table("\t"),
    "jsonl": _lines,
    "json": _array,
    "json_object": _object,
    "squad": _squad,
    "parquet": _parquet,
    "excel": _excel,
    "conll": _conll,
    "text": lambda: "\n".join(TEXTS).encode(),
}
