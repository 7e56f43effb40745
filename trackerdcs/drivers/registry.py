"""The drivers by the name that a stand file gives; a driver is imported when it is asked for."""

from importlib import import_module
from typing import Protocol, cast

from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.limits import narrow
from trackerdcs.domain.resource import SerialAddress, Wire, parse_resource
from trackerdcs.domain.stand import DeviceConfig, Stand
from trackerdcs.domain.wiring import Wired
from trackerdcs.ports import Driver, Link

UNFIT = {"env_dht": "no checksum of env_dht tells a digit that was lost on the wire"}
"""Drivers whose readings no interlock may stand on, and why."""

DRIVERS = {
    "env_board": "trackerdcs.drivers.env_board:EnvBoard",
    "env_dht": "trackerdcs.drivers.env_dht:EnvDht",
    "hmp4040": "trackerdcs.drivers.hmp4040:Hmp4040",
    "iseg_shr": "trackerdcs.drivers.iseg_shr:IsegShr",
    "keithley2410": "trackerdcs.drivers.keithley2410:Keithley2410",
}


class DriverClass(Protocol):
    """A driver before it has a link: how its instrument talks on a TCP socket and on a serial port."""

    tcp: Wire
    serial: Wire

    def __call__(self, link: Link) -> Driver: ...


def driver_class(name: str) -> DriverClass:
    """The driver of this name; raises ConfigError listing those that there are."""
    if name not in DRIVERS:
        raise ConfigError(f"driver {name!r} is unknown, expected {', '.join(sorted(DRIVERS))}")
    module, _, found = DRIVERS[name].partition(":")
    return cast(DriverClass, getattr(import_module(module), found))


def tables_of(name: str) -> Driver:
    """A driver for what its tables say: it has no link. ConfigError if there is none of this name."""
    return driver_class(name)(cast(Link, None))


def wired(stand: Stand) -> dict[str, Wired]:
    """The devices of a stand as their drivers describe them; raises ConfigError where file and driver disagree."""
    found = {}
    for name, config in stand.devices.items():
        driver = tables_of(config.driver)
        found[name] = Wired(driver.kind, narrow(driver.channels(), config), config.period, UNFIT.get(config.driver))
    return found


def wire_of(config: DeviceConfig) -> Wire:
    """How an instrument talks on its link, before the stand file's `link` overrides it; ConfigError for the driver."""
    make = driver_class(config.driver)
    return make.serial if isinstance(parse_resource(config.link.resource), SerialAddress) else make.tcp
