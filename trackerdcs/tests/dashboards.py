"""For tests: the committed dashboards, their queries as Grafana sends them, and the answers as it names them."""

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import Template
from typing import Any

from trackerdcs.tests.documents import ROOT

GRAFANA = ROOT / "grafana"
ALL = ".*"
Values = list[tuple[int, Any]]


def boards() -> dict[str, dict[str, Any]]:
    """The committed dashboards by file name."""
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in (GRAFANA / "dashboards").glob("*.json")}


@dataclass(frozen=True)
class Question:
    """One query of a dashboard; `unit` is that of its panel, None for annotations and variables."""

    place: str
    text: str
    alias: str = ""
    unit: str | None = None
    step: str | None = None
    table: bool = False


def questions(board: Mapping[str, Any]) -> Iterator[Question]:
    """All queries of a dashboard: variables, annotations, panels."""
    uid = board["uid"]
    for variable in board["templating"]["list"]:
        yield Question(f"{uid}: variable {variable['name']}", variable["query"])
    for annotation in board.get("annotations", {}).get("list", []):
        yield Question(f"{uid}: annotation {annotation['name']}", annotation["target"]["query"])
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield Question(
                f"{uid}: {panel['title']}: {target['refId']}",
                target["query"],
                target["alias"],
                panel["fieldConfig"]["defaults"]["unit"],
                panel.get("interval"),
                target["resultFormat"] == "table",
            )


def filled(text: str, chosen: Mapping[str, Sequence[str]], window: tuple[int, int], step: str) -> str:
    """A query with what Grafana puts in; `window` in ms UTC. A variable that nobody has chosen is an error."""
    text = text.replace("$timeFilter", f"time >= {window[0]}ms and time <= {window[1]}ms")
    text = re.sub(r"\$\{(\w+):regex\}", lambda match: _regex(chosen[match[1]]), text)
    text = text.replace("$__interval", step)
    if "$" in re.sub(r"\$/", "", text):
        raise AssertionError(f"not all is filled in: {text}")
    return text


def _regex(values: Sequence[str]) -> str:
    """As Grafana's format `regex` does: `All` is taken as it stands, everything else is escaped."""
    if list(values) == [ALL]:
        return ALL
    escaped = [re.sub(r"[\\^$*+?.()|\[\]{}/]", r"\\\g<0>", value) for value in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def named(question: Question, result: Mapping[str, Any]) -> dict[str, Values]:
    """The lines of an answer by their names in the legend: pairs of ms and value, None where there was nothing."""
    lines: dict[str, Values] = {}
    for series in result.get("series", []):
        for place, column in enumerate(series["columns"][1:], 1):  # behind the time, or the key of a tag's values
            known = {"col": column, "m": series["name"]} | {f"tag_{k}": v for k, v in series.get("tags", {}).items()}
            name = Template(question.alias).substitute(known) or column
            if question.alias and name in lines:
                raise AssertionError(f"{question.place}: two lines are called {name!r}")
            lines.setdefault(name, []).extend((row[0], row[place]) for row in series["values"])
    return lines


class Database:
    """InfluxDB as Grafana's data source reaches it: InfluxQL, a database by name, a user who may only read."""

    name, user, password = "slow-control", "grafana", "grafana-password"

    def __init__(self, url: str, org: str, bucket: str, token: str) -> None:
        self._url, self._token = url, token
        org_id = self._call(f"/api/v2/orgs?org={org}")["orgs"][0]["id"]
        bucket_id = self._call(f"/api/v2/buckets?name={bucket}")["buckets"][0]["id"]
        place = {"orgID": org_id, "bucketID": bucket_id, "database": self.name}
        self._call("/api/v2/dbrps", place | {"retention_policy": "autogen", "default": True})
        resource = {"type": "buckets", "id": bucket_id, "orgID": org_id}
        rights = {"orgID": org_id, "permissions": [{"action": "read", "resource": resource}], "token": self.user}
        made = self._call("/private/legacy/authorizations", rights)
        self._call(f"/private/legacy/authorizations/{made['id']}/password", {"password": self.password})

    def ask(self, query: str) -> dict[str, Any]:
        """The one result of a query; AssertionError with what the database says against it."""
        told = {"db": self.name, "q": query, "epoch": "ms", "u": self.user, "p": self.password}
        request = urllib.request.Request(f"{self._url}/query?{urllib.parse.urlencode(told)}", method="POST")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                (result,) = json.load(answer)["results"]
        except urllib.error.HTTPError as e:
            raise AssertionError(f"{query}: {e.code} {e.read()[:400]!r}") from e
        if "error" in result:
            raise AssertionError(f"{query}: {result['error']}")
        return dict(result)

    def _call(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Token {self._token}", "Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(self._url + path, data, headers), timeout=30) as answer:
            return dict(json.loads(answer.read() or b"{}"))
