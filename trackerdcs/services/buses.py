"""Chooses the bus, and a loader's way in, by the stand file."""

import os
from collections.abc import Sequence
from pathlib import Path

from trackerdcs.adapters.bus_alive import AliveBus
from trackerdcs.adapters.bus_mqtt import MqttBus
from trackerdcs.app.bus_inlet import BusInlet
from trackerdcs.domain.stand import BusConfig
from trackerdcs.ports import Bus, Inlet, Will

SIGN = "TRACKERDCS_ALIVE"
"""Variable of the environment that names the file of a service's sign of life."""


def open_bus(config: BusConfig, client_id: str, login: str, will: Will | None = None) -> Bus:
    """A bus that connects when it is entered, as the user `login`; its session ends with its connection."""
    if config.kind == "mqtt":
        if will is not None and (sign := os.environ.get(SIGN)):
            return AliveBus(config, client_id, will, login, Path(sign))
        return MqttBus(config, client_id, will, login=login)
    from trackerdcs.adapters.broker_amqtt import EmbeddedBroker  # only who uses it pays for its library

    return MqttBus(config, client_id, will, lacks=EmbeddedBroker.lacks)


def open_inlet(
    config: BusConfig, client_id: str, login: str, bus: Bus, filters: Sequence[str], former: Sequence[str]
) -> Inlet:
    """A loader's way in, not entered yet: a session of its own where the broker can keep one, else over `bus`."""
    if "persistent_sessions" in bus.lacks:
        return BusInlet(bus, filters)
    from trackerdcs.adapters.inlet_mqtt5 import Mqtt5Inlet  # the embedded broker knows no MQTT 5

    return Mqtt5Inlet(config, client_id, filters, former, login=login)
