"""For tests: an overview of the stand `demo`, told frame by frame, and how it looks in a terminal."""

from typing import Any

from rich.console import Console

from trackerdcs.app.overview import Moment, Overview
from trackerdcs.cli.table import table
from trackerdcs.domain.codec import encode
from trackerdcs.domain.instrument import Channel, Quantity
from trackerdcs.domain.messages import Frame, Message, Meta, Status

START = 10**18


class OverviewBench:
    """Feeds an Overview; `at` are seconds since the start."""

    def __init__(self) -> None:
        self.overview = Overview()
        self._seq = 0

    def moment(self, at: float = 0.0) -> Moment:
        return Moment(START + int(at * 1e9), 500.0 + at)

    def hear(self, topic: str, message: Message | bytes, at: float = 0.0, retained: bool = False) -> None:
        payload = message if isinstance(message, bytes) else encode(message)
        self.overview.feed(f"dcs/v1/{topic}", payload, retained, self.moment(at))

    def status(self, device: str, state: Any = "online", error: str | None = None, at: float = 0.0, **how: Any) -> None:
        ts = self.moment(at).now
        self.hear(f"{device}/status", Status(state, ts, ts, "b1", "0", error), at, **how)

    def meta(self, device: str, kind: str, units: dict[str, str], **channels: tuple[str, str | None]) -> None:
        quantities = {q: Quantity(unit) for q, unit in units.items()}
        described = {ch: Channel(quantities, {}, label, module) for ch, (label, module) in channels.items()}
        self.hear(f"{device}/meta", Meta(kind, "m", "1", "d", "0", True, "b1", 1.0, described))

    def frame(
        self,
        device: str,
        kind: str,
        channels: dict[str, dict[str, Any]],
        at: float = 0.0,
        retained: bool = False,
        **more: Any,
    ) -> None:
        self._seq += 1
        frame = Frame(self.moment(at).now, self._seq, "b1", "0", kind, channels, **more)
        self.hear(f"{device}/frame", frame, 0.0 if retained else at, retained)

    def hv(self, at: float = 0.0, retained: bool = False, bad: dict[str, str] | None = None, **values: Any) -> None:
        """A frame of demo/hv1 ch0."""
        self.frame("demo/hv1", "hv", {"ch0": values}, at, retained, bad={"ch0": bad} if bad else {})

    def look(self, at: float = 0.0, width: int = 120, colours: bool = False) -> str:
        """The table as it is printed; with `colours` as HTML."""
        console = Console(width=width, record=True, force_terminal=colours, file=open("/dev/null", "w"))  # noqa: SIM115
        with console.file:
            console.print(table(self.overview, self.moment(at)))
        return console.export_html(inline_styles=True) if colours else console.export_text()
