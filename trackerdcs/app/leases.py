"""Channels that a procedure holds: nobody else moves them up, and they come down when it is not heard of any more."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from trackerdcs.app.account import present_account
from trackerdcs.app.channel_calls import Report
from trackerdcs.domain.errors import CommandRefused
from trackerdcs.domain.instrument import SAFE_COMMANDS


@dataclass
class _Lease:
    holder: str
    timer: asyncio.TimerHandle


class Leases:
    """`held(ch, holder)` keeps over a restart who holds a channel; `abandoned(ch, why)` brings it down."""

    def __init__(
        self, held: Callable[[str, str | None], None], abandoned: Callable[[str, str], None], report: Report
    ) -> None:
        self._held, self._abandoned, self._report = held, abandoned, report
        self._leases: dict[str, _Lease] = {}

    def objection(self, cmd: str, ch: str) -> str | None:
        """Why another than the holder must not do this now, or None; the safe direction is everybody's."""
        lease = self._leases.get(ch)
        if lease is None or cmd in SAFE_COMMANDS or lease.holder == present_account().person:
            return None
        return f"{ch} is leased by {lease.holder}: only off, emergency_off and hold are for others"

    def check(self, cmd: str, ch: str) -> None:
        """Raise CommandRefused if a lease that was taken since the command was judged is in its way."""
        if (why := self.objection(cmd, ch)) is not None:
            raise CommandRefused(why)

    def take(self, ch: str, seconds: float) -> bool:
        """Hold a channel, or go on holding it, for so many s; whether it was held by the same one until now."""
        old, holder = self._leases.get(ch), present_account().person
        self._end(ch)
        timer = asyncio.get_running_loop().call_later(seconds, self._lose, ch, holder, seconds)
        self._leases[ch] = _Lease(holder, timer)
        self._held(ch, holder)
        return old is not None and old.holder == holder

    def release(self, ch: str) -> None:
        """Let go of a channel as it is."""
        self._end(ch)
        self._held(ch, None)

    def _end(self, ch: str) -> None:
        if (lease := self._leases.pop(ch, None)) is not None:
            lease.timer.cancel()

    def _lose(self, ch: str, holder: str, seconds: float) -> None:
        del self._leases[ch]
        self._held(ch, None)
        why = f"the lease of {holder} was not renewed within {seconds:g} s"
        self._report("lease_lost", ch, why)
        self._abandoned(ch, why)
