"""Derived quantities on a real broker: a service in a process of its own hears boards, and is killed."""

import asyncio
import sqlite3
import tempfile
import unittest
from contextlib import closing
from pathlib import Path

from trackerdcs.adapters.bus_mqtt import MqttBus
from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.domain import topics
from trackerdcs.domain.codec import decode, encode
from trackerdcs.domain.messages import Event, Frame, Meta
from trackerdcs.domain.stand import BusConfig
from trackerdcs.tests.servers import Mosquitto
from trackerdcs.tests.service import Forked
from trackerdcs.tests.waiting import until

PERIOD = 0.3
FILE = """\
stand: s
data: {data}
bus: {{port: {port}}}
devices:
  env1:
    driver: env_board
    sim: true
    link: {{resource: "TCPIP::127.0.0.1::15003::SOCKET"}}
    period: {period}
  hv1:
    driver: iseg_shr
    sim: true
    link: {{resource: "TCPIP::127.0.0.1::15001::SOCKET"}}
    period: {period}
    channels:
      ch0: {{v_min: -800, v_max: 0, i_limit_max: 2e-5}}
derived:
  air: {{formula: dew_point, inputs: {{t_air: env1.t_air, rh: env1.rh}}}}
  leak: {{formula: leakage_20c, inputs: {{i: hv1.ch0.i_mon, t: env1.t_air}}}}
  bias: {{formula: time_at_bias, inputs: {{v: hv1.ch0.v_mon}}, above: 50}}
"""


class Board:
    """Says frames as a device does, until it is silent."""

    def __init__(self, device: str, ch: dict[str, dict[str, float | bool | str]], mod: dict[str, str]) -> None:
        self.device, self.ch, self.mod = device, ch, mod
        self.silent = False
        self.times: list[int] = []

    async def talk(self, bus: MqttBus) -> None:
        clock, seq = SystemClock(), 0
        while True:
            if not self.silent:
                self.times.append(clock.now())
                frame = Frame(self.times[-1], seq, "b", "1", "x", self.ch, mod=self.mod)
                await bus.publish(topics.of_device("s", self.device, "frame"), encode(frame), retain=True)
                seq += 1
            await asyncio.sleep(PERIOD)


class TestDerived(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        self.broker = self.enterContext(Mosquitto())
        self.file = self.folder / "stand.yaml"
        self.file.write_text(FILE.format(data=self.folder / "data", port=self.broker.port, period=PERIOD))
        self.env = Board("env1", {"-": {"t_air": 20.0, "rh": 50.0}}, {})
        self.hv = Board("hv1", {"ch0": {"v_mon": -100.0, "i_mon": -1e-7}}, {"ch0": "m-1"})
        self.frames: list[Frame] = []
        self.others: list[Meta | Event] = []
        self.bus = await self.enterAsyncContext(MqttBus(BusConfig(port=self.broker.port), "test"))
        self.tasks = [asyncio.create_task(job) for job in (self.listen(), self.env.talk(self.bus))]

    async def asyncTearDown(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.wait(self.tasks)

    async def listen(self) -> None:
        kinds: dict[str, type[Frame | Meta | Event]] = {"frame": Frame, "meta": Meta, "event": Event}
        async for delivery in self.bus.subscribe(*(topics.of_device("s", "derived", leaf) for leaf in kinds)):
            delivery.acknowledge()
            message = decode(kinds[topics.parse(delivery.topic).kind], delivery.payload)
            if isinstance(message, Frame):
                self.frames += [] if delivery.retained else [message]
            elif isinstance(message, Meta | Event):
                self.others.append(message)

    def start(self) -> Forked:
        return self.enterContext(Forked(["derived", str(self.file)]))

    def bias_on(self) -> None:
        self.tasks.append(asyncio.create_task(self.hv.talk(self.bus)))

    def last(self, channel: str, quantity: str) -> float | None:
        value = self.frames[-1].ch.get(channel, {}).get(quantity) if self.frames else None
        return None if value is None else float(value)

    async def test_values_carry_their_formula_and_go_bad_with_their_inputs(self) -> None:
        old = Frame(1, 0, "old", "1", "x", {"ch0": {"v_mon": -1.0, "i_mon": -1.0}}, mod={"ch0": "m-0"})
        await self.bus.publish(topics.of_device("s", "hv1", "frame"), encode(old), retain=True)
        self.start()
        await until(lambda: self.last("air", "t_dew"))
        await self.bus.publish(topics.of_device("s", "hv1", "replay"), encode(old))
        seen = len(self.frames)
        await until(lambda: len(self.frames) > seen + 2)
        self.assertEqual(
            {f.bad["leak"]["i_20c"] for f in self.frames if "i_20c" in f.bad.get("leak", {})},
            {"hv1.ch0.i_mon has not been heard yet"},
            "neither what the broker has kept nor a replay is an input",
        )
        self.bias_on()
        await until(lambda: self.last("leak", "i_20c") and (self.last("bias", "at_bias") or 0) > 1)
        said = self.frames[-1]
        self.assertAlmostEqual(float(said.ch["air"]["t_dew"]), 9.26, delta=0.05)
        self.assertAlmostEqual(float(said.ch["leak"]["i_20c"]), -1e-7)
        self.assertEqual({ch: values["formula"] for ch, values in said.ch.items()}, {"air": 1, "leak": 1, "bias": 1})
        self.assertEqual((said.kind, said.sim, said.mod), ("derived", True, {"leak": "m-1", "bias": "m-1"}))
        good = [f.ts for f in self.frames if f.ch]
        self.assertEqual(good, sorted(set(good)))
        self.assertGreater(len({*good} & {*self.env.times, *self.hv.times}), len(good) / 2, "times of the sources")
        (event,) = (m for m in self.others if isinstance(m, Event) and m.event == "origin")
        self.assertEqual(event.data["bias"]["above"], 50.0)
        meta = [m for m in self.others if isinstance(m, Meta)][-1]
        assert meta.channels["leak"].origin is not None
        self.assertEqual(meta.channels["leak"].origin.inputs, {"i": "hv1.ch0.i_mon", "t": "env1.t_air"})
        self.env.silent = True
        await until(lambda: "leak" in self.frames[-1].bad)
        said = self.frames[-1]
        self.assertIn("more than 3 periods", said.bad["leak"]["i_20c"])
        self.assertEqual(said.ch.keys(), {"bias"}, "no old number, and what does not need the air goes on")
        counted = self.last("bias", "at_bias") or 0.0
        await until(lambda: (self.last("bias", "at_bias") or 0) > counted + 2 * PERIOD)
        self.hv.silent = True
        await until(lambda: not self.frames[-1].ch)
        seen = len(self.frames)
        await until(lambda: len(self.frames) > seen + 1)
        self.assertEqual(self.frames[-1].bad.keys(), {"air", "leak", "bias"}, "it goes on saying that nothing is known")
        self.env.silent = self.hv.silent = False
        await until(lambda: self.frames[-1].ch.keys() == {"air", "leak", "bias"})
        self.assertFalse(any("ts" in f.unc.get("-", {}) for f in self.frames))

    async def test_a_kill_keeps_what_was_counted_and_every_frame_is_in_the_journal(self) -> None:
        service = self.start()
        self.bias_on()
        await until(lambda: (self.last("bias", "at_bias") or 0) > 1)
        service.kill()
        await asyncio.sleep(0.3)
        before, frames = self.last("bias", "at_bias") or 0.0, list(self.frames)
        with closing(sqlite3.connect(self.folder / "data" / "derived.journal.sqlite")) as db:
            journaled = {row[0] for row in db.execute("SELECT seq FROM frames")}
        self.assertLessEqual({f.seq for f in frames}, journaled)
        await asyncio.sleep(4 * PERIOD)
        self.frames.clear()
        self.start()
        await until(lambda: (self.last("bias", "at_bias") or 0) > before + 1)
        values = [f.ch["bias"] for f in self.frames if "bias" in f.ch]
        self.assertGreaterEqual(float(values[0]["at_bias"]), before, "nothing was lost")
        self.assertLess(float(values[0]["at_bias"]), before + 1, "and the time while it was dead does not count")
        self.assertGreater(float(values[-1]["missed"]), 4 * PERIOD)
        await until(lambda: any(isinstance(m, Event) and m.event == "missed" for m in self.others))
