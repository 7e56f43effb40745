"""For tests: the broker exactly as it is shipped, with logins, access list and TLS, on ports of 127.0.0.1."""

import os
import socket
import ssl
from pathlib import Path

from trackerdcs.adapters.broker_passwords import hashed
from trackerdcs.tests.programs import require
from trackerdcs.tests.servers import HOST, SHIPPED, Server, free_port


class LabBroker(Server):
    """The shipped mosquitto.conf with the secrets that `trackerdcs secrets FOLDER` has made, whole but for its places.

    `port` is the containers' listener, `tls_port` that of all others, `health_port` that of the health check. Who may
    read everything, for a test that looks on: `with_onlooker`.
    """

    def __init__(self, secrets: Path) -> None:
        self._program = require("mosquitto")
        self.secrets = secrets
        self.tls_port, self.health_port = free_port(), free_port()
        super().__init__()

    def password(self, user: str) -> str:
        """Of a user, from the folder of the container that has it."""
        name = user.replace("/", ".")
        return next(self.secrets.glob(f"*/mqtt/{name}")).read_text().removesuffix("\n")

    def passwords(self, *users: str) -> Path:
        """A folder for `bus.passwords` with these users' passwords: in a container that is its own folder."""
        folder = self.directory / "mqtt"
        folder.mkdir(exist_ok=True)
        for user in users:
            (folder / user.replace("/", ".")).write_text(self.password(user))
        return folder

    def trust(self) -> ssl.SSLContext:
        """What a client knows that has the lab's CA."""
        return ssl.create_default_context(cafile=self.secrets / "ca" / "ca.crt")

    def _answers(self) -> bool:
        return super()._answers() and all(_listens(port) for port in (self.tls_port, self.health_port))

    def _command(self) -> list[str]:
        lines = SHIPPED.read_text()
        places = {
            "listener 1883\n": f"listener {self.port} {HOST}\n",
            "listener 8883\n": f"listener {self.tls_port} {HOST}\n",
            "listener 1884 127.0.0.1\n": f"listener {self.health_port} {HOST}\n",
            " /run/secrets/": f" {self.secrets}/mosquitto/",
            " /mosquitto/data/": f" {self.directory}/",
        }
        for shipped, here in places.items():
            assert shipped in lines, f"{SHIPPED}: {shipped.strip()!r} is not there any more"
            lines = lines.replace(shipped, here)
        # Else it drops to a user who can read neither the secrets nor the directory.
        root = "user root\n" if os.geteuid() == 0 else ""
        config = self.directory / "mosquitto.conf"
        config.write_text(root + lines)
        return [str(self._program), "-c", str(config)]


def _listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


ONLOOKER = "onlooker"


def with_onlooker(secrets: Path) -> str:
    """Add a user who may read and write everything to the lists that are there; returns the password.

    For tests only: no such user exists in a lab. The lists are derived, so the next `trackerdcs secrets` drops it.
    """
    folder, password = secrets / "mosquitto", "for tests"
    for name, line in (
        ("passwd", f"{ONLOOKER}:{hashed(password)}\n"),
        ("acl", f"\nuser {ONLOOKER}\ntopic readwrite #\ntopic readwrite $SYS/#\n"),
    ):
        path = folder / name
        path.chmod(0o600)
        path.write_text(path.read_text() + line)
    return password
