"""Decides what the derived quantities of a stand are now: values, or why there are none. The clock is an argument."""

from collections.abc import Iterator, Mapping

from trackerdcs.domain.at_bias import AtBias, Key
from trackerdcs.domain.derived import VERSION_OF, DerivedConfig
from trackerdcs.domain.formulas import FORMULAS, Values, compute
from trackerdcs.domain.inputs import Doubt, Inputs
from trackerdcs.domain.messages import Frame, Readings, Reasons
from trackerdcs.domain.wiring import device_of, parts

Missed = tuple[str, str, float]
"""Channel, module, and the s that did not count for it."""


class Deriver:
    """Only live frames go in, and only while they are fresh; `periods` in s of the devices that are heard."""

    def __init__(self, derived: Mapping[str, DerivedConfig], periods: dict[str, float], at_bias: AtBias) -> None:
        self._derived, self._periods, self._at_bias = derived, periods, at_bias
        self._inputs = Inputs(periods)
        self._frames: dict[str, Frame] = {}
        self.not_counting: str | None = None
        """Why nobody knows how long the modules were at bias before; None if it is known."""

    @property
    def newest(self) -> int | None:
        """The source time (ns UTC) of the newest frame that was heard."""
        return max((frame.ts for frame in self._frames.values()), default=None)

    def hear(self, device: str, frame: Frame, monotonic: float) -> list[Missed] | None:
        """Take a live frame, never a retained or replayed one; what did not count since the last one. None: no news."""
        if not self._inputs.hear(device, frame, monotonic):
            return None
        self._frames[device] = frame
        return list(self._count(device, frame, monotonic))

    def find(self, monotonic: float) -> tuple[Readings, Reasons]:
        """The values by channel, and why others are bad: one input that is not known spoils all that it goes into."""
        ch: Readings = {}
        bad: Reasons = {}
        for name, config in self._derived.items():
            formula = FORMULAS[config.formula]
            try:
                found = self._value(name, config, monotonic)
            except ValueError as e:
                bad[name] = dict.fromkeys(formula.outputs, str(e))
            else:
                ch[name] = {**found, VERSION_OF: float(formula.version)}
        return ch, bad

    def modules(self) -> dict[str, str]:
        """By channel the module that its inputs are of, as their frames say; none if they are of different ones."""
        found = {name: {m for f, ch in self._places(name) if (m := f.mod.get(ch))} for name in self._derived}
        return {name: modules.pop() for name, modules in found.items() if len(modules) == 1}

    def runs(self) -> dict[str, list[str]]:
        """By channel the runs that its inputs take part in."""
        found = {name: {id for f, ch in self._places(name) for id in f.runs.get(ch, ())} for name in self._derived}
        return {name: sorted(runs) for name, runs in found.items() if runs}

    def _value(self, name: str, config: DerivedConfig, monotonic: float) -> Values:
        values = self._values(config, monotonic)
        if config.above is None:
            return compute(FORMULAS[config.formula], values)
        of = config.inputs["v"]
        frame, key = self._frames[device_of(of)], self._key(config)
        if key is None:
            raise ValueError(f"no module is on {of.rpartition('.')[0]}")
        if self.not_counting is not None:
            raise ValueError(self.not_counting)
        if other := self._at_bias.taken(name, key, frame.ts, self._periods[device_of(of)]):
            raise ValueError(f"{key.module} is counted by {other} already")
        count = self._at_bias.counts[key]
        return {"at_bias": count.at_bias / 1e9, "missed": count.missed / 1e9}

    def _values(self, config: DerivedConfig, monotonic: float) -> Values:
        values = {}
        for key, of in config.inputs.items():
            value = self._inputs.read(of, "never", monotonic)
            if isinstance(value, Doubt):
                raise ValueError(value.why)
            if isinstance(value, bool | str):
                raise ValueError(f"{of} is {value}: expected a number")
            values[key] = float(value)
        return values

    def _count(self, device: str, frame: Frame, monotonic: float) -> Iterator[Missed]:
        for name, config in self._derived.items():
            if config.above is None or device_of(config.inputs["v"]) != device:
                continue
            try:
                v = self._values(config, monotonic)["v"]
            except ValueError:
                continue
            key = self._key(config)
            if key and (missed := self._at_bias.hear(name, key, v, frame.ts, self._periods[device])):
                yield name, key.module, missed / 1e9

    def _key(self, config: DerivedConfig) -> Key | None:
        device, ch, _ = parts(config.inputs["v"]) or ("", "", "")
        module = self._frames[device].mod.get(ch)
        return Key(module, config.above or 0.0, FORMULAS[config.formula].version) if module else None

    def _places(self, name: str) -> Iterator[tuple[Frame, str]]:
        """The newest frame and the channel of each input that was heard."""
        for of in self._derived[name].inputs.values():
            device, ch, _ = parts(of) or ("", "", "")
            if device in self._frames:
                yield self._frames[device], ch
