"""Notes who is there and how they are, and looks into the data folders, for whoever asks whether everything is well."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

from trackerdcs.app.overview import DeviceView, Moment, Overview
from trackerdcs.domain import topics
from trackerdcs.domain.health import LoaderHealth, PartHealth, PlaceHealth, SourceHealth
from trackerdcs.domain.messages import NO_CHANNEL, Value
from trackerdcs.ports import Bus, Clock, Delivery

LEAVES = frozenset({"status", "meta", "frame"})
KEPT_S = 5.0
"""Seconds for which a look into a folder is good: many pages ask, and the disk has other work."""


class Places(Protocol):
    """The data folders, as far as this computer sees them."""

    def look(self, stand: str) -> PlaceHealth:
        """May block; never raises: what cannot be seen is said in `why`."""


class HealthView:
    """`buses` by stand, with that of the services (`site`), which others listen to and pass on by `hear`; `expected`:
    stand -> name -> what it is there for."""

    def __init__(
        self, buses: Mapping[str, Bus], expected: Mapping[str, Mapping[str, str]], places: Places, clock: Clock
    ) -> None:
        self._buses, self._expected, self._places, self._clock = buses, expected, places, clock
        self._overview = Overview()
        self._seen: dict[str, tuple[float, PlaceHealth]] = {}
        self._look = asyncio.Lock()

    def hear(self, delivery: Delivery) -> None:
        """One message of a stand, as it came; never raises."""
        if delivery.topic.rpartition("/")[2] in LEAVES:
            at = Moment(self._clock.now(), self._clock.monotonic())
            self._overview.feed(delivery.topic, delivery.payload, delivery.retained, at)

    @property
    def brokers(self) -> dict[str, bool]:
        """Whether the broker of each stand is reached."""
        return {stand: bus.connected for stand, bus in self._buses.items()}

    def parts(self) -> list[PartHealth]:
        """All that should be there, and all that has been heard."""
        at = Moment(self._clock.now(), self._clock.monotonic())
        heard = self._overview.devices
        names = {(stand, name) for stand, some in self._expected.items() for name in some}
        if self._overview.loaders():  # several share the stands under names of their own
            names = {key for key in names if key != (topics.SITE, topics.LOADER)}
        names |= heard.keys()
        return [
            _part(heard.get(key) or DeviceView(*key), self._expected.get(key[0], {}).get(key[1]), at)
            for key in sorted(names)
        ]

    def loaders(self) -> list[LoaderHealth]:
        """Their figures; without any, there is none, or it has never been heard."""
        at = Moment(self._clock.now(), self._clock.monotonic())
        return [_loader(view, at) for view in sorted(self._overview.loaders(), key=lambda v: v.name)]

    async def places(self) -> list[PlaceHealth]:
        """Of each stand of a stand file."""
        found = []
        async with self._look:
            for stand in self._expected:
                if stand == topics.SITE:
                    continue
                now = self._clock.monotonic()
                when, seen = self._seen.get(stand, (-KEPT_S, None))
                if seen is None or now - when >= KEPT_S:
                    seen = await asyncio.to_thread(self._places.look, stand)
                    self._seen[stand] = now, seen
                found.append(seen)
        return found


def _part(view: DeviceView, role: str | None, at: Moment) -> PartHealth:
    status, meta, frame = view.status, view.meta, view.frame
    bad = [
        f"{ch}.{q}: {why}" if ch != NO_CHANNEL else f"{q}: {why}"
        for ch, some in (frame.bad if frame else {}).items()
        for q, why in some.items()
    ]
    loader = topics.is_loader(topics.Topic(view.stand, "status", view.name))
    return PartHealth(
        view.stand,
        view.name,
        role or ("loader" if loader else meta.kind if meta else "not in the stand file"),
        view.state(at),
        status.sw if status else meta.sw if meta else None,
        status.error if status else None,
        status.since if status else None,
        view.status_age(at),
        view.age(at),
        meta.period if meta else None,
        None if not view.live or view.offset is None else -view.offset,
        tuple(bad if not loader else ()),
        not loader and (bool(frame) or bool(meta and any(c.quantities for c in meta.channels.values()))),
        view.sim,
    )


def _loader(view: DeviceView, at: Moment) -> LoaderHealth:
    frame = view.frame
    if frame is None or not view.fresh(at):
        return LoaderHealth(view.name, fresh=None if frame is None else False)
    figures = frame.ch.get(NO_CHANNEL, {})
    sources = [
        SourceHealth(name, _number(values.get("stored")) or 0.0, _number(values.get("lag")), doubt)
        for name, values in sorted(frame.ch.items())
        if name != NO_CHANNEL
        for doubt in [frame.unc.get(name, {}).get("lag")]
    ]
    return LoaderHealth(
        view.name,
        _number(figures.get("received")),
        _number(figures.get("stored")),
        _number(figures.get("parked")),
        _number(figures.get("waiting")),
        _number(figures.get("spool_size")),
        _number(figures.get("spool_age")),
        _number(figures.get("lag")),
        sources=tuple(sources),
    )


def _number(value: Value | None) -> float | None:
    return None if value is None or isinstance(value, str) else float(value)
