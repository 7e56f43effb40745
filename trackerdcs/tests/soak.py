"""`make soak`: a whole stand on real parts under a random schedule of faults; nothing may be lost, no output may move.

    python -m trackerdcs.tests.soak [MINUTES [SEED]]

Every service, the broker and the database are killed (SIGKILL) or frozen (SIGSTOP), one or several at a time, and the
wires to the instruments break. In the end each frame that was said must be in the database once, and the outputs must
be as they were commanded. Prints what was done; exits with 1 and the reasons if it does not hold.
"""

import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from trackerdcs.adapters.bus_mqtt import MqttBus
from trackerdcs.domain.stand import BusConfig
from trackerdcs.sim.control import ask
from trackerdcs.tests.servers import HOST
from trackerdcs.tests.stack import STAND, Stack
from trackerdcs.tests.witness import Witness

WIRE_FAULTS = ("late", "drop", "partial", "late_tail", "garbage", "double", "close", "reset")
PATIENCE_S = 900.0
"""Replays back off to ten minutes."""


class Schedule:
    """Random faults, repeatable by their seed as far as the machine's speed allows."""

    def __init__(self, stack: Stack, seed: int) -> None:
        self._stack, self._random = stack, random.Random(seed)
        self.done: Counter[str] = Counter()

    async def strike(self) -> None:
        """One fault and its end."""
        stack, dice = self._stack, self._random
        processes = {"broker": stack.broker, "database": stack.database, "loader": stack.loader, **stack.owners}
        names = dice.sample(sorted(processes), k=dice.choice((1, 1, 1, 2, 3)))
        what = dice.choice(("kill", "kill", "freeze", "wire"))
        for name in names:
            self.done[f"{what} {name}"] += 1
            match what:
                case "kill":
                    processes[name].kill()
                case "freeze":
                    processes[name].freeze()
                case "wire":
                    self._break_wire(dice.choice(stack.devices))
        await asyncio.sleep(dice.uniform(0.1, 4.0))
        for name in sorted(names, key=lambda name: name != "broker"):  # the others are up when they have reached it
            if what == "kill":
                await asyncio.to_thread(processes[name].restart)
            elif what == "freeze":
                processes[name].thaw()
        await asyncio.sleep(dice.uniform(0.1, 3.0))

    def _break_wire(self, device: str) -> None:
        fault = self._random.choice(WIRE_FAULTS)
        ask(HOST, self._stack.control, {"op": "fault", "device": device, "fault": fault, "times": 2})


async def soak(minutes: float, seed: int) -> list[str]:
    """Run it; the reasons why it does not hold."""
    with ExitStack() as leave:
        folder = Path(leave.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        stack = Stack(folder, leave.enter_context)
        bias(stack)
        schedule, end = Schedule(stack, seed), time.monotonic() + 60 * minutes
        witness = Witness(MqttBus(BusConfig(host=HOST, port=stack.broker.port), "witness"), killed=True)
        async with witness:
            while time.monotonic() < end:
                await schedule.strike()
            truth = await asyncio.to_thread(stack.truth, "hv1")
            stop = await asyncio.to_thread(stack.wait_drained, PATIENCE_S)
        wrong = await stack.losses(witness.seen, stop)
        if not truth["ch0"]["on"] or abs(float(truth["ch0"]["v"]) + 50.0) > 1.0:
            wrong.append(f"an output has moved: {truth['ch0']}")
        for fault, times in sorted(schedule.done.items()):
            print(f"{times:4} x {fault}")
        for device in stack.devices:
            try:
                print(f"{device}: {len(stack.ledger(device))} entries in its ledger, the chain is whole")
            except AssertionError as e:
                wrong.append(str(e))
            stored = await stack.stored(device, stop)
            print(f"{device}: {sum(map(len, stored.values()))} frames of {len(stored)} boots stored")
        return wrong


def bias(stack: Stack) -> None:
    """Put -50 V on a sensor: it has to stay there, whatever happens."""
    up = (("lv1", "on", "ch1"), ("hv1", "set_voltage", "ch0", "--arg", "v=-50"), ("hv1", "on", "ch0"))
    for command in up:
        told = stack.trackerdcs("send", STAND, *command, "--reason", "soak")
        if told.returncode:
            raise RuntimeError(f"{command}: {told.stdout}{told.stderr}")


def main() -> int:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**6)
    print(f"soak of {minutes:g} minutes, seed {seed}", flush=True)
    wrong = asyncio.run(soak(minutes, seed))
    print("\n".join(["DOES NOT HOLD", *wrong]) if wrong else "holds: nothing lost, no output moved")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
