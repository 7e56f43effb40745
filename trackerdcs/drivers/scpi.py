"""The conversation with a power supply whose commands stand in tables: select, ask, set, read back."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar, cast

from trackerdcs.domain.errors import BadReply, CommandRefused, Delivered, LinkError, Overrange, Unsupported, VerifyError
from trackerdcs.domain.instrument import Channel, Identity, Snapshot
from trackerdcs.domain.resource import Wire
from trackerdcs.drivers.numbers import agrees, setting
from trackerdcs.drivers.table import (
    Flags,
    Param,
    Raw,
    Reasons,
    Rows,
    Switch,
    Values,
    describe,
    identified,
    parsed,
    snapshot,
)
from trackerdcs.ports import Link


class ScpiSupply:
    """A power supply as its tables say. Only set_*, switch, emergency_off and clear_trip write to the instrument."""

    kind = "hv"
    hardware_ramp = False
    tcp: ClassVar[Wire] = Wire()
    serial: ClassVar[Wire] = Wire()
    models: ClassVar[tuple[str, ...]]
    """How the model in the answer to *IDN? may begin."""
    numbers: ClassVar[Mapping[str, int]]  # channel -> the instrument's number of it
    rows: ClassVar[Rows]
    flags: ClassVar[Flags]
    """Flag (on, compliance, trip, ramping) -> a row of Bits, and the bits of it that mean yes."""
    output: ClassVar[Switch]
    select: ClassVar[str] = ""
    """Order that selects a channel where no command names one; its query is asked before and after each visit."""
    every: ClassVar[str] = ""
    """What stands for {n} to ask all channels at once."""
    proof: ClassVar[str] = ""
    """Query joined to each order, answered by 1, where an order alone would go unanswered."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self._idn = ""

    def channels(self) -> dict[str, Channel]:
        """What each channel measures and can be told, from the tables alone."""
        return describe(self.numbers, self.rows, self.flags, self.hardware_ramp)

    def identify(self) -> Identity:
        """Ask who it is, writing nothing; raises WrongDevice if it is not the model of this driver."""
        self._idn = self.link.query("*IDN?")
        return identified(self._idn, self.models)

    def poll(self, channels: Collection[str] | None = None) -> Snapshot:
        """Read these channels. Raises LinkError when the wire is lost; a senseless reply spoils its own value only."""
        if self.every:
            return self._visit([*self.numbers])
        parts = [self._visit([name]) for name in self.numbers if channels is None or name in channels]
        return Snapshot({k: v for p in parts for k, v in p.ch.items()}, {k: v for p in parts for k, v in p.bad.items()})

    def read(self, channel: str) -> Values:
        """Read one channel; what could not be read is absent."""
        self._number(channel)
        return self._visit([channel]).ch[channel]

    def set_voltage(self, channel: str, v: float) -> float:
        """Set and read back, in V, signed."""
        return self._set(channel, v_set=v)[0]

    def set_current_limit(self, channel: str, i: float) -> float:
        """Set and read back, in A."""
        return self._set(channel, i_limit=i)[0]

    def set_ramp(self, channel: str, up: float, down: float) -> tuple[float, float]:
        """Set and read back the instrument's own ramp, in V/s; Unsupported where it has none."""
        if not self.hardware_ramp:
            raise Unsupported(f"a {self.models[0]} has no ramp of its own")
        readback = self._set(channel, ramp_up=up, ramp_down=down)
        return readback[0], readback[1]

    def switch(self, channel: str, on: bool) -> None:
        """Switch the output and read back. `on` is sent once, whatever comes back (SAFETY rule 13)."""
        self._act(channel, self.output.on if on else self.output.off, "on", on, attempts=1 if on else 2)

    def emergency_off(self, channel: str) -> None:
        """Switch off the fastest way there is, at any voltage, and read back."""
        self._act(channel, self.output.emergency_off, "on", False)

    def clear_trip(self, channel: str) -> None:
        """Clear what the instrument has latched; sends nothing where it latches nothing."""
        self._number(channel)
        if self.output.clear_trip:
            self._act(channel, self.output.clear_trip, "trip", False)

    def _number(self, channel: str) -> int:
        if channel not in self.numbers:
            raise CommandRefused(f"channel {channel!r} is unknown, expected {', '.join(self.numbers)}")
        return self.numbers[channel]

    def _check(self, channel: str, **values: float) -> list[tuple[str, float, Param, str]]:
        """What is to be set: quantity, value, row, and the value as it is sent; raises CommandRefused."""
        self._number(channel)
        rows = {quantity: cast(Param, self.rows[quantity]) for quantity in values}
        return [(q, values[q], r, setting(q, values[q], r.low, r.high, r.resolution)) for q, r in rows.items()]

    def _set(self, channel: str, **values: float) -> list[float]:
        """All values are checked before the first byte is sent."""
        return [self._set_one(channel, *each) for each in self._check(channel, **values)]

    def _set_one(self, channel: str, quantity: str, value: float, row: Param, text: str) -> float:
        n = self._number(channel)
        for _ in range(2):
            self._order(n, row.write.format(n=n, value=text))
            with self._fate("unknown"):
                readback = row.parse(self.link.query(row.read.format(n=n)))
                self._still_selected(n)
            if agrees(value, readback, row.resolution):
                return readback
        raise VerifyError(f"{channel} {quantity}", value, readback)

    def _act(self, channel: str, order: str, flag: str, expected: bool, attempts: int = 2) -> None:
        n = self._number(channel)
        for _ in range(attempts):
            self._order(n, order.format(n=n))
            with self._fate("unknown"):
                found = self.read(channel).get(flag, "unknown")
            if found is expected:
                return
        raise VerifyError(f"{channel} {flag}", expected, found)

    def _order(self, n: int, order: str) -> None:
        with self._fate("no"):
            self._select(n)
        if not self.proof:
            self.link.order(order)
        elif (reply := self.link.query(order + self.proof)) != "1":
            self.link.drop()
            raise BadReply(f"{order}{self.proof}: expected 1, got {reply[:40]!r}")
        with self._fate("unknown"):
            self._still_selected(n)

    @contextmanager
    def _fate(self, delivered: Delivered) -> Iterator[None]:
        """A fault before or after an order: say what became of the order, and never read on."""
        try:
            yield
        except LinkError as e:
            self.link.drop()
            e.delivered = delivered
            raise

    def _select(self, n: int) -> None:
        if self.select:
            self.link.order(self.select.format(n=n))
            self._still_selected(n)

    def _still_selected(self, n: int) -> None:
        """A front panel or a second client may have moved the selection: then this was about another channel."""
        if self.select and (found := self.link.query(self.select.split()[0] + "?").strip()) != str(n):
            self._prove_step(BadReply(f"selected channel: expected {n}, got {found[:40]!r}"))
            raise VerifyError("selected channel", n, found)

    def _visit(self, names: list[str]) -> Snapshot:
        n = self.numbers[names[0]]
        raw: dict[str, Raw] = {name: {} for name in names}
        bad: dict[str, Reasons] = {name: {} for name in names}
        try:
            self._select(n)
            for quantity, replies in self._replies(self.every if len(names) > 1 else str(n), len(names)):
                for name, value in zip(names, parsed(self.rows[quantity], replies, len(names)), strict=True):
                    if isinstance(value, BadReply):
                        bad[name][quantity] = str(value)
                        self._prove_step(value)
                    else:
                        raw[name][quantity] = value
            self._still_selected(n)
        except VerifyError as e:
            raw = {name: {} for name in names}
            bad = {name: dict.fromkeys(self.rows, str(e)) for name in names}
        return snapshot(raw, bad, self.flags)

    def _replies(self, where: str, number: int) -> Iterator[tuple[str, list[str]]]:
        """Each row asked once: its quantity and the replies of the channels."""
        for quantity, row in self.rows.items():
            if row.read:
                reply = self.link.query(row.read.format(n=where))
                yield quantity, reply.split(",") if number > 1 else [reply]

    def _prove_step(self, error: BadReply) -> None:
        """A senseless reply may belong to an older question: read on only if the next answer is the right one."""
        if not isinstance(error, Overrange) and (not self._idn or self.link.query("*IDN?") != self._idn):
            self.link.drop()
            raise error
