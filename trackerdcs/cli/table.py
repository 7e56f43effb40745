"""An Overview as a table for the terminal, 80 to 160 columns wide."""

import time

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from trackerdcs.app.overview import DeviceView, Moment, Overview
from trackerdcs.cli.rows import BAD, COLUMNS, Row, amount, clean, duration, rows_of, sources, unit_of
from trackerdcs.domain.messages import NO_CHANNEL

OLD, WRONG, DOUBT = "dim", "bold red", "yellow"
HV_STYLES = {"ON": "bold white on red", "?": "bold black on yellow", "off": "green"}


def table(overview: Overview, at: Moment | None = None) -> RenderableType:
    """What is known of a stand `at` a moment (now, unless given). Values that are not fresh stand in parentheses."""
    at = at or Moment(time.time_ns(), time.monotonic())
    grid = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False, expand=True)
    grid.add_column("device", min_width=7, max_width=16, overflow="fold")
    grid.add_column("ch", no_wrap=True)
    grid.add_column("HV", no_wrap=True)
    grid.add_column("state", min_width=8, max_width=8)
    for name, unit in zip(COLUMNS, (" V", " V", ""), strict=True):
        grid.add_column(f"{name}{unit}", no_wrap=True, justify="right")
    grid.add_column("age", min_width=8, max_width=8, justify="right")
    grid.add_column("label, module, more", min_width=13, ratio=1, overflow="fold")
    instruments = overview.instruments()
    several = len({d.stand for d in instruments}) > 1
    for device in instruments:
        rows = rows_of(device, at)
        for i, row in enumerate(rows):
            name = f"{device.stand}/{row.device}" if several else row.device
            first = _device(row, name) if i == 0 else Text(name, "dim")
            grid.add_row(first, *_cells(row, i == 0), end_section=row is rows[-1])
    below = (*_interlocks(overview, at), *_loaders(overview, at), *_outside(overview), *_recent(overview))
    return Group(*_banner(overview, instruments), grid, *below)


class Fitted:
    """Something cut to the height of the terminal, saying how much is missing."""

    def __init__(self, whole: RenderableType) -> None:
        self._whole = whole

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        rows, room = console.render_lines(self._whole, options, pad=False), options.size.height
        if len(rows) > room:
            missing = Text(f"{len(rows) - room + 1} MORE LINES BELOW: make this window higher", HV_STYLES["?"])
            rows = rows[: room - 1] + console.render_lines(missing, options, pad=False)[:1]
        for i, row in enumerate(rows):
            yield from [Segment.line()] * bool(i) + row


def _device(row: Row, name: str) -> Text:
    return Text.assemble((name, "bold"), (" SIM" if row.sim else "", "magenta"))


def _cells(row: Row, first: bool) -> list[Text]:
    plain = "" if row.fresh else OLD
    return [
        Text(row.ch),
        Text(row.hv, HV_STYLES.get(row.hv, "")),
        _value(row.state.replace("_", " "), WRONG if row.state == "tripped" else plain),
        *(_value(row.cells[q], plain) for q in COLUMNS),
        Text("\n".join(filter(None, (row.news, row.age))), "" if row.fresh else DOUBT),
        _more(row, first, plain),
    ]


def _more(row: Row, first: bool, plain: str) -> Text:
    """What has no column of its own: one line if there is room, then a line for each thing that is wrong."""
    words = Text("  ").join(
        [Text(flag, WRONG if row.fresh else plain) for flag in row.flags]
        + [Text(row.label)] * bool(row.label)
        + [Text(other, WRONG if other.endswith(f" {BAD}") else plain) for other in row.others]
    )
    wrong = [Text(row.status, WRONG)] if first and row.status else []
    wrong += [Text(line, WRONG) for line in row.faults] + [Text(line, DOUBT) for line in row.doubts]
    return Text("\n").join([words] * bool(words.plain) + wrong)


def _value(text: str, style: str) -> Text:
    return Text(text, WRONG if text == BAD else DOUBT if text.endswith("?") else style)


def _banner(overview: Overview, instruments: list[DeviceView]) -> list[Text]:
    if overview.connected is False:
        return [Text("NO CONNECTION TO THE BROKER: nothing below is news", HV_STYLES["ON"])]
    if not instruments:
        return [Text("no device has said anything here yet", DOUBT)]
    return []


def _interlocks(overview: Overview, at: Moment) -> list[Text]:
    styles = {"ok": "green", "open": WRONG}
    return [
        Text.assemble(
            f"interlock {i.name}: ",
            (clean(i.text(at.monotonic)), DOUBT if i.bypassed else styles.get(i.state(at.monotonic), DOUBT)),
        )
        for _, i in sorted(overview.interlocks.items())
    ]


def _loaders(overview: Overview, at: Moment) -> list[Text]:
    lines = []
    for loader in sorted(overview.loaders(), key=lambda d: d.name):
        state, age = loader.state(at), loader.status_age(at)
        line = Text.assemble(f"{loader.name}: ", (state, "" if state == "online" else WRONG))
        line.append(f" ({duration(age)} ago)" if age is not None else "")
        figures = loader.frame.ch.get(NO_CHANNEL, {}) if loader.frame else {}
        for quantity, value in figures.items():
            style = DOUBT if quantity == "parked" and value else "" if loader.fresh(at) else OLD
            line.append(f"  {quantity} {amount(value, unit_of(loader, NO_CHANNEL, quantity))}", style)
        if text := sources(loader):
            line.append(f"  {text}", "" if loader.fresh(at) else OLD)
        if loader.status and loader.status.error:
            line.append(f"  {clean(loader.status.error)}", DOUBT if state == "online" else WRONG)
        lines.append(line)
    return lines or [Text("no loader heard: nothing is being stored", DOUBT)]


def _outside(overview: Overview) -> list[Text]:
    return [
        Text(f"outside the contract, {cause}: {o.count}, last {clean(o.topic)}: {clean(o.why)}", DOUBT)
        for cause, o in overview.outside.items()
    ]


def _recent(overview: Overview) -> list[Text]:
    return [
        Text.assemble(
            (time.strftime("%H:%M:%SZ", time.gmtime(max(0, note.ts) // 10**9)), OLD),
            f" {note.device} ",
            (clean(note.text), WRONG if note.bad else ""),
        )
        for note in overview.recent
    ]
