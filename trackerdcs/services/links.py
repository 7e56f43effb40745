"""Chooses the link to an instrument by its resource string and the stand file."""

from dataclasses import replace

from trackerdcs.adapters.link_stream import RawWire, StreamLink
from trackerdcs.adapters.wire_tcp import TcpWire
from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.resource import SerialAddress, TcpAddress, VisaAddress, Wire, parse_resource
from trackerdcs.domain.stand import DeviceConfig, LinkConfig
from trackerdcs.drivers.registry import driver_class, wire_of
from trackerdcs.ports import Driver, Link


def link_of(config: DeviceConfig) -> tuple[Link, Driver]:
    """The link of a device, not connected yet, and its driver on it; ConfigError names the field."""
    link = open_link(config.link, wire_of(config))
    return link, driver_class(config.driver)(link)


def open_link(config: LinkConfig, wire: Wire) -> Link:
    """A link that is not connected yet; what the stand file says about the wire overrides the driver's `wire`."""
    said = {f: getattr(config, f) for f in ("timeout", "min_interval", "write_end", "read_end", "baud")}
    wire = replace(wire, **{f: value for f, value in said.items() if value is not None})
    _check(wire)
    return StreamLink(_raw(config, wire), wire)


def _check(wire: Wire) -> None:
    for field in ("write_end", "read_end"):
        if not (end := getattr(wire, field)).isascii() or not end:
            raise ConfigError(f"link.{field}: expected one or more ASCII characters, got {end!r}")
    if not 0 < wire.timeout < 3600:
        raise ConfigError(f"link.timeout: expected a time above 0 s and below one hour, got {wire.timeout}")
    if not 0 <= wire.min_interval < 3600:
        raise ConfigError(
            f"link.min_interval: expected a time of 0 s or more and below one hour, got {wire.min_interval}"
        )


def _raw(config: LinkConfig, wire: Wire) -> RawWire:
    # A library that no link of the process uses costs no memory: PyVISA alone is 11 MB and a third of a second.
    address = parse_resource(config.resource)
    if config.backend == "native" and isinstance(address, VisaAddress):
        raise ConfigError(
            f"link.backend: native reaches TCPIP...::SOCKET and ASRL..., not {config.resource}; expected auto or visa"
        )
    if config.backend == "visa" or isinstance(address, VisaAddress):
        from trackerdcs.adapters.wire_visa import VisaWire

        return VisaWire(config.resource, wire.read_end, wire.baud)
    if isinstance(address, SerialAddress):
        from trackerdcs.adapters.wire_serial import SerialWire

        return SerialWire(address.path, wire.baud)
    assert isinstance(address, TcpAddress)
    return TcpWire(address.host, address.port)
