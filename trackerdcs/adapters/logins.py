"""What a client of the broker needs to log in, from files: passwords, tokens and certificates are in no environment."""

import ssl
from pathlib import Path

from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.stand import BusConfig


def login_of(config: BusConfig, login: str | None) -> tuple[str | None, str | None]:
    """User name and password of the client `login` (`demo/hv1`, `cli`); none where the broker has no logins.

    The password is in the file `demo.hv1` of the folder `config.passwords`. ConfigError where it cannot be read.
    """
    if config.passwords is None or login is None:
        return None, None
    return login, secret_in(Path(config.passwords, login.replace("/", ".")), "bus.passwords")


def tls_of(config: BusConfig) -> ssl.SSLContext | None:
    """How to check the broker's certificate, None without TLS; ConfigError where the CA cannot be read."""
    if config.ca is None:
        return None
    try:
        return ssl.create_default_context(cafile=config.ca)
    except OSError as e:
        raise ConfigError(f"bus.ca: {config.ca}: {e}") from e


def secret_in(path: Path, field: str) -> str:
    """The one line of a secret's file; ConfigError names `field`, the file and what is wrong, never the content."""
    try:
        text = path.read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as e:
        why = e.strerror if isinstance(e, OSError) else "it is no UTF-8"
        raise ConfigError(f"{field}: the secret {path} cannot be read: {why}") from e
    if not text or not text.isprintable():
        raise ConfigError(f"{field}: the secret {path} is {'empty' if not text else 'more than one line of text'}")
    return text
