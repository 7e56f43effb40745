"""Sees to the certificates of gateway and broker: ours are renewed in time, a lab's own only looked at."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from trackerdcs.adapters.certificates import Certificate, issue, make_ca, private_key
from trackerdcs.adapters.secret_files import SecretFiles
from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.secret_folder import CA, CA_KEY, SERVERS

NAMES = frozenset({"localhost", "127.0.0.1", "::1", "mosquitto", "gateway"})
"""Whom each of our certificates is for: the containers, and who is on the same machine."""
SOON = timedelta(days=30)


def certify(files: SecretFiles, hosts: Sequence[str], now: datetime) -> list[str]:
    """Put what is missing; what people should hear of certificates that we do not make. ConfigError names the file."""
    ca = _read(files, CA, CA_KEY) if files.content(CA) or not _begun(files) else None
    if ca is None:
        there = files.content(CA_KEY)
        ca = make_ca(now, private_key(files.at(CA_KEY), there) if there else None)
        assert ca.key_pem is not None
        files.put(CA_KEY, ca.key_pem)
        files.put(CA, ca.pem)
    if ca.key_pem is not None and not ca.fits:
        raise ConfigError(f"{files.at(CA_KEY)}: not the key of {files.at(CA)}")
    warnings = _of_ca(files, ca, now)
    for server in SERVERS:
        crt, key = f"{server}/server.crt", f"{server}/server.key"
        found = _read(files, crt, key)
        if found is not None and not found.is_by(ca):
            if found.key_pem is None:
                raise ConfigError(
                    f"{files.at(key)}: missing beside {files.at(crt)}, which is a certificate of your own"
                )
            warnings += _of_lab(files, crt, found, now)
        elif found is None or not found.fits or found.ends - now < SOON or not {*NAMES, *hosts} <= found.names:
            if ca.key_pem is None:
                raise ConfigError(f"{files.at(CA_KEY)}: missing, and {files.at(crt)} has to be signed with it")
            new = issue(ca, {*NAMES, *hosts} | (found.names if found else set()), now)
            assert new.key_pem is not None
            files.put(crt, new.pem)  # the key last: a certificate of ours without its key is made anew
            files.put(key, new.key_pem)
            if found is not None:
                warnings.append(f"{files.at(crt)}: renewed: start {server} again, or it goes on with the old one")
    return warnings


def _begun(files: SecretFiles) -> bool:
    """True for a folder whose making was cut off here at most: no certificate is there that a CA has signed."""
    return not any(files.content(f"{server}/server.crt") for server in SERVERS)


def _read(files: SecretFiles, crt: str, key: str) -> Certificate | None:
    pem, key_pem = files.content(crt), files.content(key)
    if pem is None:
        if key_pem is not None:
            raise ConfigError(f"{files.at(crt)}: missing beside {files.at(key)}: put it there, or remove the key")
        return None
    return Certificate.read(files.at(crt), pem, files.at(key), key_pem)


def _of_ca(files: SecretFiles, ca: Certificate, now: datetime) -> list[str]:
    if ca.ends - now > 3 * SOON:
        return []
    ends = "HAS EXPIRED" if ca.ends <= now else f"EXPIRES on {ca.ends:%Y-%m-%d}"
    return [f"{files.at(CA)}: THE CA {ends}: see doc/reference/secrets.md for a new one, which every client needs"]


def _of_lab(files: SecretFiles, crt: str, found: Certificate, now: datetime) -> list[str]:
    wrong = []
    if not found.fits:
        wrong.append("server.key IS NOT THE KEY of this certificate: nothing will start with it")
    if found.ends <= now:
        wrong.append(f"THIS CERTIFICATE HAS EXPIRED on {found.ends:%Y-%m-%d}: clients refuse it")
    elif found.ends - now < SOON:
        wrong.append(f"this certificate EXPIRES on {found.ends:%Y-%m-%d}")
    if found.begins > now:
        wrong.append(f"THIS CERTIFICATE IS NOT VALID before {found.begins:%Y-%m-%d %H:%M} UTC")
    return [f"{files.at(crt)}: {why}" for why in wrong]
