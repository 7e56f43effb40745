"""What a client of the broker needs to log in: secrets come from the environment, certificates from files."""

import os
import ssl

from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.stand import BusConfig


def password_of(config: BusConfig) -> str | None:
    """The password, None without logins; ConfigError where the environment does not have it."""
    if config.password_env is None:
        return None
    try:
        return os.environ[config.password_env]
    except KeyError:
        raise ConfigError(f"bus.password_env: the environment has no variable {config.password_env}") from None


def tls_of(config: BusConfig) -> ssl.SSLContext | None:
    """How to check the broker's certificate, None without TLS; ConfigError where the CA cannot be read."""
    if config.ca is None:
        return None
    try:
        return ssl.create_default_context(cafile=config.ca)
    except OSError as e:
        raise ConfigError(f"bus.ca: {config.ca}: {e}") from e
