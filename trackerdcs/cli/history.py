"""`trackerdcs history`: what was stored of one quantity."""

import re
from dataclasses import replace
from enum import StrEnum
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Annotated

import typer

from trackerdcs.cli.clients import FileOption, Place, place
from trackerdcs.domain.errors import ConfigError, StoreDown, TrackerError
from trackerdcs.domain.messages import NO_CHANNEL, TEXT
from trackerdcs.domain.series import Bucket, FieldValue, Sample, Selection

if TYPE_CHECKING:
    from trackerdcs.ports import TimeSeries

ROWS = 50
PARTS = 1000
GAP = 5.0
"""Samples further apart than so many usual intervals have a gap between them that is said."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST_S = 100 * 365 * 86400


class Format(StrEnum):
    """How the values are written."""

    csv = "csv"
    json = "json"
    table = "table"


def history(
    device: Annotated[str, typer.Option(metavar="DEVICE", help="Such as hv1.", show_default=False)],
    quantity: Annotated[str, typer.Option(metavar="QUANTITY", help="Such as v_mon.", show_default=False)],
    channel: Annotated[str, typer.Option(metavar="CHANNEL", help="- for a device without.")] = NO_CHANNEL,
    stand: Annotated[
        str | None, typer.Option(metavar="STAND", help="The stand file's, unless given.", show_default=False)
    ] = None,
    last: Annotated[str, typer.Option(metavar="SPAN", help="How far back: 60s, 10m, 2h, 7d.")] = "10m",
    format: Annotated[Format, typer.Option(help="csv and json: all samples; table: at most 50 lines.")] = Format.table,
    file: FileOption = None,
) -> None:
    """Print what the database holds of one quantity.

    From the oldest value to the newest; times are UTC, units SI. csv has the columns time, ts_ns and value. A table of
    more samples than 50 shows equal parts of the time with mean, lowest and highest value; parts without samples are
    left out: unknown is not zero.

    \b
    Examples:
      trackerdcs history --device hv1 --channel ch0 --quantity v_mon --last 60s
      trackerdcs history --stand demo --device hv1 --channel ch0 --quantity v_set --last 2h --format csv
      trackerdcs history --device env1 --quantity t_air --last 7d
    """
    import asyncio

    seconds = span(last)
    where = place(file, None)
    asyncio.run(_history(where, stand or where.stand.stand, device, channel, quantity, seconds, format))


async def _history(
    where: Place, stand: str, device: str, channel: str, quantity: str, seconds: int, format: Format
) -> None:
    from pathlib import Path

    from trackerdcs.adapters.clock_system import SystemClock
    from trackerdcs.services.stores import open_series

    now = SystemClock().now()
    window = Selection(stand, device, channel, quantity, max(0, now - seconds * 10**9), now + 1)
    series = open_series(where.stand.store, Path(where.stand.data), read_only=True)
    try:
        buckets = await series.buckets(window, ROWS) if format is Format.table else []
        if sum(b.count for b in buckets) <= ROWS:
            buckets = []
        samples = [] if buckets else await series.samples(window)
        if not samples and not buckets:
            await _explain(series, window, where)
    except (StoreDown, ConfigError) as e:
        raise type(e)(f"{e} (the store in {where.file}; another: --file STANDFILE)") from e
    finally:
        await series.close()
    if format is Format.csv:
        _print_csv(samples)
    elif format is Format.json:
        _print_json(samples)
    else:
        _print_table(samples, buckets, f"{stand}/{device} {channel} {quantity}")


async def _explain(series: "TimeSeries", window: Selection, where: Place) -> None:
    """Nothing was found: say whether the window is to blame or the name."""
    latest = await newest(series, replace(window, start=0))
    name = f"{window.stand}/{window.device} {window.channel} {window.quantity}"
    if latest is None:
        raise TrackerError(f"nothing was ever stored of {name}; {_known(window, where)}")
    typer.echo(f"nothing of {name} in this time; its newest value is of {utc(latest)}", err=True)


def _known(window: Selection, where: Place) -> str:
    """What there is instead, as far as the stand file says."""
    from trackerdcs.drivers.registry import tables_of

    stand = where.stand
    if window.stand == stand.stand and window.device in stand.devices:
        driver = stand.devices[window.device].driver
        channels = tables_of(driver).channels()
        if window.channel in channels:
            quantities = channels[window.channel].quantities
            if window.quantity in quantities:
                return f"{driver} has it, but has not read it so far (some are read only while the output is on)"
            return f"{driver} reads there: {', '.join(quantities)}"
    known = ", ".join(f"{d} ({' '.join(c.channels) or NO_CHANNEL})" for d, c in stand.devices.items())
    return f"the devices of stand {stand.stand} in {where.file}, with their channels: {known}"


async def newest(series: "TimeSeries", window: Selection) -> int | None:
    """Time stamp of the last value in a window of any length, in ns UTC."""
    if window.quantity != TEXT:
        while (parts := await series.buckets(window, PARTS)) and parts[-1].count > PARTS:
            window = replace(window, start=parts[-1].start, stop=parts[-1].stop)
        if not parts:
            return None
        window = replace(window, start=parts[-1].start, stop=parts[-1].stop)
    samples = await series.samples(window)
    return samples[-1].ts if samples else None


def span(text: str, option: str = "--last") -> int:
    """Seconds of `60s`, `10m`, `2h` or `7d`."""
    found = re.fullmatch(r"([0-9]{1,12})([smhd])", text)
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < seconds <= _LONGEST_S:
        raise typer.BadParameter(f"{text!r}: expected a span such as 60s, 10m, 2h or 7d", param_hint=option)
    return seconds


def utc(ts: int) -> str:
    """ISO 8601 with all nanoseconds."""
    import time

    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(ts // 10**9))}.{ts % 10**9:09d}Z"


def _print_csv(samples: list[Sample]) -> None:
    import csv
    import sys

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["time", "ts_ns", "value"])
    writer.writerows([utc(s.ts), s.ts, s.value] for s in samples)


def _print_json(samples: list[Sample]) -> None:
    import json

    typer.echo(json.dumps([{"time": utc(s.ts), "ts_ns": s.ts, "value": s.value} for s in samples], indent=1))


def _print_table(samples: list[Sample], buckets: list[Bucket], name: str) -> None:
    from trackerdcs.cli.rows import clean, duration
    from trackerdcs.domain.instrument import UNITS

    unit = UNITS.get(name.rpartition(" ")[2], "")
    title = f"{name}{f' in {unit}' if unit not in ('', '1') else ''}, times in UTC"
    if buckets:
        width = max(b.stop - b.start for b in buckets) / 1e9
        count = sum(b.count for b in buckets)
        typer.echo(f"{title}: {count} samples in {len(buckets)} parts of {duration(width)}")
        typer.echo(f"{'from':30} {'mean':>14} {'lowest':>14} {'highest':>14} {'samples':>8}")
        for before, b in zip([None, *buckets], buckets, strict=False):
            _print_gap((b.start - before.stop) / 1e9 if before else 0.0)
            typer.echo(f"{utc(b.start):30} {b.mean:14.7g} {b.low:14.7g} {b.high:14.7g} {b.count:8}")
        return
    steps = [(after.ts - s.ts) / 1e9 for s, after in pairwise(samples)]
    usual = median(steps) if steps else 0.0
    gaps = [0.0] + [step if step > GAP * usual else 0.0 for step in steps]
    shown, left_out = list(range(len(samples))), ""
    if len(samples) > ROWS:  # texts have no mean: their changes, and where nothing is known, say all
        shown = [i for i in shown if i == 0 or gaps[i] or samples[i].value != samples[i - 1].value]
        left_out = f", {len(shown)} changes" + (f", the last {ROWS} of them" if len(shown) > ROWS else "")
    typer.echo(f"{title}: {len(samples)} samples{left_out}")
    for i in shown[-ROWS:]:
        _print_gap(gaps[i])
        typer.echo(f"{utc(samples[i].ts):30} {clean(_written(samples[i].value)):>14}")
    if left_out:
        typer.echo(f"{utc(samples[-1].ts):30} {clean(_written(samples[-1].value)):>14}  (newest)")


def _print_gap(seconds: float) -> None:
    from trackerdcs.cli.rows import duration

    if seconds > 0:
        typer.echo(f"  -- nothing stored for {duration(seconds)} --")


def _written(value: FieldValue) -> str:
    return value if isinstance(value, str) else f"{value:.7g}"
