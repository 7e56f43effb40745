"""Writes each order to a supply into the ledger, with the command or the cause it belongs to, and what came back."""

from collections.abc import Callable, Collection
from typing import TypeVar

from trackerdcs.app.account import present_account
from trackerdcs.app.ledger_keeper import LedgerKeeper
from trackerdcs.domain.errors import DeviceError, LinkError, VerifyError
from trackerdcs.domain.instrument import Channel, Identity, Snapshot
from trackerdcs.domain.ledger import Verdict
from trackerdcs.domain.messages import Value
from trackerdcs.ports import Clock, PowerSupply

T = TypeVar("T")


class RecordedSupply:
    """A supply whose orders are in the ledger; reading is not an order. Used on the worker's thread."""

    def __init__(self, supply: PowerSupply, keeper: LedgerKeeper, clock: Clock) -> None:
        self._supply, self._keeper, self._clock = supply, keeper, clock
        self.kind, self.hardware_ramp = supply.kind, supply.hardware_ramp

    def channels(self) -> dict[str, Channel]:
        return self._supply.channels()

    def identify(self) -> Identity:
        return self._supply.identify()

    def poll(self, channels: Collection[str] | None = None) -> Snapshot:
        return self._supply.poll(channels)

    def read(self, channel: str) -> dict[str, Value]:
        return self._supply.read(channel)

    def set_voltage(self, channel: str, v: float) -> float:
        return self._ordered("set_voltage", channel, v, lambda: self._supply.set_voltage(channel, v), _named("v_set"))

    def set_current_limit(self, channel: str, i: float) -> float:
        def limit() -> float:
            return self._supply.set_current_limit(channel, i)

        return self._ordered("set_current_limit", channel, i, limit, _named("i_limit"))

    def set_ramp(self, channel: str, up: float, down: float) -> tuple[float, float]:
        def ramp() -> tuple[float, float]:
            return self._supply.set_ramp(channel, up, down)

        return self._ordered("set_ramp", channel, [up, down], ramp, lambda r: {"ramp_up": r[0], "ramp_down": r[1]})

    def switch(self, channel: str, on: bool) -> None:
        def switch() -> None:
            self._supply.switch(channel, on)

        self._ordered("on" if on else "off", channel, None, switch, lambda _: {"on": on})

    def emergency_off(self, channel: str) -> None:
        def switch() -> None:
            self._supply.emergency_off(channel)

        self._ordered("emergency_off", channel, None, switch, lambda _: {"on": False})

    def clear_trip(self, channel: str) -> None:
        self._ordered("clear_trip", channel, None, lambda: self._supply.clear_trip(channel), lambda _: {})

    def _ordered(
        self,
        order: str,
        ch: str,
        value: float | list[float] | None,
        call: Callable[[], T],
        read: Callable[[T], dict[str, Value]],
    ) -> T:
        account, began = present_account(), self._clock.monotonic()
        why, readback = account.cause, dict[str, Value]()
        verdict: Verdict = "fault"
        try:
            result = call()
            readback, verdict = read(result), "agrees"
            return result
        except Exception as e:
            verdict = _verdict(e)
            why = f"{why}: {e}" if why else str(e) or type(e).__name__
            raise
        finally:
            ms = round((self._clock.monotonic() - began) * 1e3, 3)
            self._keeper.note(
                "order",
                ch=ch,
                id=account.id,
                user=account.user,
                order=order,
                value=value,
                readback=readback,
                verdict=verdict,
                why=why,
                ms=ms,
            )


def _named(quantity: str) -> Callable[[float], dict[str, Value]]:
    return lambda value: {quantity: value}


def _verdict(error: Exception) -> Verdict:
    if isinstance(error, VerifyError):
        return "differs"
    if isinstance(error, LinkError):
        return "not_sent" if error.delivered == "no" else "unknown"
    return "rejected" if isinstance(error, DeviceError) else "fault"
