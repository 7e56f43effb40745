"""Sets up an InfluxDB 2 through its HTTP interface: bucket, tokens, and what InfluxQL needs. Nothing twice."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from http import HTTPStatus
from typing import Any

from trackerdcs.domain.errors import ConfigError, StoreDown

TIMEOUT_S = 10.0
LOOK_S = 0.5
LEGACY = "/private/legacy/authorizations"
"""Users with a password, as InfluxDB 1 had them: InfluxQL knows no other ones."""
_OPEN = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
"""The server is beside us: what the environment says of proxies is for other places."""

Answer = dict[str, Any]


class InfluxSetup:
    """One server and one organization, with the token of its administrator."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url.rstrip("/"), token

    def wait(self, patience: float) -> None:
        """Return when the server is ready; StoreDown after so many seconds."""
        deadline = time.monotonic() + patience
        while True:
            try:
                if self._ask("GET", "/health").get("status") == "pass":
                    return
                why = f"{self._url}: not ready"
            except StoreDown as e:
                why = str(e)
            if time.monotonic() > deadline:
                raise StoreDown(f"{why} (waited {patience:g} s for InfluxDB)")
            time.sleep(LOOK_S)

    def blank(self) -> bool:
        """True for a server that nobody has set up: no user, no organization, no token."""
        return bool(self._ask("GET", "/api/v2/setup").get("allowed"))

    def begin(self, user: str, password: str, org: str, bucket: str) -> None:
        """Set up a blank server with our token as its administrator's."""
        body = {"username": user, "password": password, "org": org, "bucket": bucket, "token": self._token}
        self._ask("POST", "/api/v2/setup", body=body)

    def org(self, name: str) -> str:
        """The id of an organization. ConfigError if it is not there, Refused if the token is no good."""
        found = self._ask("GET", "/api/v2/orgs", {"org": name}, lacking={"orgs": []})["orgs"]
        if not found:
            raise ConfigError(f"org: no organization {name!r} in InfluxDB at {self._url}")
        return str(found[0]["id"])

    def bucket(self, org: str, name: str, retention_s: int | None) -> tuple[str, bool]:
        """The id of a bucket, made if it is missing, and whether anything was changed.

        It keeps values for `retention_s`, for ever with 0. None: as it does; a new one for ever.
        """
        found = self._ask("GET", "/api/v2/buckets", {"orgID": org, "name": name}, lacking={"buckets": []})["buckets"]
        rules = [{"type": "expire", "everySeconds": retention_s or 0}]  # an empty list would change nothing
        if not found:
            body = {"orgID": org, "name": name, "retentionRules": rules}
            return str(self._ask("POST", "/api/v2/buckets", body=body)["id"]), True
        kept = max((rule["everySeconds"] for rule in found[0]["retentionRules"]), default=0)
        if changed := retention_s is not None and retention_s != kept:
            self._ask("PATCH", f"/api/v2/buckets/{found[0]['id']}", body={"retentionRules": rules})
        return str(found[0]["id"]), changed

    def works(self, token: str, org: str, bucket: str, writes: bool = True) -> bool:
        """True if this token may see the bucket, and write to it (or must not)."""
        other = InfluxSetup(self._url, token)
        try:
            if other._may_write(org, bucket) is not writes:
                return False
            return bool(other._ask("GET", "/api/v2/buckets", {"id": bucket})["buckets"])
        except Refused as e:
            if e.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                return False
            raise

    def _may_write(self, org: str, bucket: str) -> bool:
        try:
            self._ask("POST", "/api/v2/write", {"org": org, "bucket": bucket}, body=b"# nothing\n")
        except Refused as e:
            if e.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            return False
        return True

    def new_token(self, org: str, bucket: str, description: str, writes: bool = True) -> str:
        """A token for this bucket alone, to read and (if `writes`) to write; former ones of this description are no
        more."""
        for former in self._ask("GET", "/api/v2/authorizations", {"orgID": org})["authorizations"]:
            if former["description"] == description:
                self._ask("DELETE", f"/api/v2/authorizations/{former['id']}")
        permissions = [_permission(action, org, bucket) for action in ("write", "read")[not writes :]]
        body = {"orgID": org, "description": description, "permissions": permissions}
        return str(self._ask("POST", "/api/v2/authorizations", body=body)["token"])

    def database(self, org: str, bucket: str, name: str) -> bool:
        """See that InfluxQL finds the bucket as the database `name`; whether anything was changed."""
        found = self._ask("GET", "/api/v2/dbrps", {"orgID": org, "db": name})["content"]
        there = [each for each in found if not each.get("virtual")]
        if any(each["bucketID"] == bucket and each["default"] for each in there):
            return False
        for each in there:  # of a bucket that is no more
            self._ask("DELETE", f"/api/v2/dbrps/{each['id']}", {"orgID": org})
        body = {"orgID": org, "bucketID": bucket, "database": name, "retention_policy": "autogen", "default": True}
        self._ask("POST", "/api/v2/dbrps", body=body)
        return True

    def reader(self, org: str, bucket: str, name: str, password: str) -> bool:
        """See that a user may read the bucket, and nothing else, by InfluxQL; whether he is new."""
        wanted = _permission("read", org, bucket)["resource"]["id"]
        found = self._ask("GET", LEGACY, {"orgID": org})["authorizations"]
        mine = [each for each in found if each["token"] == name]
        good = [each for each in mine if each["status"] == "active" and _reads(each) == [("read", wanted)]]
        for each in mine if not good else []:
            self._ask("DELETE", f"{LEGACY}/{each['id']}")
        if new := not good:
            body = {
                "orgID": org,
                "token": name,
                "description": f"trackerdcs {name}",
                "permissions": [_permission("read", org, bucket)],
            }
            good = [self._ask("POST", LEGACY, body=body)]
        self._ask("POST", f"{LEGACY}/{good[0]['id']}/password", body={"password": password})
        return new

    def _ask(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: Answer | bytes | None = None,
        lacking: Answer | None = None,
    ) -> Answer:
        """The answer; `lacking` is what 404 means. Refused where the server says no, StoreDown without an answer."""
        url = f"{self._url}{path}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Authorization": f"Token {self._token}"}, method=method)
        try:
            with _OPEN(request, timeout=TIMEOUT_S) as reply:
                return _object(reply.read())
        except urllib.error.HTTPError as e:
            with e:
                said = _object(e.read()).get("message") or e.reason
            if e.code == HTTPStatus.NOT_FOUND and lacking is not None:
                return lacking
            raise Refused(f"{self._url}: {method} {path}: {e.code} {said}", e.code) from e
        except OSError as e:
            raise StoreDown(f"{self._url}: not reachable: {getattr(e, 'reason', e)}") from e


class Refused(StoreDown):
    """The server says no; its status says why."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


def _object(raw: bytes) -> Answer:
    try:
        found = json.loads(raw)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _permission(action: str, org: str, bucket: str) -> Answer:
    return {"action": action, "resource": {"type": "buckets", "id": bucket, "orgID": org}}


def _reads(authorization: Answer) -> list[tuple[str, str | None]]:
    return [(each["action"], each["resource"].get("id")) for each in authorization["permissions"]]
