"""A table as CSV: times as text with all nanoseconds, unknown as nothing between the commas."""

import csv
import io
from typing import Any

from trackerdcs.domain.answers import Kind, Table
from trackerdcs.domain.moments import iso


def cell(value: Any, kind: Kind) -> Any:
    """What stands in a cell."""
    if value is None:
        return ""
    if kind == "time":
        return iso(value)
    if kind == "flag":
        return "true" if value else "false"
    return value


def csv_text(table: Table) -> str:
    """With a line of names; lines end with a line feed."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([name for name, _ in table.columns])
    kinds = [kind for _, kind in table.columns]
    writer.writerows([cell(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in table.rows)
    return out.getvalue()
