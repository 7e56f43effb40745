"""For tests: a device that answers by the contract, or keeps silent, without any instrument behind it."""

import asyncio
from collections.abc import Iterable
from typing import Literal

from trackerdcs.adapters.clock_system import SystemClock
from trackerdcs.domain import topics
from trackerdcs.domain.codec import decode, encode
from trackerdcs.domain.instrument import Argument, Channel, CommandSpec, Quantity
from trackerdcs.domain.messages import Ack, AckState, Command, Message, Meta, Status
from trackerdcs.ports import Bus

META = Meta(
    kind="hv",
    model="fake",
    serial="1",
    driver="fake",
    sw="0",
    sim=True,
    boot="b1",
    period=1.0,
    channels={
        "ch0": Channel(
            {"v_set": Quantity("V"), "v_mon": Quantity("V"), "i_mon": Quantity("A")},
            {"set_voltage": CommandSpec({"v": Argument(unit="V")}), "off": CommandSpec()},
            "sensor bias",
            "m1",
        )
    },
)


class FakeDevice:
    """A device on a bus: says that it is there, and answers each command of `user` with the states of `script`."""

    def __init__(
        self,
        bus: Bus,
        script: Iterable[AckState] = ("accepted", "done"),
        stand: str = "s",
        device: str = "d",
        user: str = "cli",
    ) -> None:
        self._bus, self.script = bus, list(script)
        self._stand, self._device, self._user = stand, device, user
        self.commands: list[tuple[str, Command, bool]] = []
        self._clock = SystemClock()
        self._task: asyncio.Task[None] | None = None

    async def say(self, leaf: str, message: Message | bytes, retain: bool = True) -> None:
        payload = message if isinstance(message, bytes) else encode(message)
        await self._bus.publish(topics.of_device(self._stand, self._device, leaf), payload, retain=retain)

    async def is_there(
        self, state: Literal["online", "offline", "fault"] = "online", age: float = 0.0, retain: bool = True
    ) -> None:
        ts = self._clock.now() - int(age * 1e9)
        await self.say(
            "status", Status(state, ts, ts, "b1", "0", "gone for tea" if state == "offline" else None), retain
        )

    async def serve(self) -> None:
        async for delivery in self._bus.subscribe(topics.commands_of(self._stand, self._device)):
            command = decode(Command, delivery.payload)
            self.commands.append((delivery.topic, command, delivery.retained))
            for state in self.script:
                readback = {"v_set": -50.0, "i_mon": -1.2e-7} if state == "done" else {}
                why = "out of range" if state == "refused" else None
                ack = Ack(command.id, self._user, state, self._clock.now(), why=why, readback=dict(readback))
                await self.say("ack", ack, retain=False)
            delivery.acknowledge()

    async def __aenter__(self) -> "FakeDevice":
        self._task = asyncio.create_task(self.serve())
        await asyncio.sleep(0)
        await self.say("meta", META)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.wait({self._task})
            if not self._task.cancelled():
                self._task.result()
