"""For tests: an edge node's way into the stack, over TLS, that hears what a stand says."""

import threading

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from trackerdcs.domain.codec import decode
from trackerdcs.domain.messages import Frame
from trackerdcs.tests.compose_stack import STAND, ComposeStack


class EdgeWitness:
    """Hears the frames of the stand, from the first to the last."""

    def __init__(self, stack: ComposeStack) -> None:
        self.frames: list[tuple[str, Frame]] = []
        self._lock = threading.Lock()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, "witness")
        self._client.username_pw_set("cli", stack.secret("cli/mqtt/cli"))
        self._client.tls_set(str(stack.folder / "secrets/ca/ca.crt"))
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(f"dcs/v1/{STAND}/+/frame", 1)
        self._client.on_message = self._heard
        self._client.connect("localhost", stack.ports["MQTTS_PORT"], keepalive=5)
        self._client.loop_start()

    def _heard(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        if not message.retain:
            with self._lock:
                self.frames.append((message.topic.split("/")[3], decode(Frame, bytes(message.payload))))

    def of(self, device: str) -> list[Frame]:
        with self._lock:
            return [frame for name, frame in self.frames if name == device]

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
