"""`make soak`: a stand under kill -9 of everything, judged by the truth: high voltage is never left unsafe.

    python -m trackerdcs.tests.soak_safety [MINUTES [SEED]]

Broker, guard, device services and the simulator are killed (SIGKILL) at random, one or several at a time, while
somebody goes up and down and the humidity rises and falls. Exits with 1 and the reasons if it does not hold.
"""

import asyncio
import contextlib
import random
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from trackerdcs.adapters.bus_mqtt import MqttBus
from trackerdcs.domain import topics
from trackerdcs.domain.codec import decode, encode
from trackerdcs.domain.errors import BusDown
from trackerdcs.domain.messages import FINAL, Ack, Command
from trackerdcs.domain.stand import BusConfig
from trackerdcs.sim.control import ask
from trackerdcs.tests.servers import HOST, Mosquitto, free_port
from trackerdcs.tests.service import TRACKERDCS, Forked, Service
from trackerdcs.tests.stack import STAND, device_service
from trackerdcs.tests.waiting import until

RATE, KILL, T_UNKNOWN, HIGHEST = 50.0, 100.0, 3.0, 150
BOUND = T_UNKNOWN + HIGHEST / RATE + 12.0
"""Seconds until high voltage is off when what protects it has been gone for good: services start again within them."""
WET, DRY = 80.0, 30.0
FILE = """
stand: {stand}
data: {data}
bus: {{kind: mqtt, host: 127.0.0.1, port: {broker}}}
store: {{kind: sqlite}}
users: {{cli: expert}}
sim: {{control: {control}}}
interlocks:
  dry: {{action: ramp_down, conditions: {{humidity: {{of: env1.rh, max: 60, frozen_after: never}}}}}}
devices:
  hv1:
    driver: iseg_shr
    sim: true
    link: {{resource: "TCPIP::127.0.0.1::{hv1}::SOCKET"}}
    period: 0.2
    channels:
      ch0:
        {{v_min: -800, v_max: 0, i_limit_max: 2e-5, ramp_up: 50, ramp_down: 50, kill_rate: 100, t_unknown: 3,
         module: m-1}}
  lv1:
    driver: hmp4040
    sim: true
    link: {{resource: "TCPIP::127.0.0.1::{lv1}::SOCKET"}}
    period: 0.2
    channels:
      ch1: {{v_min: 0, v_max: 12.5, i_limit_max: 2, module: m-1}}
  env1:
    driver: env_board
    sim: true
    link: {{resource: "ASRL{data}/env1.tty::INSTR"}}
    period: 0.2
"""
Point = tuple[float, float, bool, bool]
"""Monotonic time (s), |V| and switch of the high voltage, switch of the low one."""


class Stand:
    """All services of a stand as processes, and the truth of its simulator looked at all the time."""

    def __init__(self, folder: Path, enter: Any) -> None:
        self.broker: Mosquitto = enter(Mosquitto())
        self.control, ports = free_port(), {name: free_port() for name in ("hv1", "lv1")}
        file = folder / "safety.yaml"
        file.write_text(FILE.format(stand=STAND, data=folder, broker=self.broker.port, control=self.control, **ports))
        self.services: dict[str, Any] = {
            "broker": self.broker,
            "sim": enter(Service([TRACKERDCS, "sim", "run", str(file)], "env1: simulated at")),
            "guard": enter(Service([TRACKERDCS, "guard", str(file)])),
        }
        for name in ("env1", "lv1", "hv1"):
            self.services[name] = enter(Forked([str(file), name, "1"], work=device_service))
        self.lives: list[list[Point]] = []
        """What was seen of each life of the simulator."""
        self._end = threading.Event()

    def look(self) -> None:
        """Follow the truth until the end."""
        alive = False
        while not self._end.wait(0.02):
            try:
                channels = ask(HOST, self.control, {"op": "state"}, 1.0)["devices"]
            except (OSError, ValueError):
                alive = False
                continue
            hv, lv = channels["hv1"]["channels"]["ch0"], channels["lv1"]["channels"]["ch1"]
            point = (time.monotonic(), abs(float(hv["v"])), bool(hv["on"]), bool(lv["on"]))
            if alive:
                self.lives[-1].append(point)
            else:
                self.lives.append([point])
            alive = True

    def end(self) -> None:
        self._end.set()

    @property
    def now(self) -> Point:
        return self.lives[-1][-1]


class Somebody:
    """Sends commands, and hears what becomes of them."""

    def __init__(self, bus: MqttBus) -> None:
        self._bus, self._number = bus, 0
        self.asked: list[tuple[float, float]] = []
        """When which voltage was asked for."""
        self.finals: dict[str, set[int]] = defaultdict(set)
        self.answers: deque[str] = deque(maxlen=20)

    async def listen(self) -> None:
        async for delivery in self._bus.subscribe(topics.all_of(STAND)):
            if delivery.topic.endswith("/ack") and (ack := decode(Ack, delivery.payload)).state in FINAL:
                self.finals[ack.id].add(ack.ts)
                self.answers.append(f"{ack.state} {ack.why or ''}")
            delivery.acknowledge()

    async def send(self, device: str, cmd: str, ch: str | None = None, **args: float | str) -> None:
        if "v" in args and device == "hv1":
            self.asked.append((time.monotonic(), abs(float(args["v"]))))
        self._number += 1
        now = time.time_ns()
        where: dict[str, Any] = {} if ch is None else {"ch": ch}
        command = Command(f"soak-{self._number}", cmd, now, now + 5 * 10**9, args=dict(args), reason="soak", **where)
        with contextlib.suppress(BusDown, TimeoutError):  # the broker may be dead just now
            await asyncio.wait_for(self._bus.publish(topics.command(STAND, device, "cli"), encode(command)), 2.0)

    async def go_up(self, v: float) -> None:
        """All that is needed, whatever was before; what is refused is refused."""
        for device, ch, cmd, args in (
            ("guard", None, "reset", {"interlock": "dry"}),
            ("lv1", "ch1", "set_voltage", {"v": 5.0}),
            ("lv1", "ch1", "on", {}),
            ("hv1", "ch0", "clear_trip", {}),
            ("hv1", "ch0", "set_voltage", {"v": -v}),
            ("hv1", "ch0", "on", {}),
        ):
            await self.send(device, cmd, ch, **args)
            await asyncio.sleep(0.4 if (device, cmd) == ("lv1", "on") else 0.1)  # the high voltage hears of the low one


async def strike(stand: Stand, somebody: Somebody, dice: random.Random, done: Counter[str]) -> None:
    """One thing that happens, and a pause."""
    what = dice.choice(("kill", "kill", "up", "up", "set_voltage", "off", "hold", "lv_off", "wet"))
    done[what] += 1
    match what:
        case "kill":
            names = dice.sample(sorted(stand.services), k=dice.choice((1, 1, 1, 2, 3)))
            done.update(f"kill -9 {name}" for name in names)
            await kill(stand, names, dice.uniform(0.1, 4.0))
        case "up":
            await somebody.go_up(dice.randint(20, HIGHEST))
        case "set_voltage":
            await somebody.send("hv1", "set_voltage", "ch0", v=-float(dice.randint(20, HIGHEST)))
        case "off" | "hold":
            await somebody.send("hv1", what, "ch0")
        case "lv_off":
            await somebody.send("lv1", "off", "ch1")
        case "wet":
            humidity(stand, WET)
            await off_within(stand, BOUND, "the humidity rose")
            humidity(stand, DRY)
    await asyncio.sleep(dice.uniform(0.1, 3.0))


async def kill(stand: Stand, names: Sequence[str], pause: float) -> None:
    """Kill services; `pause` s later they start again."""
    for name in names:
        stand.services[name].kill()
    await asyncio.sleep(pause)
    for name in sorted(names, key=list(stand.services).index):
        await asyncio.to_thread(stand.services[name].restart)


def humidity(stand: Stand, rh: float) -> None:
    ask(HOST, stand.control, {"op": "world", "set": {"rh": rh}})


async def off_within(stand: Stand, bound: float, after: str) -> None:
    """Wait until the high voltage is off; AssertionError if it is on for longer than its bound."""
    deadline = time.monotonic() + bound
    while stand.now[2]:
        if time.monotonic() > deadline:
            raise AssertionError(f"{bound:g} s after {after} the high voltage is on at {stand.now[1]:.0f} V")
        await asyncio.sleep(0.05)


def wrong(stand: Stand, somebody: Somebody) -> list[str]:
    """What was not as it must be."""
    found = [f"{id} has {len(ends)} final acks" for id, ends in somebody.finals.items() if len(ends) > 1]
    for life in stand.lives:
        first = 0
        for t, v, on, lv in life:
            asked = max((a for at, a in somebody.asked if at <= t), default=0.0)
            if v > asked + 1.0:
                found.append(f"{v:.0f} V, at most {asked:.0f} V were asked for")
            if on and v > 10.0 and not lv:
                found.append("high voltage without the low voltage of its module")
            while life[first][0] < t - 1.0:
                first += 1
            t0, v0, *_ = life[first]
            if t - t0 > 0.9 and not -1.1 * KILL <= (v - v0) / (t - t0) <= 1.1 * RATE:
                found.append(f"{(v - v0) / (t - t0):.0f} V/s")
    return sorted(set(found))


async def soak(minutes: float, seed: int) -> list[str]:
    """Strike for so long, in 0 minutes kill each service once under high voltage; the reasons why it does not hold."""
    dice, done = random.Random(seed), Counter[str]()
    with ExitStack() as leave:
        folder = Path(leave.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        stand = Stand(folder, leave.enter_context)
        watching = threading.Thread(target=stand.look)
        watching.start()
        leave.callback(watching.join)
        leave.callback(stand.end)
        end = time.monotonic() + 60 * minutes
        async with MqttBus(BusConfig(host=HOST, port=stand.broker.port), "somebody") as bus:
            somebody = Somebody(bus)
            listening = asyncio.create_task(somebody.listen())
            humidity(stand, DRY)
            await until(lambda: stand.lives)
            try:
                if not minutes:
                    for name in dice.sample(["broker", "sim", "guard", "hv1"], k=4):
                        await go_up_for_certain(stand, somebody)
                        await kill(stand, [name], dice.uniform(0.1, 2.0))
                    return wrong(stand, somebody)
                while time.monotonic() < end:
                    await strike(stand, somebody, dice, done)
                for last in ("guard", "broker"):
                    await go_up_for_certain(stand, somebody)
                    stand.services[last].kill()
                    await off_within(stand, BOUND, f"{last} was killed")
                    await asyncio.to_thread(stand.services[last].restart)
            except AssertionError as e:
                return [str(e), *wrong(stand, somebody)]
            listening.cancel()
        highest = max(v for life in stand.lives for _, v, *_ in life)
        for what, times in sorted(done.items()):
            print(f"{times:4} x {what}")
        print(f"{len(somebody.finals)} commands had an end, {len(stand.lives)} lives of the simulator, {highest:.0f} V")
        return wrong(stand, somebody)


async def go_up_for_certain(stand: Stand, somebody: Somebody) -> None:
    """Nothing is dead any more: it has to go up."""
    humidity(stand, DRY)
    deadline = time.monotonic() + 60.0
    while stand.now[1] < 40.0:
        if time.monotonic() > deadline:
            raise AssertionError(f"with all services there it does not go up: {list(somebody.answers)}")
        await somebody.go_up(50.0)
        with contextlib.suppress(TimeoutError):
            await until(lambda: stand.now[1] >= 40.0, 2.0)


def main() -> int:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**6)
    print(f"safety soak of {minutes:g} minutes, seed {seed}", flush=True)
    found = asyncio.run(soak(minutes, seed))
    print("\n".join(["DOES NOT HOLD", *found]) if found else "holds: high voltage was never unsafe")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
