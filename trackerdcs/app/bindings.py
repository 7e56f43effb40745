"""Which module is on which channel, and the limits that follow: the narrower of the channel's and the module's."""

from dataclasses import replace

from trackerdcs.app.power import Power
from trackerdcs.app.remembered import Remembered
from trackerdcs.domain.errors import CommandRefused
from trackerdcs.domain.instrument import Channel
from trackerdcs.domain.limits import narrowed, narrower, no_range, with_procedures
from trackerdcs.domain.modules import Modules
from trackerdcs.domain.stand import ChannelConfig, DeviceConfig
from trackerdcs.ports import Driver


class Bindings:
    """The channels of one device as `meta` shows them, and their limits in force (`configs`)."""

    def __init__(
        self,
        driver: Driver,
        config: DeviceConfig,
        channels: dict[str, Channel],
        modules: Modules,
        remembered: Remembered,
    ) -> None:
        self._driver, self._config, self._modules, self._remembered = driver, config, modules, remembered
        self.power: Power | None = None
        """The channels that have to keep to their limits."""
        self.channels = dict(channels)
        self.configs = dict(config.channels)
        for ch, channel in channels.items():
            self.bind(ch, channel.module)

    def limits(self, ch: str, module: str | None) -> ChannelConfig | None:
        """The limits of a channel with this module on it; None for one without limits."""
        own = self._config.channels.get(ch)
        return narrower(own, self._modules.limits(self._driver.kind, module)) if own else None

    def objection(self, ch: str, module: str | None) -> str | None:
        """Why the module cannot be on this channel, or None."""
        limits = self.limits(ch, module)
        if limits is None or limits == self.configs[ch]:
            return None
        why = no_range(limits) or (self.power.beyond(ch, limits) if self.power else None)
        return f"{ch}: {why}: not with {module or 'no module'} on it" if why else None

    def described(self) -> dict[str, Channel]:
        """The channels with all the commands that the device service knows."""
        kind = self._driver.kind
        return {ch: with_procedures(c, kind, self.configs.get(ch)) for ch, c in self.channels.items()}

    async def take(self, ch: str, module: str | None) -> None:
        """From now on, and over restarts; raises CommandRefused or StoreFault."""
        if why := self.objection(ch, module):  # what was lower when the command was judged
            raise CommandRefused(why)
        await self._remembered.bind(ch, module)
        if why := self.objection(ch, module):  # it has risen meanwhile
            await self._remembered.bind(ch, self.channels[ch].module)
            raise CommandRefused(why)
        self.bind(ch, module)

    def bind(self, ch: str, module: str | None) -> None:
        """From now on; a module that the stand file no longer lets be here leaves nothing above 0 V."""
        limits = self.limits(ch, module)
        if limits is None:
            self.channels[ch] = replace(self.channels[ch], module=module)
            return
        before = self.configs[ch]
        self.configs[ch] = replace(limits, v_min=0.0, v_max=0.0) if no_range(limits) else limits
        described = narrowed(self._driver.channels()[ch], self.configs[ch])
        self.channels[ch] = replace(described, module=module, proof=self.channels[ch].proof)
        if self.power and self.configs[ch] != before:
            self.power.bound_by(ch, self.configs[ch])

    def proven(self, proofs: dict[str, str]) -> None:
        """When the interlocks of each channel were last proven."""
        self.channels = {ch: replace(channel, proof=proofs.get(ch)) for ch, channel in self.channels.items()}
