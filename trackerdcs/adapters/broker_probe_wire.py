"""A connection of the broker's probe: MQTT 5 with paho-mqtt, acknowledged by hand."""

import time
from collections.abc import Callable
from typing import Any, Self

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from trackerdcs.domain.errors import BusDown

KEEPALIVE_S = 10
SIZE = 200
"""Bytes of a message, as of a frame of few channels: a limit by size is seen as well, where it is a small one."""
QUIET_S, MISSING_S = 0.2, 0.6
"""No message for so long: no more are coming. What seems to be lost is waited for longer."""
POLL_S = 0.05


class Connection:
    """One connection without a thread of its own: who waits for something drives it. All that fails is BusDown."""

    def __init__(self, client_id: str, inflight: int, deadline: float) -> None:
        self._deadline = deadline
        self.client = client = Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.max_inflight_messages_set(inflight)
        client.connect_timeout = max(0.1, deadline - time.monotonic())
        self._codes: list[ReasonCode] = []
        """What the broker has answered to the last question."""
        self._why = "connection lost"
        self._ended = False
        self._arrived: dict[bytes, MQTTMessage] = {}
        self._acknowledged = 0
        self.said: dict[str, Any] = {}
        self.resumed = False
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = lambda _c, _u, _mid, codes, _p: self._codes.extend(codes)
        client.on_publish = lambda _c, _u, _mid, code, _p: self._codes.append(code)
        client.on_message = self._on_message

    def open(self, host: str, port: int, clean: bool, properties: dict[str, int]) -> None:
        try:
            self.client.connect(
                host, port, KEEPALIVE_S, clean_start=clean, properties=_properties(PacketTypes.CONNECT, properties)
            )
        except OSError as e:
            raise BusDown(f"cannot connect: {e}") from e
        self._answers(1, "a login with MQTT 5")

    def subscribe(self, topic: str) -> None:
        self._codes.clear()
        self.client.subscribe(topic, options=SubscribeOptions(qos=1))
        self._answers(1, f"a subscription to {topic}, which this user must be allowed")

    def publish(self, topic: str, number: int) -> None:
        """Messages that differ; returns when all are acknowledged."""
        self._codes.clear()
        for i in range(number):
            self.client.publish(topic, b"%*d" % (SIZE, i), qos=1)
        self._answers(number, f"messages on {topic}, which this user must be allowed to send")

    def arrived(self, topic: str) -> int:
        """How many messages the broker sends without any acknowledgement."""
        self.subscribe(topic)  # answered after what was on its way already
        self._quiet(QUIET_S)
        return len(self._arrived)

    def all_of(self, number: int) -> int:
        """How many come of so many, now that they are acknowledged."""
        self._acknowledge()
        if len(self._arrived) < number:
            self._quiet(MISSING_S)
        return len(self._arrived)

    def leave(self, **properties: int) -> None:
        self.client.disconnect(properties=_properties(PacketTypes.DISCONNECT, properties))
        while self.client.socket() is not None and time.monotonic() < self._deadline:
            self.client.loop(POLL_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def _quiet(self, seconds: float) -> None:
        until, number = time.monotonic() + seconds, len(self._arrived)
        while time.monotonic() < until:
            self._turn()
            if len(self._arrived) > number:
                until, number = time.monotonic() + seconds, len(self._arrived)
                if self._acknowledged:
                    self._acknowledge()

    def _acknowledge(self) -> None:
        for message in list(self._arrived.values())[self._acknowledged :]:
            self.client.ack(message.mid, message.qos)
        self._acknowledged = len(self._arrived)

    def _answers(self, number: int, what: str) -> None:
        self._wait(lambda: len(self._codes) >= number, what)
        if refused := next((code for code in self._codes if code.is_failure), None):
            raise BusDown(f"{what}: refused by the broker: {refused}")

    def _wait(self, until: Callable[[], bool], what: str) -> None:
        while not until():
            self._turn(what)

    def _turn(self, what: str = "messages") -> None:
        if self._ended:
            raise BusDown(f"{what}: {self._why}")
        if time.monotonic() > self._deadline:
            raise BusDown(f"{what}: not answered in time")
        self._ended = self.client.loop(POLL_S) != MQTTErrorCode.MQTT_ERR_SUCCESS

    def _on_connect(
        self, _client: Client, _user: Any, flags: ConnectFlags, code: ReasonCode, properties: Properties | None
    ) -> None:
        self.resumed = flags.session_present
        said: Any = properties
        self.said = said.json() if properties is not None else {}
        self._codes.append(code)

    def _on_message(self, _client: Client, _user: Any, message: MQTTMessage) -> None:
        self._arrived.setdefault(bytes(message.payload), message)

    def _on_disconnect(self, _client: Client, _user: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        if code.is_failure and code != "Unspecified error":
            self._why = f"the broker ends it: {code}"


def _properties(kind: int, values: dict[str, int]) -> Properties | None:
    if not values:
        return None
    properties = Properties(kind)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(properties, name, value)
    return properties
