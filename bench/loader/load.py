"""What is sent, and what then has to be in the database: as many points, and the same sum of sequence numbers."""

import json
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from bench.loader.programs import compiled
from trackerdcs.tests.servers import Influxd, end_with_parent

Payload = Literal["flat", "frame"]
POLL_S = 0.05
LONGEST_S = 610.0
ALL_TIME = "time > 0 AND time < '2100-01-01'"


@dataclass(frozen=True)
class Load:
    """Messages in turn over the topics; `rate` 0 is as fast as the broker takes them. `gulp_us` is told in blast.c."""

    payload: Payload
    count: int
    topics: int = 200
    rate: int = 0
    quantities: int = 1
    gulp_us: int = 0

    def __post_init__(self) -> None:
        if self.count % self.topics:
            raise ValueError(f"{self.count} messages: expected a multiple of {self.topics} topics")

    def command(self, port: int) -> list[str]:
        """The generator that sends it."""
        numbers = [str(n) for n in (port, self.count, self.topics, self.rate)]
        return [str(compiled("blast")), *numbers, self.payload, str(self.quantities), str(self.gulp_us)]

    def start(self, port: int) -> subprocess.Popen[str]:
        """Begin to send; `sent` tells when it is over."""
        pipe = subprocess.PIPE
        return subprocess.Popen(self.command(port), stdout=pipe, stderr=pipe, text=True, preexec_fn=end_with_parent)

    @property
    def measurement(self) -> str:
        """Where the sequence numbers are."""
        return "readings" if self.payload == "flat" else "frames"

    @property
    def expected(self) -> tuple[int, int]:
        """Points, and the sum of their `seq`. Frames are numbered by device, flat messages all together."""
        count, rounds = self.count, self.count // self.topics
        return count, (count * (count - 1) if self.payload == "flat" else self.topics * rounds * (rounds - 1)) // 2

    @property
    def last_seq(self) -> int:
        """The `seq` of the very last message, which is one of the last topic."""
        return self.count - 1 if self.payload == "flat" else self.count // self.topics - 1


def sent(generator: subprocess.Popen[str]) -> tuple[float, float]:
    """When the first message was sent and the last acknowledged, on the monotonic clock; waits for it."""
    try:
        said, complaint = generator.communicate(timeout=LONGEST_S)
    finally:
        generator.kill()
    if generator.returncode:
        raise RuntimeError(f"blast: {complaint}")
    began, ended = (float(text) for text in said.split())
    return began, ended


@dataclass
class Progress:
    """What was seen of the last topic, as (monotonic clock, its newest `seq`), and when all messages were there."""

    seen: list[tuple[float, int]] = field(default_factory=list)
    all: float | None = None

    def first(self) -> float | None:
        """When the first point was there."""
        return self.seen[0][0] if self.seen else None

    def slope(self, load: "Load") -> float:
        """Messages per second between a tenth and nine tenths of them, without start and last flush; 0 if unknown."""
        marks = [next(((t, n) for t, n in self.seen if n >= part * load.last_seq), None) for part in (0.1, 0.9)]
        if None in marks:
            return 0.0
        (t0, n0), (t1, n1) = (mark for mark in marks if mark)
        return (n1 - n0) * load.count / load.last_seq / (t1 - t0) if t1 > t0 else 0.0


class Stored:
    """What is in the database of all this."""

    def __init__(self, database: Influxd, load: Load) -> None:
        self._database, self._load = database, load

    def _ask(self, measurement: str, what: str, where: str = "") -> list[float]:
        query = f"SELECT {what} FROM {measurement} WHERE stand = 'bench' AND {ALL_TIME}{where}"
        arguments = urllib.parse.urlencode({"db": self._database.bucket, "q": query})
        headers = {"Authorization": f"Token {self._database.token}"}
        request = urllib.request.Request(f"{self._database.url}/query?{arguments}", headers=headers)
        with urllib.request.urlopen(request, timeout=60) as reply:
            (result,) = json.load(reply)["results"]
        if "error" in result:
            raise RuntimeError(f"{query}: {result['error']}")
        return list(result["series"][0]["values"][0][1:]) if "series" in result else []

    def newest(self) -> int:
        """The last `seq` of the last topic, -1 if there is none: one series of many, which costs nearly nothing."""
        found = self._ask(self._load.measurement, "last(seq)", f" AND device = 'd{self._load.topics - 1}'")
        return int(found[0]) if found else -1

    def whole(self) -> tuple[int, int]:
        """Points, and the sum of their `seq`, counted one by one."""
        found = self._ask(self._load.measurement, "count(seq), sum(seq)")
        return (int(found[0]), int(found[1])) if found else (0, 0)

    def values(self) -> int:
        """Numbers in all quantities, counted one by one."""
        names = ["value", *(f"q{n}" for n in range(1, self._load.quantities))]
        return int(sum(self._ask("readings", ", ".join(f"count({name})" for name in names))))

    def wait(self, patience_s: float, check: Callable[[], object]) -> Progress:
        """Until all is there or nothing has come any more for `patience_s`; `check` raises when the loader has died."""
        progress, counted, news = Progress(), 0, time.monotonic()
        while True:
            check()
            newest, now = self.newest(), time.monotonic()
            if newest >= 0 and (not progress.seen or newest > progress.seen[-1][1]):
                progress.seen.append((now, newest))
                news = now
            # The last message is not always the last to be written: from then on all are counted.
            if newest == self._load.last_seq:
                points, now = self.whole()[0], time.monotonic()
                if points >= self._load.count:
                    progress.all = now
                    return progress
                counted, news = points, now if points > counted else news
            if now - news > patience_s:
                return progress
            time.sleep(POLL_S)
