"""`make soak`: the loader under random faults at 5,000 messages a second, each run on a stack of servers of its own.

    python -m trackerdcs.tests.soak_loader [RUNS [MINUTES [SEED]]]

Prints a line a run; exits with 1 if a frame was lost or doubled in any.
"""

import asyncio
import contextlib
import random
import sys
import tempfile
from pathlib import Path

from trackerdcs.tests.fault_schedule import FaultSchedule, Outcome, Stack

RATES: dict[Stack, float] = {"tuned": 5000.0, "default": 5000.0, "embedded": 200.0}
"""Messages a second; the broker from pip takes some hundreds."""
TURNS: tuple[Stack, ...] = ("tuned", "default", "tuned", "embedded")


async def one(stack: Stack, seconds: float, seed: int) -> Outcome:
    """A run."""
    with contextlib.ExitStack() as leave, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        schedule = FaultSchedule(stack, Path(folder), seed, leave)
        return await schedule.run(seconds, RATES[stack])


def main() -> int:
    """All runs; the exit status."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    minutes = float(sys.argv[2]) if len(sys.argv) > 2 else 5.0
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(10**6)
    lost = 0
    for run in range(runs):
        stack = TURNS[run % len(TURNS)]
        outcome = asyncio.run(one(stack, 60 * minutes, seed + run))
        lost += bool(outcome.wrong)
        faults = ", ".join(f"{times} x {fault}" for fault, times in sorted(outcome.faults.items()))
        verdict = f"DOES NOT HOLD: {outcome.wrong}" if outcome.wrong else "holds"
        print(
            f"{stack}, seed {seed + run}: {outcome.sent} sent, {outcome.replayed} replayed, drained in "
            f"{outcome.drained_s:.1f} s; {faults}: {verdict}",
            flush=True,
        )
    print(f"{lost} of {runs} runs lost something" if lost else f"holds: nothing lost in {runs} runs")
    return int(lost > 0)


if __name__ == "__main__":
    sys.exit(main())
