"""Many series of an InfluxDB 2 by one request, as they are stored, and cut into parts here.

InfluxQL hands out a hundred thousand stored values in the time that it or Flux needs to sum up a few thousand.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any

from influxdb_client.rest import ApiException

from trackerdcs.adapters.json_msgspec import loads
from trackerdcs.domain.series import Bucket, Selection
from trackerdcs.domain.storing import Parts, Row, buckets_of, cut, window

SHORT = 6 * 3600 * 10**9
"""Windows up to this length (ns) are asked for as they are stored: at a value a second, 20,000 of each quantity."""
AT_ONCE = 200
"""Statements a request."""
_fault: Any = ApiException
Key = tuple[str, str, str | None, int, int]


class Influxql:
    """The other language of a server: the bucket is the database of its name, as the server sees to by itself."""

    def __init__(self, client: Any, url: str, bucket: str, token: str) -> None:
        self._pool = client.api_client.rest_client.pool_manager
        self._timeout = client.api_client.configuration.timeout / 1000
        self._url, self._bucket, self._token = url.rstrip("/"), bucket, token

    def buckets(self, selections: Sequence[Selection], number: int) -> dict[Selection, list[Bucket]]:
        """Of each selection; blocks. None at all where the server does not know the bucket by InfluxQL."""
        statements: dict[Key, list[str]] = {}
        for selection in dict.fromkeys(selections):
            if _writable(selection):
                key = (selection.stand, selection.device, selection.channel, *window(selection))
                statements.setdefault(key, []).append(selection.quantity)
        rows: dict[Selection, list[Row]] = {}
        whole = list(statements.items())
        for first in range(0, len(whole), AT_ONCE):
            some = whole[first : first + AT_ONCE]
            answers = self._ask(";".join(_statement(key, fields) for key, fields in some))
            if answers is None:
                return {}
            for (key, fields), answer in zip(some, answers, strict=True):
                own = [Selection(*key[:3], field, *key[3:]) for field in fields]
                if parts := cut(own[0], number):
                    for at, found in _rows(answer.get("series", []), parts, len(own)):
                        rows.setdefault(own[at], []).extend(found)
        return {s: buckets_of(p, rows.get(_in_reach(s), ())) if (p := cut(s, number)) else [] for s in selections}

    def _ask(self, query: str) -> list[Any] | None:
        """The answers to the statements of a query, in their order; None where there is no such database."""
        fields = {"db": self._bucket, "epoch": "ns", "q": query}
        headers = {"Authorization": f"Token {self._token}"}
        reply = self._pool.request(
            "POST", f"{self._url}/query", fields=fields, encode_multipart=False, headers=headers, timeout=self._timeout
        )
        if reply.status == 404:
            return None
        if reply.status != 200:
            raise _fault(http_resp=reply)
        answers: list[Any] = loads(reply.data)["results"]
        if faults := [answer["error"] for answer in answers if "error" in answer]:
            if "not found" in faults[0]:
                return None
            raise _fault(status=400, reason=faults[0])
        return answers


def _in_reach(selection: Selection) -> Selection:
    start, stop = window(selection)
    return Selection(selection.stand, selection.device, selection.channel, selection.quantity, start, stop)


def _writable(selection: Selection) -> bool:
    """Whether anything can be stored under such names: no others are put into a query."""
    names = (selection.stand, selection.device, selection.quantity, selection.channel)
    return all(name is None or (name and "\\" not in name and min(name) >= " ") for name in names)


def _statement(key: Key, fields: Sequence[str]) -> str:
    stand, device, channel, start, stop = key
    tags = {"stand": stand, "device": device, "channel": channel or ""}  # of an absent tag the text is empty
    where = " AND ".join(f'"{name}" = {_text(value)}' for name, value in tags.items())
    names = ", ".join(f"{_name(field)} AS f{i}" for i, field in enumerate(fields))
    return f"SELECT {names} FROM /.*/ WHERE {where} AND time >= {start} AND time < {stop}"


def _name(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "\\'") + "'"


def _rows(series: Sequence[Any], parts: Parts, fields: int) -> Iterator[tuple[int, Iterator[Row]]]:
    """By field and measurement: a row for each part with numbers. The values of a measurement are in order of time."""
    for each in series:
        times, *columns = zip(*each["values"], strict=True)
        for field, column in enumerate(columns[:fields]):
            if None in column:
                pairs = [(ts, value) for ts, value in zip(times, column, strict=True) if value is not None]
                own, column = zip(*pairs, strict=True) if pairs else ((), ())
            else:
                own = times
            if column and not isinstance(column[0], str):
                yield field, _reduced(own, column, parts)


def _reduced(times: Sequence[int], values: Sequence[float], parts: Parts) -> Iterator[Row]:
    first, last = 0, parts.count - 1
    while first < len(times):
        place = min(max((times[first] - parts.origin) // parts.width, 0), last)
        end = parts.origin + (place + 1) * parts.width
        behind = bisect_left(times, end, first + 1) if place < last else len(times)
        some = values[first:behind]
        yield place, len(some), float(sum(some)), float(min(some)), float(max(some))
        first = behind
