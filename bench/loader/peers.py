"""The loaders that are compared: how each is started, and what it is sent."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.loader.load import Load, Payload
from bench.loader.process import Watched
from bench.loader.programs import HERE, compiled, telegraf
from trackerdcs.tests.servers import Influxd, Mosquitto

STAND = """
stand: bench
data: {folder}
bus: {{host: 127.0.0.1, port: {port}}}
store: {{kind: influxdb, url: "{url}", org: {org}, bucket: {bucket}, token_file: "{token}"}}
devices:
  d0: {{driver: iseg_shr, link: {{resource: "TCPIP::127.0.0.1::1::SOCKET"}}}}
"""


@dataclass(frozen=True)
class Place:
    """Where a run happens: servers of its own, and a folder on a disk."""

    broker: Mosquitto
    database: Influxd
    folder: Path

    def env(self) -> dict[str, str]:
        """What a loader has to know."""
        of = self.database
        names = {"URL": of.url, "TOKEN": of.token, "ORG": of.org, "BUCKET": of.bucket, "PORT": str(self.broker.port)}
        return {f"BENCH_{name}": value for name, value in names.items()}


@dataclass(frozen=True)
class Peer:
    """A loader, or the sink, which stores nothing."""

    name: str
    client_id: str
    payload: Payload
    command: Callable[[Place, Load], Sequence[str]]
    stores: bool = True

    def start(self, place: Place, load: Load) -> Watched:
        """A process of it."""
        return Watched(self.command(place, load), place.env(), place.folder / f"{self.name}.log")


def _ours(options: Sequence[str]) -> Callable[[Place, Load], Sequence[str]]:
    def command(place: Place, _: Load) -> Sequence[str]:
        file = place.folder / "stand.yaml"
        of = place.database
        file.write_text(
            STAND.format(
                folder=place.folder,
                port=place.broker.port,
                url=of.url,
                org=of.org,
                bucket=of.bucket,
                token=of.token_file(),
            )
        )
        return [str(Path(sys.executable).with_name("trackerdcs")), "loader", str(file), *options]

    return command


def frames() -> Peer:
    """Our loader with frames of the message contract: two points each, sequence, gap record and confirmation."""
    return Peer("frames", "trackerdcs-loader", "frame", _ours([]))


def peers(without: Sequence[str]) -> dict[str, Peer]:
    """All but those that are left out."""
    mapping = ["--mapping", str(HERE / "mapping.yaml")]
    whole = {
        "trackerdcs": lambda: Peer("trackerdcs", "trackerdcs-loader", "flat", _ours(mapping)),
        "frames": frames,
        "telegraf": _telegraf,
        "plain": lambda: Peer("plain", "plain", "flat", lambda *_: [sys.executable, str(HERE / "plain.py")]),
        "sink": _sink,
    }
    if unknown := set(without) - whole.keys():
        raise SystemExit(f"--without {' '.join(sorted(unknown))}: expected some of {', '.join(whole)}")
    return {name: make() for name, make in whole.items() if name not in without}


def _telegraf() -> Peer:
    command = [str(telegraf()), "--config", str(HERE / "telegraf.conf")]
    return Peer("telegraf", "telegraf", "flat", lambda *_: command)


def _sink() -> Peer:
    program = str(compiled("sink"))
    return Peer("sink", "sink", "flat", lambda at, load: [program, str(at.broker.port), str(load.count)], stores=False)
