"""For tests: a client of MQTT 5 that says what the broker answers, and gives what has come when it is asked."""

import ssl
import threading
from collections.abc import Iterable
from typing import Any, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from trackerdcs.tests.servers import HOST

PATIENCE_S = 10.0
END = "nothing/more"


class Talker:
    """One connection. Each call waits for the broker's answer."""

    def __init__(
        self,
        port: int,
        user: str | None,
        password: str | None,
        tls: ssl.SSLContext | None = None,
        patience: float = PATIENCE_S,
    ) -> None:
        self._patience = patience
        self._client = client = Client(
            CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5, reconnect_on_failure=False
        )
        self._answered = threading.Condition()
        self._answers: dict[int, ReasonCode] = {}
        self._login: list[ReasonCode] = []
        self._came: list[tuple[str, bytes]] = []
        client.on_connect = lambda _c, _u, _f, code, _p: self._note(self._login.append, code)
        client.on_publish = lambda _c, _u, mid, code, _p: self._note(self._answers.__setitem__, mid, code)
        client.on_subscribe = lambda _c, _u, mid, codes, _p: self._note(self._answers.__setitem__, mid, codes[0])
        client.on_message = self._on_message
        client.username_pw_set(user, password)
        if tls is not None:
            client.tls_set_context(tls)
        client.connect(HOST, port)
        client.loop_start()
        try:
            self._wait(lambda: bool(self._login))
        except TimeoutError:
            client.loop_stop()
            raise
        self.answer = str(self._login[0])
        """What the broker said to the login."""

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> str:
        """What the broker says of the message."""
        return self._answer(self._client.publish(topic, payload, qos=1, retain=retain).mid)

    def came(self, *filters: str) -> list[tuple[str, bytes]]:
        """All of these filters that the broker has given to this client so far, in order."""
        for each in (*filters, END):  # what is retained comes after the answer
            mid = self._client.subscribe(each, qos=1)[1]
            assert mid is not None
            self._answer(mid)  # what was on its way to us comes before it
        return list(self._came)

    def publish_all(self, topics: Iterable[str], payload: bytes) -> dict[str, str]:
        """The answers by topic."""
        return {topic: self.publish(topic, payload) for topic in topics}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _client: Client, _user: Any, message: MQTTMessage) -> None:
        self._came.append((message.topic, bytes(message.payload)))

    def _note(self, note: Any, *what: Any) -> None:
        with self._answered:
            note(*what)
            self._answered.notify_all()

    def _answer(self, mid: int) -> str:
        self._wait(lambda: mid in self._answers)
        return str(self._answers.pop(mid))

    def _wait(self, done: Any) -> None:
        with self._answered:
            if not self._answered.wait_for(done, self._patience):
                raise TimeoutError(f"no answer from the broker in {self._patience} s")
