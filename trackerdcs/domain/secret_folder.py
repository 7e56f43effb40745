"""The folder of secrets: which file is whose, and which of them are derived from others."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trackerdcs.domain.access_list import COMMANDERS, Bench
from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.topics import LOADER, RECORDER, SITE, login

CA, CA_KEY = "ca/ca.crt", "ca/ca.key"
SERVERS = ("gateway", "mosquitto")
"""Who shows a certificate: the files server.crt and server.key in these folders."""
PASSWORDS, ACCESS = "mosquitto/passwd", "mosquitto/acl"
FIRST_ADMIN = "web/first-admin"
STACK = frozenset({"ca", *SERVERS, "influxdb", "influx-init", "grafana", "mongodb", "mongo-init"})
"""Folders of containers that do not log in to the broker."""
CONTAINER = 1000
"""The user of all containers but these."""
MONGO = ("bridge", "importer", "recorder", "web")
"""Accounts of the store of runs, each with its own rights."""
UIDS = {"mosquitto": 1883, "grafana": 472, "mongodb": 999}
RANDOM = (
    "influxdb/admin-password",
    "influxdb/admin-token",
    "grafana/influx-password",
    "grafana/admin-password",
    "mongodb/root-password",
    *(f"mongo-init/mongo/{account}" for account in MONGO),
    "nodered/credential-secret",
    "web/session-key",
)
"""Secrets that one container alone makes use of, and the first of those that two share."""
COPIES = {
    "influx-init/admin-token": "influxdb/admin-token",
    "influx-init/admin-password": "influxdb/admin-password",
    "influx-init/grafana-password": "grafana/influx-password",
    "mongo-init/root-password": "mongodb/root-password",
    "web/mongo/web": "mongo-init/mongo/web",
    "recorder/mongo/recorder": "mongo-init/mongo/recorder",
}
"""A container sees its own folder only, so what two share is there twice."""
OF_A_BRIDGE = ("bridge", "importer")
"""Accounts that a bridge needs: it keeps the record of a run, and imports what the run has left."""


@dataclass(frozen=True)
class Place:
    """Where the password of one user of the broker is."""

    user: str
    folder: str

    @property
    def path(self) -> str:
        return f"{self.folder}/mqtt/{self.user.replace('/', '.')}"


def copies(benches: Iterable[Bench]) -> dict[str, str]:
    """What is there twice, as path of the copy: path of the first."""
    bridges = [f"{bench.stand}-{name}" for bench in benches for name in bench.bridges]
    return COPIES | {f"{b}/mongo/{account}": f"mongo-init/mongo/{account}" for b in bridges for account in OF_A_BRIDGE}


def places(benches: Iterable[Bench], loaders: Sequence[str] = (LOADER,)) -> list[Place]:
    """One for each user of the broker; ConfigError where two containers would share a folder."""
    found = [Place(name, name) for name in COMMANDERS]
    found += [Place(login(SITE, name), name) for name in loaders]
    found.append(Place(login(SITE, RECORDER), RECORDER))
    found += [Place(login(b.stand, service), f"{b.stand}-{service}") for b in benches for service in b.services]
    owners = dict.fromkeys(STACK, "the stack")
    for place in found:
        if (owner := owners.setdefault(place.folder, place.user)) != place.user:
            raise ConfigError(f"{place.user}: its secrets would be in the folder {place.folder}, which is of {owner}")
    return found


def owner_of(path: str) -> int | None:
    """The user whose file this is; None for the CA, which belongs to whoever the whole folder belongs to."""
    folder = path.partition("/")[0]
    return None if folder == "ca" else UIDS.get(folder, CONTAINER)
