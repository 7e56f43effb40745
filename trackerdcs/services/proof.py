"""Proof of the interlocks of a stand: at the simulators of a simulated one, else pretended by the guard."""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.adapters.proof_reports import write_report
from trackerdcs.app.guard_commands import PROOF
from trackerdcs.app.prover import Prover
from trackerdcs.app.requester import Requester
from trackerdcs.domain.errors import CommandRefused, ConfigError, DeviceError
from trackerdcs.domain.interlock import ConditionConfig
from trackerdcs.domain.messages import Ack
from trackerdcs.domain.proving import Report, Shown, offset
from trackerdcs.domain.stand import Stand
from trackerdcs.domain.topics import GUARD
from trackerdcs.domain.wiring import outputs, parts
from trackerdcs.drivers.registry import wired
from trackerdcs.services.client import USER, connect
from trackerdcs.sim.control import ask

PRETENCE = PROOF + 2.0
"""Seconds after which the guard has ended a pretence by itself."""


class SimWays:
    """Faults of the simulated instruments. Outputs may be on: they are simulated, too."""

    touches_outputs = True

    def __init__(self, port: int) -> None:
        self._port = port
        self._undo: list[dict[str, Any]] = []

    async def violate(self, name: str, condition: str, c: ConditionConfig, values: Mapping[str, float]) -> None:
        if c.equals is not None:
            device, ch, quantity = parts(c.of) or ("", "", "")
            if quantity != "on":
                raise DeviceError(f"no simulator can be told to change {c.of}")
            panel = {"op": "fault", "device": device, "fault": "front_panel"}
            self._undo.append(panel | {"args": {"channel": ch, "on": c.equals}})
            await self._ask(panel | {"args": {"channel": ch, "on": not c.equals}})
            return
        found = offset(c, values)
        if found is None:
            raise DeviceError(f"no value of {c.of} would violate it")
        of, by = found
        device, ch, quantity = parts(of) or ("", "", "")
        await self._fault(device, "offset", {"channel": ch, "quantity": quantity, "by": by})

    async def silence(self, name: str, condition: str, c: ConditionConfig) -> None:
        device, _, _ = parts(c.of) or ("", "", "")
        await self._fault(device, "hang", {})

    async def restore(self) -> None:
        undo, self._undo = self._undo, []
        for request in undo:
            await self._ask(request)

    async def _fault(self, device: str, fault: str, args: dict[str, Any]) -> None:
        self._undo.append({"op": "clear", "device": device, "fault": fault})
        await self._ask({"op": "fault", "device": device, "fault": fault, "times": None, "args": args})

    async def _ask(self, request: dict[str, Any]) -> None:
        try:
            answer = await asyncio.to_thread(ask, "127.0.0.1", self._port, request)
        except (OSError, ValueError) as e:
            raise DeviceError(f"no simulators answer at port {self._port}: {e}") from e
        if not answer["ok"]:
            raise DeviceError(answer["error"])


class GuardWays:
    """The guard pretends; it refuses while anything that the interlock protects is on."""

    touches_outputs = False

    def __init__(self, stand: str, requester: Requester) -> None:
        self._stand, self._requester = stand, requester
        self._until = 0.0

    async def violate(self, name: str, condition: str, c: ConditionConfig, values: Mapping[str, float]) -> None:
        await self._pretend(name, condition, "broken")

    async def silence(self, name: str, condition: str, c: ConditionConfig) -> None:
        await self._pretend(name, condition, "unknown")

    async def restore(self) -> None:
        await asyncio.sleep(max(0.0, self._until - time.monotonic()))

    async def _pretend(self, name: str, condition: str, as_if: str) -> None:
        args = {"interlock": name, "condition": condition, "as": as_if}
        asked = self._requester.request(self._stand, GUARD, "proof", args=args, reason="proof of the interlocks")
        end = [answer async for answer in asked][-1]
        if not isinstance(end, Ack) or end.state != "done":
            raise CommandRefused(end.why or "the guard does not answer")
        self._until = time.monotonic() + PRETENCE


async def prove(stand: Stand, by: str, tell: Callable[[Shown], None]) -> tuple[Report, Path]:
    """Prove all interlocks and write the report; raises TrackerError where that cannot begin."""
    if not stand.interlocks:
        raise ConfigError(f"interlocks: {stand.stand} has none to prove")
    sims = {device.sim for device in stand.devices.values()}
    if len(sims) > 1:
        raise CommandRefused("some devices are simulated and some are not: nothing is proven by such a stand")
    clock, simulated, devices = SystemClock(), sims == {True}, wired(stand)
    ts = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(clock.now() // 10**9))
    async with connect(stand.bus) as bus:
        requester = Requester(bus, clock, USER)
        ways = SimWays(stand.sim.control) if simulated else GuardWays(stand.stand, Requester(bus, clock, USER))
        prover = Prover(stand.stand, stand.interlocks, devices, ways, bus, requester, clock, tell)
        shown = await prover.run()
    report = Report(stand.stand, ts, "simulated" if simulated else "pretended", by, tuple(shown))
    protects = {name: [f"{d}.{ch}" for d, ch in outputs(i, devices)] for name, i in stand.interlocks.items()}
    return report, write_report(Path(stand.data), report, report.proven(protects))
