"""Calls a watcher elsewhere over HTTP: it misses the calls when the alarm system is dead."""

import http.client
import urllib.error
import urllib.request
from pathlib import Path

from trackerdcs.adapters.logins import secret_in
from trackerdcs.domain.errors import ConfigError, NotifyFailed

ANSWER = 10.0
"""Seconds that an answer may take."""


class HttpWatcher:
    """ports_notify.Watcher. The one line of the file is the address to GET; ConfigError where it is none."""

    def __init__(self, path: Path, field: str) -> None:
        self._url = secret_in(path, field)
        if not self._url.startswith(("http://", "https://")):
            raise ConfigError(f"{field}: the secret {path} is no address of http or https")

    def call(self) -> None:
        try:
            with urllib.request.urlopen(self._url, timeout=ANSWER):
                pass
        except urllib.error.HTTPError as e:
            raise NotifyFailed(f"it answers {e.code}") from None
        except urllib.error.URLError as e:
            why = e.reason.strerror if isinstance(e.reason, OSError) else None
            raise NotifyFailed(why or "no connection") from None
        except OSError as e:
            raise NotifyFailed(e.strerror or "no answer") from None
        except (http.client.HTTPException, ValueError) as e:  # its text would quote the address
            raise NotifyFailed(f"no good answer: {type(e).__name__}") from None
