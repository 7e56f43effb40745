"""What a log has told so far, heard line by line: by the bridge while the program runs, by the importer afterwards."""

from collections import Counter, deque
from datetime import UTC, datetime
from functools import lru_cache

from trackerdcs.domain.ph2acf.failures import found_in, of_interest
from trackerdcs.domain.ph2acf.log import Line, Said, line_of, said
from trackerdcs.domain.run import Failure, LogCounts, RunEvent, Stage

S = 1_000_000_000
TAIL = 200
MOST = 1000
"""Events, failure lines and bad channels that are kept; the counts go on."""
_TOLD = frozenset({"W", "E", "F"})


class Story:
    """Counts, stages, signs and events of a log.

    Times are those of `now` where a call gives it. Otherwise they are the log's local ones as if they were UTC: whoever
    knows the zone takes `offset` seconds off, with `at`.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self.configured = self.stopped = self.closed = self.finished = False
        self.monitor_file = ""
        self.percent: float | None = None
        self.first: int | None = None
        self.last: int | None = None
        self.started: int | None = None
        self.ended: int | None = None
        self.fuse_ids: dict[tuple[int, int], str] = {}
        self.bad: list[Said] = []
        self.links_failed = False
        self.lines = 0
        self.events: list[RunEvent] = []
        self._levels: Counter[str] = Counter()
        self._i2c = 0
        self._tail: deque[str] = deque(maxlen=TAIL)
        self._failures: list[str] = []
        self._stages: list[list[object]] = []

    def hear(self, raw: str, now: int | None = None) -> Said | None:
        """One line, and what it means if anything."""
        line = line_of(raw)
        if not line.text and not line.level:
            return None
        self.lines += 1
        self._levels[line.level] += 1
        self._tail.append(raw.rstrip("\r\n")[: TAIL * 2] if not line.level else _shown(line))
        ts = now if now is not None else naive_ns(line.at) if len(line.at) > 8 else None
        if ts is not None:
            self.first, self.last = self.first or ts, ts
        if of_interest(line.text) and len(self._failures) < MOST:
            self._failures.append(line.text)
        found = said(line)
        if line.level in _TOLD and len(self.events) < MOST:
            self.events.append(RunEvent(ts, "log", {"W": "warning", "E": "error", "F": "fatal"}[line.level], line.text))
        if found is not None:
            self._take(found, ts)
        return found

    def counts(self) -> LogCounts:
        """Lines by level and the last of them."""
        at = self._levels
        return LogCounts(at["I"], at["W"], at["E"], at["F"], at["D"], at[""], self._i2c, tuple(self._tail))

    def cause(self) -> Failure | None:
        """The failure that the log names, if it names one."""
        return found_in(self._failures, self.links_failed)

    def stages(self, offset: int = 0) -> tuple[Stage, ...]:
        """In the order in which they began, `offset` seconds taken off their times."""
        return tuple(Stage(str(n), at(a, offset), at(b, offset)) for n, a, b in self._stages)  # type: ignore[arg-type]

    def _take(self, found: Said, ts: int | None) -> None:
        match found.kind:
            case "run_started":
                self.number, self.started = int(found.value), ts
            case "run_stopped":
                self.stopped, self.ended = True, ts
            case "closing":
                self.closed = True
            case "monitor_closing":
                self.monitor_file = found.value
            case "configured":
                self.configured = True
            case "finished":
                self.finished = True
            case "progress":
                self.percent = float(found.value)
            case "fuse_id":
                self.fuse_ids[found.board or 0, found.optical_group or 0] = found.value.lower().removeprefix("0x")
            case "link":
                self.links_failed |= found.name == "lpGBT TX" and found.value == "FAILED"
            case "i2c":
                self._i2c += 1
            case "bad_channel" if len(self.bad) < MOST:
                self.bad.append(found)
            case "stage_started":
                self._end_stage(None, ts)
                self.percent = None
                self._stages.append([found.value, ts, None])
            case "stage_stopped":
                self._end_stage(found.value, ts)

    def _end_stage(self, name: str | None, ts: int | None) -> None:
        """The last stage has ended: said by its name, or because the next one begins."""
        if self._stages and self._stages[-1][2] is None and name in (None, self._stages[-1][0]):
            self._stages[-1][2] = ts


def at(naive: int | None, offset: int) -> int | None:
    """UTC of a local time that was taken for UTC."""
    return None if naive is None else naive - offset * S


@lru_cache(maxsize=16)  # many lines have the time of the one before them
def naive_ns(text: str) -> int | None:
    """Local time as Ph2_ACF writes it (year of four or two digits, with or without seconds), as if it were UTC."""
    for form in ("%Y-%m-%d %H:%M:%S", "%y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"):
        try:
            return int(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()) * S
        except ValueError:
            continue
    return None


def _shown(line: Line) -> str:
    return f"{line.at} |{line.level}| {line.text}"
