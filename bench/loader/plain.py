"""The loader that everybody writes first: paho-mqtt, json and influxdb-client's Point with its batching WriteApi.

Started by the bench; what it needs to know is in the environment. Acknowledges on receipt, so a kill loses what waits.
"""

import json
import os
from typing import Any

from influxdb_client import InfluxDBClient, Point, WriteOptions  # type: ignore[attr-defined]
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion


def main() -> None:
    """Load until it is ended."""
    of = os.environ
    client = InfluxDBClient(of["BENCH_URL"], of["BENCH_TOKEN"], org=of["BENCH_ORG"])
    writer = client.write_api(write_options=WriteOptions(batch_size=5000, flush_interval=1000))
    bucket = of["BENCH_BUCKET"]

    def on_connect(mqtt: Client, *_: Any) -> None:
        mqtt.subscribe("lab/+/+/+", qos=1)

    def on_message(_mqtt: Client, _user: Any, message: MQTTMessage) -> None:
        data = json.loads(message.payload)
        _, stand, device, channel = message.topic.split("/")
        point: Any = Point("readings")  # type: ignore[no-untyped-call]
        point = point.tag("stand", stand).tag("device", device).tag("channel", channel)
        point = point.field("value", float(data["value"])).field("seq", data["seq"]).time(int(data["ts"] * 1e9))
        writer.write(bucket, record=point)

    mqtt = Client(CallbackAPIVersion.VERSION2, client_id="plain", clean_session=False)
    mqtt.on_connect, mqtt.on_message = on_connect, on_message
    mqtt.connect("127.0.0.1", int(of["BENCH_PORT"]))
    mqtt.loop_forever()


if __name__ == "__main__":
    main()
