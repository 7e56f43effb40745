"""What is said of the raw files of a run, and of one picture of its results, for JSON and as tables."""

import base64
import math
from collections.abc import Sequence
from itertools import product
from typing import Any, Literal

from trackerdcs.domain.answers import Answer, Kind, Table
from trackerdcs.domain.plain import plain
from trackerdcs.domain.run import RunFile
from trackerdcs.domain.run_results import Blob, Result, key_of, numbers_of, raw_of

Columns = tuple[tuple[str, Kind], ...]
Form = Literal["rows", "base64"]


def files_answer(run: str, files: Sequence[RunFile]) -> Answer:
    """By name."""
    return {"run": run, "files": [plain(file) for file in files]}


def files_table(run: str, files: Sequence[RunFile]) -> Table:
    """A row a file."""
    columns: Columns = (("run", "text"), ("name", "text"), ("kind", "text"), ("size", "whole"), ("sha256", "text"))
    return Table(columns, [(run, f.name, f.kind, f.size, f.sha256) for f in files])


def picture_answer(result: Result, blob: Blob, form: Form = "rows") -> Answer:
    """The numbers of a picture: as `rows`, the last axis along a row, None for what is no number; or as base64, just as
    they are in `dtype`. `names` are all pictures of the result. ContractError where they are too many."""
    place = ("run", "kind", "module", "board", "optical_group", "hybrid", "chip", "chip_type")
    head: Answer = {name: getattr(result, name) for name in place}
    head |= {"key": key_of(result), "name": blob.name, "names": [each.name for each in result.blobs]}
    head |= {"dtype": blob.dtype, "shape": list(blob.shape), "axes": plain(blob.axes)}
    if form == "base64":
        return head | {"base64": base64.b64encode(raw_of(blob)).decode()}
    numbers = numbers_of(blob)
    width = blob.shape[-1] if blob.shape else len(numbers)
    said = [_said(v) for v in numbers] if blob.dtype[1:2] == "f" else numbers
    rows: list[list[Any]] = [said[at : at + width] for at in range(0, len(said), width)] if width else []
    return head | {"rows": rows}


def picture_table(result: Result, blob: Blob) -> Table:
    """A row for each bin, by its numbers along the axes."""
    axes: Columns = tuple((f"bin_{i}", "whole") for i in range(len(blob.shape)))
    head = (result.run, key_of(result), blob.name)
    columns: Columns = (("run", "text"), ("key", "text"), ("name", "text"), *axes, ("value", "number"))
    places = product(*(range(n) for n in blob.shape))
    return Table(columns, [(*head, *at, _said(v)) for at, v in zip(places, numbers_of(blob), strict=True)])


def _said(value: float) -> float | None:
    """To the digits that a float32 has: a tenth is 0.1."""
    return float(f"{value:.7g}") if math.isfinite(value) else None
