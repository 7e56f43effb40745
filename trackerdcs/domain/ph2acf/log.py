"""What Ph2_ACF says, line by line: both dialects without their colours, and the lines that mean something as events."""

import re
from dataclasses import dataclass
from typing import Literal

from trackerdcs.domain.ph2acf.layout import stage_name

EventKind = Literal[
    "configuring",
    "configured",
    "run_started",
    "stage_started",
    "stage_done",
    "stage_stopped",
    "stop_sent",
    "saving",
    "closing",
    "run_stopped",
    "monitor_closing",
    "finished",
    "progress",
    "link",
    "fuse_id",
    "chip_fuse_id",
    "bad_channel",
    "i2c",
    "tuning",
]
LONGEST = 2000
"""Characters of a line that are looked at: a runaway line is no reason to run out of memory."""

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_OUTER = re.compile(
    r"(?P<d>\d\d)\.(?P<m>\d\d)\.(?P<y>\d{4}) (?P<t>\d\d:\d\d(?::\d\d)?):? ?"
    r"\|(?P<thread>\w+)\|(?P<level>[IWEDF])\|(?P<text>.*)",
    re.S,
)
_OLD_ERROR = re.compile(r"(?P<t>\d\d:\d\d) ?\|(?P<thread>\w+)\|(?P<level>[EF])\|(?P<text>.*)", re.S)
_INNER = re.compile(r"\|(?P<t>\d\d:\d\d:\d\d)\|(?P<level>[IWEDF])\|(?P<text>.*)", re.S)
_PLACE = (
    r"Board (?P<b>\d+) Optical ?Group (?P<o>\d+) Hybrid (?P<h>\d+) ReadoutChip (?P<c>\d+) Channel (?P<ch>.+?), forcing"
)
_EVENTS: tuple[tuple[EventKind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))  # type: ignore[misc]
    for kind, pattern in (
        ("run_started", r"Run (?P<value>\d+) started$"),
        ("run_stopped", r"Run (?P<value>\d+) stopped$"),
        ("run_stopped", r"@@@ End of CMSIT miniDAQ @@@"),
        ("closing", r"Closing result file:? *(?P<value>\S*)"),
        ("monitor_closing", r"Closing monitor result file:? *(?P<value>\S*)"),
        ("stage_started", r"Starting (?P<value>\w+) measurement\.$"),
        ("stage_started", r"Starting (?P<value>Pedestal Equalization|noise measurement)$"),
        ("stage_started", r"@@@ Performing (?P<value>\w+)(?: scan)? @@@"),
        ("stage_done", r"Done with (?P<value>Pedestal Equalization|noise|\w+)\.?$"),
        ("stage_stopped", r"(?P<value>Pedestal Equalization|Noise measurement|\w+) stopped\.$"),
        ("stop_sent", r".*Supervisor Sending Stop!!!"),
        ("configuring", r"@@@ (?:Configuring HW parsed from XML file|Initializing the Hardware) @@@"),
        ("configured", r"(?:Configured|@@@ Hardware initialization done @@@)$"),
        ("saving", r"New configuration file saved: (?P<value>\S+)"),
        ("finished", r"Total execution time:"),
        ("progress", r">+ *Progress *: *(?P<value>[\d.]+) *% *<+"),
        ("link", r".*\.\.\. (?P<name>lpGBT TX|MGT|lpGBT RX) Ready\s*: *(?P<value>LOCKED|FAILED)"),
        ("fuse_id", r"FuseID from LpGBT optical group (?P<o>\d+) on Board (?P<b>\d+): (?P<value>\w+)"),
        ("chip_fuse_id", r"FuseID from (?P<name>\w+)#(?P<c>\d+) (?P<value>.+)"),
        ("bad_channel", rf"Problem in deriving (?P<value>\w+) for {_PLACE}"),
        ("tuning", r".*(?:Best VCAL_HIGH value for .* was not found|Average TDAC distribution not centered)"),
        ("i2c", r".*I2C"),
    )
)


@dataclass(frozen=True)
class Line:
    """A line without colours. `level` is empty for what the program prints past its logger; `at` is its local time as
    `2025-05-29 15:59:47`, without the date or the seconds where it does not say them."""

    text: str
    level: str = ""
    at: str = ""


@dataclass(frozen=True)
class Said:
    """A line that means something: what, the value in it, and whose (`board`, `optical_group`, `hybrid`, `chip`)."""

    kind: EventKind
    value: str = ""
    name: str = ""
    board: int | None = None
    optical_group: int | None = None
    hybrid: int | None = None
    chip: int | None = None
    channel: int | None = None


def line_of(raw: str) -> Line:
    """A line as it came, in the dialect of either program."""
    text = _ANSI.sub("", raw[:LONGEST]).replace("\r", "").rstrip()
    if found := _OUTER.match(text):
        at = f"{found['y']}-{found['m']}-{found['d']} {found['t']}"
        return Line(found["text"].strip(), found["level"], at)
    if found := _INNER.match(text) or _OLD_ERROR.match(text):
        return Line(found["text"].strip(), found["level"], found["t"])
    return Line(text.strip())


def said(line: Line) -> Said | None:
    """What a line means; None for the many that are only talk."""
    for kind, pattern in _EVENTS:
        if kind == "i2c" and line.level not in ("W", "E"):
            continue
        if found := pattern.match(line.text):
            groups = found.groupdict()
            value = groups.get("value") or ""
            if kind.startswith("stage_"):
                value = stage_name(value)
            board, group, hybrid, chip = (_number(groups.get(key)) for key in ("b", "o", "h", "c"))
            channel = _channel(groups.get("ch"))
            return Said(kind, value, groups.get("name") or "", board, group, hybrid, chip, channel)
    return None


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)


def _channel(text: str | None) -> int | None:
    """`row 15 col 97` of an MPA, or the number of a strip."""
    if text is None:
        return None
    numbers = [int(each) for each in re.findall(r"\d+", text)]
    if text.startswith("row") and len(numbers) == 2:
        return numbers[0] * 120 + numbers[1]
    return numbers[-1] if numbers else None
