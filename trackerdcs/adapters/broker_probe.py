"""Tries with MQTT 5 (paho-mqtt) what a broker does for a client that is away: the only way to see its limits."""

import logging
import time
from typing import Any

from trackerdcs.adapters.broker_probe_wire import Connection
from trackerdcs.adapters.logins import login_of, tls_of
from trackerdcs.domain.errors import BusDown
from trackerdcs.domain.probing import SESSION_S, WINDOW, BrokerLimits
from trackerdcs.domain.stand import BusConfig

MESSAGES = 1200
"""More than the 1000 which Mosquitto keeps for a client that is away, unless told otherwise."""
AWAY_S = 60
"""The probe's session outlives it for no longer, where it cannot be ended."""
INFLIGHT = 100
LIMIT_S = 10.0
FORGET_S = 2.0

log = logging.getLogger(__name__)


class BrokerProbe:
    """One look at a broker, in the caller's thread, on a topic that nobody else listens to."""

    def __init__(
        self, config: BusConfig, client_id: str, topic: str, messages: int = MESSAGES, login: str | None = None
    ) -> None:
        """ConfigError where the password or the CA is missing."""
        self._config, self._client_id, self._topic, self._messages = config, client_id, topic, messages
        self._login, self._tls = login_of(config, login), tls_of(config)
        self._deadline = 0.0

    def run(self) -> BrokerLimits:
        """Takes about a second; BusDown says why it could not be done. Nothing of it stays with the broker."""
        self._deadline = time.monotonic() + LIMIT_S
        # Without any property: a broker of MQTT 3.1.1 may wait for ever for the rest of a packet that it cannot read.
        with self._connect(self._client_id, clean=True) as plain:
            said = plain.said
        if said.get("MaximumQoS", 2) == 0:
            return BrokerLimits(0, **_limits(said))
        try:
            return self._try(said)
        finally:
            self._forget()

    def _try(self, said: dict[str, Any]) -> BrokerLimits:
        # So long only while it is connected: what is left behind is a session of AWAY_S.
        with self._connect(self._client_id, clean=True, SessionExpiryInterval=SESSION_S) as there:
            session_s = there.said.get("SessionExpiryInterval", SESSION_S)
            there.subscribe(self._topic)
            there.leave(SessionExpiryInterval=AWAY_S)
        inflight = min(INFLIGHT, said.get("ReceiveMaximum", INFLIGHT))
        with self._connect(f"{self._client_id}-sender", clean=True, inflight=inflight) as sender:
            sender.publish(self._topic, self._messages)
        with self._connect(self._client_id, clean=False, SessionExpiryInterval=AWAY_S) as back:
            window = back.arrived(self._topic)
        again = {"SessionExpiryInterval": AWAY_S, "ReceiveMaximum": WINDOW}
        with self._connect(self._client_id, clean=False, **again) as back:
            loader_window = back.arrived(self._topic)
            kept = back.all_of(self._messages)
        if back.resumed and not kept:
            raise BusDown(f"none of its messages came back: may this user read {self._topic}?")
        return BrokerLimits(
            session_s,
            **_limits(said),
            resumed=back.resumed,
            sent=self._messages,
            kept=kept,
            window=window,
            loader_window=loader_window,
        )

    def _forget(self) -> None:
        """End the session, whatever has happened."""
        self._deadline = time.monotonic() + FORGET_S
        try:
            with self._connect(self._client_id, clean=True):
                pass
        except BusDown as e:
            log.debug("the probe's session ends by itself, %s s after the probe: %s", AWAY_S, e)

    def _connect(self, client_id: str, clean: bool, inflight: int = INFLIGHT, **properties: int) -> Connection:
        connection = Connection(client_id, inflight, self._deadline)
        if self._login[0] is not None:
            connection.client.username_pw_set(*self._login)
        if self._tls:
            connection.client.tls_set_context(self._tls)
        connection.open(self._config.host, self._config.port, clean, properties)
        return connection


def _limits(said: dict[str, Any]) -> dict[str, Any]:
    return {
        "qos": said.get("MaximumQoS", 2),
        "retains": bool(said.get("RetainAvailable", True)),
        "largest": said.get("MaximumPacketSize"),
    }
