"""For tests: a hand-made socket.io client over plain HTTP polling, which sends what no browser's page would."""

import json
import urllib.error
import urllib.request
from typing import Any

END = "\x1e"


class Polling:
    """A connection to the dashboard; `urllib.error.HTTPError` when it is refused."""

    def __init__(self, url: str, cookie: str | None) -> None:
        self.base = f"{url}/control/socket.io/?EIO=4&transport=polling"
        self.headers = {"Cookie": f"trackerdcs={cookie}"} if cookie else {}
        self.sid = ""
        self.sid = json.loads(self.get()[1:])["sid"]
        self.post("40")
        self.first = self.get()

    @property
    def connected(self) -> bool:
        """True when the namespace took us: `40`; `44` is a refusal."""
        return self.first.startswith("40")

    def get(self) -> str:
        """What the server has to say, waited for."""
        return self._call(None)

    def post(self, packet: str) -> None:
        self._call(packet.encode())

    def emit(self, *event: Any) -> None:
        self.post(f"42{json.dumps(event)}")

    def _call(self, body: bytes | None) -> str:
        where = f"{self.base}&sid={self.sid}" if self.sid else self.base
        headers = self.headers | ({"Content-Type": "text/plain"} if body else {})
        request = urllib.request.Request(where, body, headers)
        with urllib.request.urlopen(request, timeout=30) as reply:
            return str(reply.read().decode())

    def until(self, word: str, patience: int = 20) -> str:
        """Packets until one holds the word."""
        for _ in range(patience):
            said = self.get()
            if "2" in said.split(END):
                self.post("3")  # its ping
            for packet in said.split(END):
                if word in packet:
                    return packet
        raise AssertionError(f"{word} was not said")


def leads_to(url: str) -> str:
    """Where a browser without a session is sent."""
    request = urllib.request.Request(url, headers={"Accept": "text/html"})
    try:
        urllib.request.build_opener(_Stay).open(request, timeout=10)
    except urllib.error.HTTPError as e:
        return e.headers["Location"]
    return ""


def refused(url: str, cookie: str | None = None, **headers: str) -> int:
    """The status of a request that is not let in; 200 when it is."""
    request = urllib.request.Request(url, headers=headers | ({"Cookie": f"trackerdcs={cookie}"} if cookie else {}))
    opener = urllib.request.build_opener(_Stay)
    try:
        with opener.open(request, timeout=10) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as e:
        return e.code


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None
