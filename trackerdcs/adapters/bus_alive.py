"""A sign of life for a container's health check: a file that is touched while the broker acknowledges our status."""

import json
import logging
from pathlib import Path

from trackerdcs.adapters.bus_mqtt import MqttBus
from trackerdcs.adapters.whole_file import write_whole
from trackerdcs.domain.stand import BusConfig
from trackerdcs.ports import Will

log = logging.getLogger(__name__)


class AliveBus(MqttBus):
    """The Bus of a service that says a status: each time the broker has it, the file holds its state and its error.

    A process that hangs, or a broker that is gone or refuses the login, leaves an old file.
    """

    def __init__(self, config: BusConfig, client_id: str, will: Will, login: str, sign: Path) -> None:
        super().__init__(config, client_id, will, login=login)
        self._status, self._sign = will.topic, sign

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        await super().publish(topic, payload, retain=retain)
        if topic == self._status:
            status = json.loads(payload)
            try:
                write_whole(self._sign, f"{status['state']} {status.get('error') or ''}\n".encode())
            except OSError as e:  # the service does its work all the same
                log.warning("no sign of life: %s: %s", self._sign, e.strerror)
