"""For tests: the truth of a whole supply all the time, and what its owner said of it held against that."""

import time
from collections.abc import Iterable, Iterator

from trackerdcs.domain.messages import Frame
from trackerdcs.tests.channel_case import Trace
from trackerdcs.tests.sim_stand import RunningSim

AGE = 0.75
"""Seconds that may lie between a reading and the time stamp of its frame: a poll with time-outs."""
KEPT = ("v_set", "i_limit", "on")


class WholeTrace(Trace):
    """The trace of the first channel, and whether anything of the other channels has changed."""

    def __init__(self, sim: RunningSim) -> None:
        super().__init__(sim)
        self._first = sim.truth()
        self.ch = next(iter(self._first))
        self.others: set[str] = set()

    def _look(self) -> None:
        while not self._end.wait(0.005):
            began, truth = time.monotonic(), self._sim.truth()
            mine = truth[self.ch]
            self.points.append((began, time.monotonic(), abs(float(mine["v"])), bool(mine["on"])))
            for ch in truth.keys() - {self.ch}:
                self.others |= {f"{ch} {q}" for q in KEPT if truth[ch][q] != self._first[ch][q]}

    def around(self, at: float, width: float) -> list[tuple[float, float, float, bool]]:
        """What was seen within `width` s of a moment on the monotonic clock."""
        return [p for p in self.points if at - width <= p[0] <= at + width]

    def lies(self, frames: Iterable[Frame], close: float = 1.0, stuck: bool = False) -> Iterator[str]:
        """What frames call good and was not so around their time: an older reply, another channel's. `close` in V."""
        shift = time.time() - time.monotonic()
        for frame in frames:
            values, around = frame.ch.get(self.ch, {}), self.around(frame.ts / 1e9 - shift, AGE)
            if "v_mon" in values and around and not stuck:
                v = abs(float(values["v_mon"]))
                low, high = min(p[2] for p in around), max(p[2] for p in around)
                if not low - close <= v <= high + close:
                    yield f"frame {frame.seq} says {v} V, it was {low} to {high} V"
            if "on" in values and around and values["on"] not in {p[3] for p in around}:
                yield f"frame {frame.seq} says on {values['on']}, it was not"
