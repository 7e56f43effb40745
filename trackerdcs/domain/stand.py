"""A stand as its file describes it. Frozen dataclasses; settings.py reads them from YAML and forbids unknown keys."""

import math
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from trackerdcs.domain.errors import ConfigError, ContractError
from trackerdcs.domain.instrument import Role
from trackerdcs.domain.resource import Backend, TcpAddress, parse_resource
from trackerdcs.domain.topics import NOT_A_DEVICE, NOT_AN_ITEM, SITE, checked


class Strict:
    """Configuration refuses keys that it does not know."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}


@dataclass(frozen=True)
class LinkConfig(Strict):
    """How to reach an instrument. Only `resource` is needed: the driver knows its wire. Times in s.

    `backend`: auto takes the own links for SOCKET and ASRL and a VISA library for all else; visa forces the library.
    """

    resource: str
    backend: Backend = "auto"
    timeout: float | None = None
    min_interval: float | None = None
    write_end: str | None = None
    read_end: str | None = None
    baud: int | None = None


@dataclass(frozen=True)
class ChannelConfig(Strict):
    """A channel that may be commanded, and its limits (V, A, V/s; signed voltages). Nothing is ever clipped."""

    v_min: float | None = None
    v_max: float | None = None
    i_limit_max: float | None = None
    ramp_up: float = 10.0
    ramp_down: float = 20.0
    v_safe_off: float = 10.0
    label: str = ""
    module: str | None = None


@dataclass(frozen=True)
class DeviceConfig(Strict):
    """One instrument. `serial` is compared with what the instrument says; `period` is the time between polls in s."""

    driver: str
    link: LinkConfig
    sim: bool = False
    serial: str | None = None
    period: float = 1.0
    channels: dict[str, ChannelConfig] = field(default_factory=dict)


@dataclass(frozen=True)
class BusConfig(Strict):
    """The broker. `password_env` and `ca` name a variable and a file, never a secret."""

    kind: Literal["mqtt", "embedded"] = "mqtt"
    host: str = "127.0.0.1"
    port: int = 1883
    user: str | None = None
    password_env: str | None = None
    ca: str | None = None


@dataclass(frozen=True)
class StoreConfig(Strict):
    """The time series: one SQLite file (`path`, relative to the data folder) or InfluxDB 2 (`url`, `org`, `bucket`)."""

    kind: Literal["sqlite", "influxdb"] = "sqlite"
    path: str = "series.sqlite"
    url: str | None = None
    org: str | None = None
    bucket: str | None = None
    token_env: str | None = None


@dataclass(frozen=True)
class SimConfig(Strict):
    """Simulated instruments of this stand: port of the control socket on 127.0.0.1, speed of the clock, random seed."""

    control: int = 15000
    speed: float = 1.0
    seed: int = 1


@dataclass(frozen=True)
class Stand(Strict):
    """A stand: devices that share a bench. `data` is the folder of journals and local stores."""

    stand: str
    devices: dict[str, DeviceConfig]
    schema: Literal[1] = 1
    data: str = "var"
    bus: BusConfig = field(default_factory=BusConfig)
    store: StoreConfig = field(default_factory=StoreConfig)
    users: dict[str, Role] = field(default_factory=dict)
    sim: SimConfig = field(default_factory=SimConfig)


def contradictions(stand: Stand) -> list[tuple[str, str]]:
    """All contradictions inside a stand as (field, what is wrong), field as `devices.hv1.channels.ch0.v_min`."""
    wrong: list[tuple[str, str]] = []
    _name(wrong, "stand", stand.stand, "stand", frozenset({SITE}))
    for user in stand.users:
        _name(wrong, f"users.{user}", user, "user", NOT_AN_ITEM)
    if not stand.devices:
        wrong.append(("devices", "a stand has at least one device"))
    owners: dict[str, str] = {}
    for name, device in stand.devices.items():
        path = f"devices.{name}"
        _name(wrong, path, name, "device", NOT_A_DEVICE)
        if device.period <= 0 or not math.isfinite(device.period):
            wrong.append((f"{path}.period", f"expected a time above 0 s, got {device.period}"))
        key = device.link.resource.lower()
        if key in owners:
            wrong.append((f"{path}.link.resource", f"{device.link.resource} belongs to {owners[key]} already: one owner per instrument"))
        owners[key] = name
        try:
            address = parse_resource(device.link.resource)
        except ConfigError as e:
            wrong.append((f"{path}.link.resource", str(e)))
        else:
            if device.sim and isinstance(address, TcpAddress) and not address.host.startswith("127."):
                wrong.append((f"{path}.link.resource", f"a simulated instrument listens on 127.0.0.1 only, got {address.host}"))
        for channel, config in device.channels.items():
            _name(wrong, f"{path}.channels.{channel}", channel, "channel", frozenset())
            wrong += [(f"{path}.channels.{channel}.{f}", why) for f, why in _limits(config)]
    if stand.store.kind == "influxdb":
        wrong += [(f"store.{f}", "needed for influxdb") for f in ("url", "org", "bucket", "token_env") if not getattr(stand.store, f)]
    if stand.sim.speed <= 0:
        wrong.append(("sim.speed", f"expected a factor above 0, got {stand.sim.speed}"))
    return wrong


def _limits(c: ChannelConfig) -> list[tuple[str, str]]:
    wrong = [
        (f, f"expected a finite number, got {getattr(c, f)}")
        for f in ("v_min", "v_max", "i_limit_max", "ramp_up", "ramp_down", "v_safe_off")
        if not math.isfinite(getattr(c, f) or 0.0)
    ]
    if c.v_min is not None and c.v_max is not None and c.v_min >= c.v_max:
        wrong.append(("v_min", f"{c.v_min} V is not below v_max {c.v_max} V"))
    for f in ("ramp_up", "ramp_down", "v_safe_off", "i_limit_max"):
        value = getattr(c, f)
        if value is not None and value <= 0:
            wrong.append((f, f"expected a number above 0, got {value}"))
    return wrong


def _name(wrong: list[tuple[str, str]], path: str, name: str, what: str, forbidden: frozenset[str]) -> None:
    try:
        checked(name, what, forbidden)
    except ContractError as e:
        wrong.append((path, str(e)))
