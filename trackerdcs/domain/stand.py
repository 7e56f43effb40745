"""A stand as its file describes it. Frozen dataclasses; settings.py reads them from YAML and forbids unknown keys."""

import math
from dataclasses import dataclass, field
from typing import Literal

from trackerdcs.domain.errors import ConfigError, ContractError
from trackerdcs.domain.instrument import Role
from trackerdcs.domain.interlock import InterlockConfig, Strict, faults_of
from trackerdcs.domain.messages import NO_CHANNEL
from trackerdcs.domain.modules import Modules, ModuleType, contradictions_of
from trackerdcs.domain.ph2acf.setup import BridgeConfig, bridge_faults
from trackerdcs.domain.resource import Address, Backend, TcpAddress, VisaAddress, parse_resource
from trackerdcs.domain.topics import NOT_A_DEVICE, NOT_AN_ITEM, SITE, checked

SCHEMA = 1
LOCAL = "127.0.0.1"
SAFE = 60.0
"""Direct voltage in V above which nothing may be touched bare (IEC 60364-4-41): no `v_safe_off` is higher."""
SERVICES = frozenset({"guard", "alarms", "config", "loader", "sim"})
"""Services are devices of the stand's tree: an instrument of their name would speak on their topics."""


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
    step_max: float = 5.0
    i_soft: float | None = None
    kill_rate: float = 100.0
    on_comm_loss: Literal["hold", "ramp_down", "kill"] = "ramp_down"
    t_unknown: float = 30.0
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
    """The broker. With `passwords`, a folder with a file for each login, every service logs in as what it is."""

    kind: Literal["mqtt", "embedded"] = "mqtt"
    host: str = "127.0.0.1"
    port: int = 1883
    passwords: str | None = None
    ca: str | None = None


@dataclass(frozen=True)
class StoreConfig(Strict):
    """The time series: one SQLite file (`path`, relative to the data folder) or InfluxDB 2 (`url`, `org`, `bucket`)."""

    kind: Literal["sqlite", "influxdb"] = "sqlite"
    path: str = "series.sqlite"
    url: str | None = None
    org: str | None = None
    bucket: str | None = None
    token_file: str | None = None


@dataclass(frozen=True)
class RunsConfig(Strict):
    """Runs of calibrations: one SQLite file (`path`, relative to the data folder) or MongoDB (`url`, `database`)."""

    kind: Literal["sqlite", "mongodb"] = "sqlite"
    path: str = "runs.sqlite"
    url: str | None = None
    database: str = "trackerdcs"
    user: str | None = None
    password_file: str | None = None


@dataclass(frozen=True)
class SimConfig(Strict):
    """Simulated instruments of this stand: where they listen, the port of the control socket on 127.0.0.1, speed of the
    clock, random seed."""

    host: str = LOCAL

    control: int = 15000
    speed: float = 1.0
    seed: int = 1


@dataclass(frozen=True)
class Stand(Strict):
    """A stand: devices that share a bench. `data` is the folder of journals and local stores."""

    stand: str
    devices: dict[str, DeviceConfig]
    schema: int = SCHEMA
    data: str = "var"
    bus: BusConfig = field(default_factory=BusConfig)
    store: StoreConfig = field(default_factory=StoreConfig)
    runs: RunsConfig = field(default_factory=RunsConfig)
    users: dict[str, Role] = field(default_factory=dict)
    interlocks: dict[str, InterlockConfig] = field(default_factory=dict)
    module_types: dict[str, ModuleType] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    fuse_ids: dict[str, str] = field(default_factory=dict)
    calibrations: dict[str, BridgeConfig] = field(default_factory=dict)
    sim: SimConfig = field(default_factory=SimConfig)


def contradictions(stand: Stand) -> list[tuple[str, str]]:
    """All contradictions inside a stand as (field, what is wrong), field as `devices.hv1.channels.ch0.v_min`."""
    wrong: list[tuple[str, str]] = []
    if stand.schema != SCHEMA:
        wrong.append(("schema", f"expected {SCHEMA}, got {stand.schema}"))
    _name(wrong, "stand", stand.stand, "stand", frozenset({SITE}))
    for user in stand.users:
        _name(wrong, f"users.{user}", user, "user", NOT_AN_ITEM)
    if not stand.devices:
        wrong.append(("devices", "a stand has at least one device"))
    owners: dict[Address, str] = {TcpAddress(stand.bus.host, stand.bus.port): "the broker"}
    if any(device.sim for device in stand.devices.values()):
        owners[TcpAddress(LOCAL, stand.sim.control)] = "the control socket of the simulation"
    for name, device in stand.devices.items():
        _name(wrong, f"devices.{name}", name, "device", NOT_A_DEVICE | SERVICES)
        wrong += [(f"devices.{name}.{f}", why) for f, why in _device(name, device, stand.sim.host, owners)]
    wrong += [*_services(stand), *faults_of(stand.interlocks)]
    wrong += contradictions_of(Modules(stand.module_types, stand.modules, stand.fuse_ids))
    wrong += bridge_faults(
        stand.calibrations,
        stand.devices,
        stand.interlocks,
        SERVICES,
        None if stand.bus.kind == "embedded" else stand.users,
    )
    return wrong


def _device(name: str, device: DeviceConfig, sim: str, owners: dict[Address, str]) -> list[tuple[str, str]]:
    wrong = _positive(device, "period")
    wrong += [(f"link.{f}", why) for f, why in _positive(device.link, "timeout", "baud")]
    if (device.link.min_interval or 0.0) < 0:
        wrong.append(("link.min_interval", f"expected a time of at least 0 s, got {device.link.min_interval}"))
    wrong += [(f"link.{f}", "a line needs an end") for f in ("write_end", "read_end") if getattr(device.link, f) == ""]
    try:
        address = parse_resource(device.link.resource)
    except ConfigError as e:
        wrong.append(("link.resource", str(e)))
    else:
        if address in owners:
            why = f"{device.link.resource} belongs to {owners[address]} already: one owner per instrument"
            wrong.append(("link.resource", why))
        owners[address] = name
        if device.sim and isinstance(address, TcpAddress) and address.host != sim:
            wrong.append(("link.resource", f"a simulated instrument listens on {sim} (sim.host), got {address.host}"))
        if device.link.backend == "native" and isinstance(address, VisaAddress):
            wrong.append(("link.backend", "only a VISA library reaches this resource: auto or visa"))
    for channel, config in device.channels.items():
        if channel != NO_CHANNEL:
            _name(wrong, f"channels.{channel}", channel, "channel", frozenset())
        wrong += [(f"channels.{channel}.{f}", why) for f, why in _limits(config)]
    return wrong


def _limits(c: ChannelConfig) -> list[tuple[str, str]]:
    wrong = _positive(
        c, "ramp_up", "ramp_down", "kill_rate", "v_safe_off", "step_max", "i_limit_max", "i_soft", "t_unknown"
    )
    if SAFE < c.v_safe_off < math.inf:
        wrong.append(("v_safe_off", f"{c.v_safe_off} V is not safe to switch at: at most {SAFE:g} V"))
    if c.i_soft is not None and c.i_limit_max is not None and 0 < c.i_limit_max < c.i_soft:
        wrong.append(("i_soft", f"{c.i_soft} A is above i_limit_max {c.i_limit_max} A: it would never trip"))
    wrong += [
        (f, f"expected a finite number, got {value}")
        for f in ("v_min", "v_max")
        if (value := getattr(c, f)) is not None and not math.isfinite(value)
    ]
    if c.v_min is not None and c.v_max is not None and c.v_min >= c.v_max:
        wrong.append(("v_min", f"{c.v_min} V is not below v_max {c.v_max} V"))
    if c.module is not None and not (c.module and c.module.isprintable()):
        wrong.append(("module", "expected the name of a module (printable), or no such key"))
    return wrong


def _services(stand: Stand) -> list[tuple[str, str]]:
    wrong = [(f"sim.{f}", why) for f, why in _positive(stand.sim, "speed") + _port(stand.sim, "control")]
    wrong += [(f"bus.{f}", why) for f, why in _port(stand.bus, "port")]
    store, needed = stand.store, ("url", "org", "bucket", "token_file")
    if store.kind == "influxdb":
        wrong += [(f"store.{f}", "needed for influxdb") for f in needed if not getattr(store, f)]
    else:
        wrong += [(f"store.{f}", "only known to influxdb") for f in needed if getattr(store, f) is not None]
    runs = stand.runs
    if runs.kind == "mongodb":
        wrong += [("runs.url", "needed for mongodb")] if not runs.url else []
        if (runs.user is None) != (runs.password_file is None):
            wrong.append(("runs.user", "a user has a password_file, and a password_file a user"))
    else:
        known = ("url", "user", "password_file")
        wrong += [(f"runs.{f}", "only known to mongodb") for f in known if getattr(runs, f) is not None]
    if stand.bus.kind == "embedded":
        if not stand.bus.host.startswith("127."):
            wrong.append(("bus.host", f"the embedded broker has no logins: it listens on {LOCAL} only"))
        logins = ("passwords", "ca")
        wrong += [
            (f"bus.{f}", "the embedded broker has no logins") for f in logins if getattr(stand.bus, f) is not None
        ]
    return wrong


def _positive(config: Strict, *names: str) -> list[tuple[str, str]]:
    values = [(f, getattr(config, f)) for f in names]
    return [
        (f, f"expected a finite number above 0, got {value}")
        for f, value in values
        if value is not None and not 0 < value < math.inf
    ]


def _port(config: Strict, name: str) -> list[tuple[str, str]]:
    port = getattr(config, name)
    return [] if 0 < port < 65536 else [(name, f"expected a port from 1 to 65535, got {port}")]


def _name(wrong: list[tuple[str, str]], path: str, name: str, what: str, forbidden: frozenset[str]) -> None:
    try:
        checked(name, what, forbidden)
    except ContractError as e:
        wrong.append((path, str(e)))
