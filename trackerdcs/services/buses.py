"""Chooses the bus by the stand file."""

from trackerdcs.adapters.bus_mqtt import MqttBus
from trackerdcs.domain.stand import BusConfig
from trackerdcs.ports import Bus, Will


def open_bus(config: BusConfig, client_id: str, will: Will | None = None, persistent: bool = False) -> Bus:
    """A bus that connects when it is entered; `persistent`: its session outlives it where the broker can."""
    if config.kind == "mqtt":
        return MqttBus(config, client_id, will, persistent)
    from trackerdcs.adapters.broker_amqtt import EmbeddedBroker  # only who uses it pays for its library

    return MqttBus(config, client_id, will, persistent, EmbeddedBroker.lacks)
