"""Reads everything on a test's bus and holds it against the contract: topic, payload, JSON Schema, retained or not."""

import asyncio
import json
from collections.abc import Collection
from types import TracebackType
from typing import Self

from jsonschema import Draft202012Validator, ValidationError

from trackerdcs.adapters.schema import json_schemas
from trackerdcs.domain.codec import decode, decode_stored
from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.messages import MESSAGES
from trackerdcs.domain.topics import RETAINED, ROOT, parse
from trackerdcs.ports import Bus
from trackerdcs.tests.waiting import full_speed

PATIENCE_S = 10.0
MARK = "witness/mark"
"""Outside the contract: what was sent before it has been read when it comes back."""
VALIDATORS = {kind: Draft202012Validator(schema) for kind, schema in json_schemas().items()}

Seen = tuple[str, bytes, bool]


class Witness:
    """`async with Witness(bus)` enters the bus, and at the end raises AssertionError with all that was wrong.

    `seen` holds what came, as (topic, payload, retained). `bad` names topics on which the test publishes nonsense.
    A broker that is killed may forget what it retained last: with `killed` that is not held against it.
    """

    def __init__(self, bus: Bus, bad: Collection[str] = (), killed: bool = False) -> None:
        self.seen: list[Seen] = []
        self._bus, self._bad, self._killed = bus, bad, killed
        self._inbox = bus.subscribe(f"{ROOT}/#", MARK)
        self._marks = asyncio.Semaphore(0)
        self._reader: asyncio.Task[None] | None = None

    async def read_all(self) -> None:
        """Return when everything that was published until now is in `seen`."""
        async with asyncio.timeout(PATIENCE_S):
            async for up in self._bus.connection():
                if up:
                    break
            await self._bus.publish(MARK, b"")
            await self._marks.acquire()

    async def check(self) -> None:
        """Raise AssertionError naming every message that the contract does not allow."""
        await self.read_all()
        live = [s for s in self.seen if not s[2]]
        wrong = {f"{t}: {why}: {p[:200]!r}" for t, p, _ in self.seen if (why := self._fault(t, p))}
        retained = await self._retained()
        last = {topic: payload for topic, payload, _ in live}
        for topic in (last.keys() | retained.keys()) - set(self._bad):
            try:
                kept = parse(topic).kind in RETAINED
            except ContractError:
                continue
            if topic in retained and not kept:
                wrong.add(f"{topic}: is retained, and must not be")
            if kept and last.get(topic) and topic not in retained and not self._killed:
                wrong.add(f"{topic}: is not retained, and must be")
        if self._bus.dropped:
            wrong.add(f"the witness itself missed {self._bus.dropped} messages")
        if wrong:
            raise AssertionError("on the bus, against the contract:\n" + "\n".join(sorted(wrong)))

    def _fault(self, topic: str, payload: bytes) -> str | None:
        if topic in self._bad:
            return None
        try:
            kind = parse(topic).kind
            if kind == "kill" or (not payload and kind in RETAINED):
                return None
            if kind in MESSAGES:
                decode(MESSAGES[kind], payload)
            elif kind == "stored":
                decode_stored(payload)
            if kind in VALIDATORS:
                VALIDATORS[kind].validate(json.loads(payload))
        except (ContractError, ValueError) as e:
            return str(e)
        except ValidationError as e:
            return f"schema: {e.json_path}: {e.message}"
        return None

    async def _retained(self) -> dict[str, bytes]:
        """What a newcomer gets: a second subscription, read up to a mark."""
        before = len(self.seen)
        late = self._bus.subscribe(f"{ROOT}/#")
        await self.read_all()
        del late
        return {topic: payload for topic, payload, retained in self.seen[before:] if retained}

    async def _read(self) -> None:
        async for delivery in self._inbox:
            delivery.acknowledge()
            if delivery.topic == MARK:
                self._marks.release()
            else:
                self.seen.append((delivery.topic, delivery.payload, delivery.retained))

    async def __aenter__(self) -> Self:
        full_speed()
        await self._bus.__aenter__()
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                await self.check()
        finally:
            await self._bus.__aexit__(kind, error, trace)
