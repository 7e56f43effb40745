"""Fills the folder of secrets: what is missing is made, what is there stays, what is derived is derived anew."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from trackerdcs.adapters.broker_passwords import password_file
from trackerdcs.adapters.secret_files import SecretFiles
from trackerdcs.domain.access_list import Bench, access_list
from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.secret_folder import (
    ACCESS,
    CA,
    FIRST_ADMIN,
    PASSWORDS,
    RANDOM,
    Place,
    copies,
    owner_of,
    places,
)
from trackerdcs.domain.stand import Stand
from trackerdcs.domain.topics import LOADER, SITE, Topic, is_loader
from trackerdcs.services.server_certificates import certify
from trackerdcs.web.passwords import hash_password

BYTES = 32
"""Of each random secret."""


@dataclass
class Filled:
    """What has come of it."""

    made: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    admin_password: str | None = None
    """Known to nobody else, if it is new."""


def fill(
    folder: Path,
    stands: Sequence[Stand],
    hosts: Sequence[str] = (),
    loaders: Sequence[str] = (),
    foreign: Sequence[str] = (),
) -> Filled:
    """Nothing is written unless all that is there is good: ConfigError lists what is not, by file.

    `hosts` are further names of this machine, `loaders` further loaders, `foreign` what loaders read beside ours.
    """
    benches = [
        Bench(
            stand.stand,
            tuple(stand.devices),
            tuple(stand.calibrations),
            bool(stand.derived),
            stand.notify is not None,
        )
        for stand in stands
    ]
    names = list(dict.fromkeys([LOADER, *loaders]))
    for name in names:
        if not is_loader(Topic(SITE, "status", name)):
            raise ConfigError(f"loader {name!r}: expected {LOADER} or {LOADER}-...")
    found = places(benches, names)
    files, filled, faults = SecretFiles(folder, owner_of, {CA}), Filled(), _Faults()
    for path in (*RANDOM, *(place.path for place in found)):
        faults.tried(_random, files, path)
    for path, original in copies(benches).items():
        faults.tried(_copy, files, path, original)
    faults.tried(_broker, files, found, access_list(benches, names, foreign))
    faults.tried(_certify, files, hosts, filled)
    faults.tried(_first_admin, files, filled)
    if faults.found:
        raise ConfigError("\n".join(faults.found))
    filled.made = files.write()
    return filled


class _Faults:
    """All that is wrong, so that nobody has to come back for the next fault."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def tried(self, step: Callable[..., None], *arguments: object) -> None:
        try:
            step(*arguments)
        except ConfigError as e:
            self.found += [line for line in str(e).splitlines() if line not in self.found]


def _random(files: SecretFiles, path: str) -> None:
    if files.text(path) is None:
        files.put(path, f"{secrets.token_urlsafe(BYTES)}\n")


def _copy(files: SecretFiles, path: str, original: str) -> None:
    value, there = files.text(original), files.text(path)
    if there is None:
        files.put(path, f"{value}\n")
    elif there != value:
        raise ConfigError(f"{files.at(path)}: differs from {files.at(original)}: remove the one that is wrong")


def _broker(files: SecretFiles, found: Sequence[Place], access: str) -> None:
    passwords = {place.user: files.text(place.path) or "" for place in found}
    old = files.content(PASSWORDS) or b""
    files.put(PASSWORDS, password_file(passwords, old.decode(errors="replace")))
    files.put(ACCESS, access)


def _certify(files: SecretFiles, hosts: Sequence[str], filled: Filled) -> None:
    filled.warnings += certify(files, hosts, datetime.now(UTC))


def _first_admin(files: SecretFiles, filled: Filled) -> None:
    """The last to be written: the password is shown when all the rest is there."""
    if files.text(FIRST_ADMIN) is None:
        filled.admin_password = secrets.token_urlsafe(12)
        files.put(FIRST_ADMIN, f"{hash_password(filled.admin_password)}\n")
