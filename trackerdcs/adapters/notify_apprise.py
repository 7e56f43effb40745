"""Sends to one address by apprise: mail, ntfy, Mattermost, Matrix and what else it knows."""

import logging
import re
import threading
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from trackerdcs.adapters.logins import secret_in
from trackerdcs.domain.errors import ConfigError, NotifyFailed
from trackerdcs.domain.messages import Severity

CONNECT, READ = 10.0, 10.0
"""Seconds for a connection and for each answer."""
SHORTEST = 3
"""Characters of the shortest part of an address that is kept out of messages."""


class AppriseNotifier:
    """ports_notify.Notifier. The line of the file is an address as apprise writes it; ConfigError where it is none."""

    def __init__(self, path: Path, field: str) -> None:
        import apprise  # a third of a second and its 130 services: only who notifies pays for them

        url = secret_in(path, field)
        logging.getLogger("apprise").propagate = False  # it names addresses
        asset = apprise.AppriseAsset(app_id="trackerdcs", app_desc="detector control")
        with _Said() as said:
            server: Any = apprise.Apprise.instantiate(url, asset=asset)
        secrets = {part for text in (url.partition("://")[2], unquote(url)) for part in re.split(r"[/:@?&=,\s]+", text)}
        self._secrets = sorted((part for part in secrets if len(part) >= SHORTEST), key=len, reverse=True)
        if server is None:
            raise ConfigError(f"{field}: the secret {path} is no address that apprise knows: {self._clean(said.text)}")
        server.socket_connect_timeout, server.socket_read_timeout = CONNECT, READ
        server.notify_format = apprise.NotifyFormat.TEXT
        server.overflow_mode = apprise.OverflowMode.TRUNCATE  # a service refuses what is too long, again and again
        server.include_image = False
        server.request_rate_per_sec = 0  # its own pace, which makes a caller wait
        self._server, self._kinds = server, apprise.NotifyType

    def send(self, title: str, text: str, severity: Severity) -> None:
        kinds = self._kinds
        kind = {"info": kinds.INFO, "warning": kinds.WARNING, "critical": kinds.FAILURE}[severity]
        with _Said() as said:
            try:
                # Not by an apprise.Apprise: its threads are shared by all addresses, and one that hangs keeps one.
                taken = self._server.notify(body=text, title=title, notify_type=kind)
            except Exception as e:  # noqa: BLE001 a service of apprise that trips over an answer is one that failed
                raise NotifyFailed(f"fault in apprise: {type(e).__name__}") from None
        if not taken:
            raise NotifyFailed(self._clean(said.text))

    def _clean(self, text: str) -> str:
        """What apprise says, without anything that stands in the address."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text or "no reason given"


class _Said(logging.Handler):
    """What apprise warns of in this thread meanwhile."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._thread = threading.get_ident()
        self._lines: list[str] = []

    @property
    def text(self) -> str:
        return "; ".join(self._lines)

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self._lines.append(record.getMessage())

    def __enter__(self) -> "_Said":
        logging.getLogger("apprise").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("apprise").removeHandler(self)
