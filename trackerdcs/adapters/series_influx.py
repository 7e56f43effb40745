"""A time series in InfluxDB 2 through influxdb-client; none of its exceptions leaves this file."""

import asyncio
import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError, ReadTimeoutError

from trackerdcs.adapters.series_influx_lines import Lines
from trackerdcs.adapters.series_influx_many import SHORT, Influxql
from trackerdcs.domain.errors import StoreDown
from trackerdcs.domain.series import Bucket, Point, RejectedPoint, Sample, Selection
from trackerdcs.domain.storing import Parts, Row, buckets_of, cut, window

TOO_LARGE = 413
REFUSED = {400, TOO_LARGE, 422}
"""The server found something wrong with the lines; 422 = it has stored the others."""
DROPPED = re.compile(r" dropped=(\d+)$")
"""How many of the lines are not stored, at the end of what the server says."""
STATISTICS = ("count", "sum", "min", "max")


class InfluxSeries:
    """Points in one bucket. Each call raises StoreDown where the server cannot be reached or refuses the access."""

    def __init__(self, url: str, org: str, bucket: str, token: str, timeout_s: float = 10.0) -> None:
        self._url, self._org, self._bucket = url, org, bucket
        self._client: Any = InfluxDBClient(url, token, org=org, timeout=int(timeout_s * 1000))
        self._poster: Any = self._client.write_api(write_options=SYNCHRONOUS)
        self._lines = Lines()
        self._reader: Any = self._client.query_api()
        self._influxql = Influxql(self._client, url, bucket, token)

    async def write(self, points: Sequence[Point]) -> list[RejectedPoint]:
        """Return when the server has answered 204 for all points that it takes: they are in its log on disk."""
        return await asyncio.to_thread(self._write, points)

    async def samples(self, selection: Selection) -> list[Sample]:
        """What was stored in the window, by time."""
        start, stop = window(selection)
        if start >= stop:
            return []
        flux = f'{self._data(selection, start, stop)} |> drop(columns: ["_start", "_stop"]) |> yield()'
        rows = await asyncio.to_thread(self._query, flux)
        found = [Sample(nanoseconds(row["_time"]), row["_value"]) for row in rows]
        return sorted(found, key=lambda sample: sample.ts)

    async def buckets(self, selection: Selection, number: int) -> list[Bucket]:
        """The window in at most `number` parts, see `domain/storing.py`; the storage engine does the sums."""
        parts = cut(selection, number)
        if parts is None:
            return []
        return await asyncio.to_thread(self._buckets, selection, parts)

    async def many_buckets(self, selections: Sequence[Selection], number: int) -> list[list[Bucket]]:
        """Short windows as they are stored, by one request, and cut here: Flux takes that long for each alone."""
        for selection in selections:
            cut(selection, number)
        short = [s for s in selections if 0 < s.stop - s.start <= SHORT]
        try:
            found = await asyncio.to_thread(self._influxql.buckets, short, number) if short else {}
        except (ApiException, HTTPError) as error:
            raise self._down(error) from error
        except ValueError as error:
            raise StoreDown(f"{self._url}: what answers is no InfluxDB (store.url): {error}") from error
        return [found[s] if s in found else await self.buckets(s, number) for s in selections]

    async def close(self) -> None:
        """Close the connections; nothing is waiting to be written."""
        await asyncio.to_thread(self._client.close)

    def _write(self, points: Sequence[Point]) -> list[RejectedPoint]:
        """In a thread: two of these may be under way at once, each with a connection of its own."""
        body, rejected = self._lines.body(points)
        why = self._refused(body.encode()) if body else None
        if why is None:
            return rejected
        places = {id(point): place for place, point in enumerate(points)}
        if _dropped(why) > 1:  # what is refused for one reason stands together
            points = sorted(points, key=_likeness)
        lines, rejected = self._lines.each(points)
        wrong = {id(r.point) for r in rejected}
        refused = self._store([p for p in points if id(p) not in wrong], lines, try_it=False)
        return rejected + sorted(refused, key=lambda r: places[id(r.point)])

    def _store(self, points: Sequence[Point], lines: Sequence[str], try_it: bool = True) -> list[RejectedPoint]:
        """Write; where the server refuses something, halve until it refuses all, as it tells, or a point alone."""
        if try_it or len(lines) == 1:
            why = self._refused("\n".join(lines).encode())
            if why is None:
                return []
            if len(lines) in (1, _dropped(why)):
                return [RejectedPoint(point, DROPPED.sub("", why)) for point in points]
        half = len(lines) // 2
        rejected = self._store(points[:half], lines[:half])
        # Where nothing was wrong with the first half, it must be in the second: no need to ask.
        return rejected + self._store(points[half:], lines[half:], try_it=bool(rejected))

    def _refused(self, body: bytes) -> str | None:
        """What the server finds wrong with the lines, or None when it has stored them."""
        try:
            self._poster.write(self._bucket, self._org, body)
        except ApiException as error:
            why = _said(error)
            if error.status not in REFUSED or (why is None and error.status != TOO_LARGE):
                raise self._down(error) from error
            return why or str(error.reason)
        except HTTPError as error:
            raise self._down(error) from error
        return None

    def _data(self, selection: Selection, start: int, stop: int) -> str:
        """The selected points as Flux; made of filters alone, so that the storage engine does them."""
        wanted = {"stand": selection.stand, "device": selection.device, "_field": selection.quantity}
        tests = [f"r.{key} == {flux_text(value)}" for key, value in wanted.items()]
        tests.append(
            "not exists r.channel" if selection.channel is None else f"r.channel == {flux_text(selection.channel)}"
        )
        return (
            f"from(bucket: {flux_text(self._bucket)}) |> range(start: time(v: {start}), stop: time(v: {stop}))"
            f" |> filter(fn: (r) => {' and '.join(tests)})"
        )

    def _buckets(self, selection: Selection, parts: Parts) -> list[Bucket]:
        data = self._data(selection, parts.start, parts.stop)
        # A text among the numbers would make the sums fail as a whole: first see where the numbers are.
        firsts = self._query(f'{data} |> first() |> drop(columns: ["_start", "_stop"]) |> yield()')
        measurements = sorted({row["_measurement"] for row in firsts if isinstance(row["_value"], float)})
        if not measurements:
            return []
        numbers = " or ".join(f"r._measurement == {flux_text(name)}" for name in measurements)
        every = f'every: {parts.width}ns, offset: {parts.origin % parts.width}ns, timeSrc: "_start", createEmpty: false'
        # Each with its own `from`: a shared one would be read point by point.
        flux = "\n".join(
            f"{data} |> filter(fn: (r) => {numbers}) |> aggregateWindow(fn: {name}, {every})"
            f' |> keep(columns: ["_time", "_value"]) |> yield(name: "{name}")'
            for name in STATISTICS
        )
        return buckets_of(parts, self._rows(parts, flux))

    def _rows(self, parts: Parts, flux: str) -> Iterator[Row]:
        """One row a part, put together from the four answers, whose rows differ in number where modules changed."""
        found: dict[str, dict[int, list[float]]] = {name: {} for name in STATISTICS}
        for row in self._query(flux):
            found[row["result"]].setdefault(parts.index(nanoseconds(row["_time"])), []).append(row["_value"])
        for i, counts in found["count"].items():
            yield i, int(sum(counts)), sum(found["sum"][i]), min(found["min"][i]), max(found["max"][i])

    def _query(self, flux: str) -> list[dict[str, Any]]:
        try:
            answer = self._reader.query_raw(flux, org=self._org)
            return list(table_rows(io.TextIOWrapper(answer, "utf-8", newline="")))
        except (ApiException, HTTPError) as error:
            raise self._down(error) from error
        except FluxFault as error:
            raise StoreDown(f"{self._url}: {error}") from error

    def _down(self, error: Exception) -> StoreDown:
        if isinstance(error, ApiException):
            about = {
                401: "the token is refused (store.token_file)",
                403: f"the token has no right to bucket {self._bucket!r}",
                404: f"no bucket {self._bucket!r} in organization {self._org!r}, or the token may not see it",
                400: "what answers is no InfluxDB (store.url)" if _said(error) is None else "the server answers",
            }.get(error.status, "the server answers")
            return StoreDown(f"{self._url}: {about}: {error.status} {_said(error) or error.reason}")
        about = "no answer in time" if isinstance(error, ReadTimeoutError) else "not reachable"
        return StoreDown(f"{self._url}: {about}: {error}")


class FluxFault(Exception):
    """A query that failed after the server had begun to answer."""


def flux_text(text: str) -> str:
    """A Flux literal: whatever the text holds, it stays a text."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${")
    return f'"{escaped}"'


def nanoseconds(time: str) -> int:
    """RFC 3339 in UTC with up to nine decimals, which datetime would cut to six."""
    whole, _, rest = time.removesuffix("Z").partition(".")
    return int(datetime.fromisoformat(f"{whole}+00:00").timestamp()) * 1_000_000_000 + int(rest.ljust(9, "0"))


def table_rows(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """Rows of annotated CSV with `_value` in its type."""
    names: list[str] = []
    kinds: dict[str, str] = {}
    for cells in csv.reader(lines):
        if not cells:
            names = []
        elif cells[0] == "#datatype":
            types = cells
        elif cells[0] == "#default":
            defaults = cells
        elif not cells[0].startswith("#") and not names:
            names = cells
            kinds = dict(zip(names, types, strict=True))
            if "error" in names:
                continue
        elif not cells[0].startswith("#"):
            row: dict[str, Any] = {n: c or d for n, c, d in zip(names, cells, defaults, strict=True) if n}
            if "error" in row:
                raise FluxFault(row["error"])
            # The server writes a line feed as CR LF, and CR itself not at all.
            value = row["_value"]
            row["_value"] = value.replace("\r\n", "\n") if kinds["_value"] == "string" else float(value)
            yield row


def _dropped(why: str) -> int:
    found = DROPPED.search(why)
    return int(found[1]) if found is not None else 0


def _likeness(point: Point) -> tuple[str, list[tuple[str, bool]]]:
    """Measurement, and names and types of the fields: what the server's types may contradict."""
    return point.measurement, sorted((name, isinstance(value, str)) for name, value in point.fields.items())


def _said(error: ApiException) -> str | None:
    """What InfluxDB has to say; None where something before it answers, which knows nothing of our points."""
    try:
        return str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        return None
