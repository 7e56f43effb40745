"""What a bridge hears of its stand: readings, modules, interlocks, and everything that a run may have to say."""

import logging
from collections.abc import Callable, Mapping

from trackerdcs.app.edge_log import EdgeLog
from trackerdcs.app.live import live
from trackerdcs.domain import topics
from trackerdcs.domain.freshness import GUARD_PERIOD, Freshness
from trackerdcs.domain.inputs import Doubt, Inputs
from trackerdcs.domain.messages import Frame, Interlock, Message, Value
from trackerdcs.domain.ph2acf.needs import Seen, quantities_of
from trackerdcs.domain.ph2acf.setup import BridgeConfig, channel
from trackerdcs.domain.topics import Topic
from trackerdcs.domain.wiring import Devices, device_of
from trackerdcs.ports import Bus, Clock

log = logging.getLogger(__name__)


class Scene:
    """Live only; `devices` as their drivers describe them, `tell` is called with every message."""

    def __init__(
        self,
        stand: str,
        bridge: BridgeConfig,
        devices: Devices,
        clock: Clock,
        tell: Callable[[Topic, Message], None] = lambda *_: None,
    ) -> None:
        self._stand, self._bridge, self._clock, self._tell = stand, bridge, clock, tell
        self.devices = devices
        self.kinds = {name: device.kind for name, device in devices.items()}
        self._inputs = Inputs({name: device.period for name, device in devices.items()})
        self._modules = {
            name: {ch: c.module for ch, c in device.channels.items() if c.module} for name, device in devices.items()
        }
        self._interlocks: dict[str, tuple[Freshness, Interlock]] = {}
        self.seen = Seen(self._steady())

    def _steady(self) -> dict[str, float]:
        """How long each quantity is looked back at."""
        every = [channel(text) for text in (*self._bridge.channels, *self._bridge.around)]
        found: dict[str, float] = {}
        for need in self._bridge.needs.values():
            if need.steady is not None:
                for of in quantities_of(need, every, self.kinds):
                    found[of] = max(found.get(of, 0.0), need.over)
        return found

    async def listen(self, bus: Bus) -> None:
        """Hear, for ever."""
        leaves = [topics.any_device(self._stand, leaf) for leaf in ("frame", "event", "cmd/+")]
        async for where, message in live(bus, EdgeLog(log), *leaves, topics.interlocks_of(self._stand)):
            now, name = self._clock.monotonic(), where.device or ""
            if isinstance(message, Frame) and name in self.devices:
                if not self._inputs.hear(name, message, now):
                    continue
                self._modules[name] = dict(message.mod)
                for of in self.seen.over:
                    if device_of(of) == name:
                        self.seen.note(of, self.read(of), now)
            elif isinstance(message, Interlock):
                fresh, _ = self._interlocks.get(where.item or "", (Freshness(GUARD_PERIOD), None))
                if fresh.hear(message.boot, message.seq, message.ts, now):
                    self._interlocks[where.item or ""] = fresh, message
            self._tell(where, message)

    def read(self, of: str) -> Value | Doubt:
        """A quantity now, or why it is not known."""
        return self._inputs.read(of, "never", self._clock.monotonic())

    def interlock(self, name: str) -> Interlock | None:
        """What the guard says now."""
        fresh, heard = self._interlocks.get(name, (None, None))
        return heard if fresh is not None and fresh.fresh(self._clock.monotonic()) else None

    def module(self, device: str, ch: str) -> str | None:
        """The module on a channel, as its device says, until then as the file does."""
        return self._modules.get(device, {}).get(ch)

    def channels(self, modules: Mapping[str, object] | tuple[str, ...]) -> list[tuple[str, str]]:
        """The channels of a run of these modules, and what is read beside them."""
        own = [channel(text) for text in self._bridge.channels]
        found = [(device, ch) for device, ch in own if self.module(device, ch) in modules] if modules else own
        return list(dict.fromkeys([*found, *(channel(text) for text in self._bridge.around)]))

    def modules(self) -> tuple[str, ...]:
        """Those on the channels of the bridge, in their order."""
        found = (self.module(*channel(text)) for text in self._bridge.channels)
        return tuple(dict.fromkeys(name for name in found if name))
