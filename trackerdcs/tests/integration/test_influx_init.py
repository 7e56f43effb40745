"""`trackerdcs influx-init` on a real InfluxDB: what it makes, that it makes nothing twice, and who may do what then."""

import base64
import json
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import ClassVar

from typer.testing import CliRunner, Result

from trackerdcs.cli.main import app
from trackerdcs.tests.servers import HOST, BlankInfluxd, Influxd, free_port

PASSWORD = "a password of grafana"
DATABASE = "slow-control"


class TestInfluxInit(unittest.TestCase):
    server: ClassVar[Influxd]

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = cls.enterClassContext(Influxd())

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.secrets, self.out = self.folder / "secrets", self.folder / "loader"
        self.secrets.mkdir()
        self.out.mkdir()
        (self.secrets / "admin-token").write_text(f"{Influxd.token}\n")
        (self.secrets / "grafana-password").write_text(f"{PASSWORD}\n")

    def tried(self, *more: str, url: str | None = None) -> Result:
        words = [
            "--url",
            url or self.server.url,
            "--secrets",
            str(self.secrets),
            "--out",
            str(self.out),
            "--org",
            "test",
        ]
        return CliRunner().invoke(app, ["influx-init", *words, *more])

    def run_it(self, *more: str) -> str:
        done = self.tried(*more)
        self.assertEqual(done.exit_code, 0, done.output)
        return done.output

    def token(self) -> str:
        return (self.out / "influx-token").read_text().removesuffix("\n")

    def ask(self, method: str, path: str, token: str, body: bytes | None = None, **query: str) -> tuple[int, str]:
        url = f"{self.server.url}{path}?{urllib.parse.urlencode(query)}"
        # A name and a password are sent as Grafana does.
        word = f"Basic {base64.b64encode(token.encode()).decode()}" if ":" in token else f"Token {token}"
        request = urllib.request.Request(url, body, {"Authorization": word}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as e:
            with e:
                return e.code, e.read().decode()

    def write(self, token: str, bucket: str = DATABASE) -> int:
        line = f"hv,stand=bench v_mon=-50 {time.time_ns()}".encode()
        return self.ask("POST", "/api/v2/write", token, line, org="test", bucket=bucket)[0]

    def influxql(self, query: str, password: str = PASSWORD, db: str = DATABASE) -> tuple[int, str]:
        """As Grafana asks: version 1, with a name and a password."""
        return self.ask("POST", "/query", f"grafana:{password}", b"", db=db, q=query)

    def tokens(self) -> list[dict[str, str]]:
        found = json.loads(self.ask("GET", "/api/v2/authorizations", Influxd.token)[1])["authorizations"]
        return [each for each in found if each["description"] == "trackerdcs loader"]

    def test_from_nothing_and_again(self) -> None:
        said = self.run_it()
        token, mode = self.token(), (self.out / "influx-token").stat().st_mode & 0o777
        self.assertEqual(mode, 0o400)
        self.assertIn("influx-token: made", said)
        again = self.run_it()
        self.assertEqual((self.token(), len(self.tokens())), (token, 1))
        self.assertNotIn("made", again.replace("made, or", ""))
        self.assertNotIn(token, said + again)

    def test_the_loader_writes_and_reads_its_bucket_and_nothing_else(self) -> None:
        self.run_it()
        token = self.token()
        self.assertEqual(self.write(token), 204)
        flux = json.dumps({"query": f'from(bucket: "{DATABASE}") |> range(start: -1m)', "type": "flux"}).encode()
        request = urllib.request.Request(
            f"{self.server.url}/api/v2/query?org=test",
            flux,
            {"Authorization": f"Token {token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as reply:  # for `doctor` and `history`
            self.assertIn(b"v_mon", reply.read())
        self.assertIn(self.write(token, Influxd.bucket), (403, 404))
        buckets = json.loads(self.ask("GET", "/api/v2/buckets", token)[1])["buckets"]
        self.assertEqual([bucket["name"] for bucket in buckets], [DATABASE])
        for path in ("/api/v2/authorizations", "/api/v2/users", "/private/legacy/authorizations"):
            found = json.loads(self.ask("GET", path, token)[1])
            self.assertFalse(found.get("authorizations") or found.get("users"), path)
        org = json.loads(self.ask("GET", "/api/v2/orgs", Influxd.token)[1])["orgs"][0]["id"]
        body = json.dumps({"name": "mine", "orgID": org, "retentionRules": []}).encode()
        self.assertIn(self.ask("POST", "/api/v2/buckets", token, body)[0], (401, 403))

    def test_grafana_reads_by_influxql_and_writes_nothing(self) -> None:
        self.run_it()
        self.assertEqual(self.write(self.token()), 204)
        code, said = self.influxql("SELECT last(v_mon) FROM hv")
        self.assertEqual((code, json.loads(said)["results"][0]["series"][0]["values"][0][1]), (200, -50), said)
        line = f"hv v_mon=1 {time.time_ns()}".encode()
        written = self.ask("POST", "/write", f"grafana:{PASSWORD}", line, db=DATABASE)[0]
        self.assertIn(written, (401, 403))
        self.assertIn(self.write(f"grafana:{PASSWORD}"), (401, 403))
        self.assertEqual(self.influxql("SELECT last(v_mon) FROM hv", "wrong")[0], 401)
        self.assertNotIn("series", self.influxql("SELECT * FROM hv", db=Influxd.bucket)[1])

    def test_each_loader_has_a_token_of_its_own(self) -> None:
        other = self.folder / "loader-b"
        self.run_it("--out", str(other))
        tokens = {self.token(), (other / "influx-token").read_text().removesuffix("\n")}
        self.assertEqual([self.write(token) for token in tokens], [204, 204])
        self.run_it("--out", str(other))
        self.assertEqual({self.token(), (other / "influx-token").read_text().removesuffix("\n")}, tokens)

    def test_a_lost_token_is_replaced_and_works_no_more(self) -> None:
        self.run_it()
        lost = self.token()
        (self.out / "influx-token").unlink()
        self.run_it()
        self.assertNotEqual(self.token(), lost)
        self.assertEqual((self.write(self.token()), self.write(lost), len(self.tokens())), (204, 401, 1))

    def test_what_was_taken_away_comes_back(self) -> None:
        self.run_it()
        former = self.token()
        self.ask("DELETE", f"/api/v2/authorizations/{self.tokens()[0]['id']}", Influxd.token)
        legacy = json.loads(self.ask("GET", "/private/legacy/authorizations", Influxd.token)[1])["authorizations"]
        self.ask("DELETE", f"/private/legacy/authorizations/{legacy[0]['id']}", Influxd.token)
        self.assertEqual(self.write(former), 401)
        self.run_it()
        self.assertEqual(self.write(self.token()), 204)
        self.assertEqual(self.influxql("SHOW MEASUREMENTS")[0], 200)
        body = json.dumps({"status": "inactive"}).encode()
        self.ask("PATCH", f"/api/v2/authorizations/{self.tokens()[0]['id']}", Influxd.token, body)
        self.run_it()
        self.assertEqual(self.write(self.token()), 204)

    def test_a_bucket_that_was_removed_comes_back_with_all_that_belongs_to_it(self) -> None:
        self.run_it()
        bucket = json.loads(self.ask("GET", "/api/v2/buckets", Influxd.token, name=DATABASE)[1])["buckets"][0]
        self.ask("DELETE", f"/api/v2/buckets/{bucket['id']}", Influxd.token)
        self.run_it()
        self.assertEqual(self.write(self.token()), 204)
        self.assertIn("v_mon", self.influxql("SELECT last(v_mon) FROM hv")[1] + self.influxql("SHOW FIELD KEYS")[1])

    def test_the_password_of_grafana_is_the_one_of_the_secret(self) -> None:
        self.run_it()
        (self.secrets / "grafana-password").write_text("another password\n")
        self.run_it()
        self.assertEqual(self.influxql("SHOW MEASUREMENTS", "another password")[0], 200)
        self.assertEqual(self.influxql("SHOW MEASUREMENTS")[0], 401)

    def test_retention(self) -> None:
        def kept() -> list[int]:
            found = json.loads(self.ask("GET", "/api/v2/buckets", Influxd.token, name=DATABASE)[1])["buckets"][0]
            return [rule["everySeconds"] for rule in found["retentionRules"] if rule["everySeconds"]]

        self.run_it("--retention", "forever")
        self.assertEqual(kept(), [])
        self.run_it("--retention", "90d")
        self.assertEqual(kept(), [90 * 86400])
        self.run_it()
        self.assertEqual(kept(), [90 * 86400], "as it was")
        self.run_it("--retention", "forever")
        self.assertEqual(kept(), [])
        self.assertEqual(self.tried("--retention", "long").exit_code, 2)

    def test_a_database_whose_first_start_was_cut_off_is_set_up(self) -> None:
        server = self.enterContext(BlankInfluxd())
        (self.secrets / "admin-password").write_text("a password of admin\n")
        done = self.tried(url=server.url)
        self.assertEqual(done.exit_code, 0, done.output)
        self.assertIn("set up", done.output)
        self.assertNotIn("set up", self.tried(url=server.url).output)
        signed = urllib.request.Request(f"{server.url}/api/v2/signin", b"", method="POST")
        signed.add_header("Authorization", f"Basic {base64.b64encode(b'admin:a password of admin').decode()}")
        with urllib.request.urlopen(signed, timeout=10) as reply:
            self.assertEqual(reply.status, 204)

    def test_what_is_wrong_is_said_in_a_line(self) -> None:
        nowhere = f"http://{HOST}:{free_port()}"
        began = time.monotonic()
        done = self.tried("--wait", "1", url=nowhere)
        self.assertLess(time.monotonic() - began, 5)
        self.assertRegex(done.stderr, rf"^{nowhere}: not reachable: .*refused \(waited 1 s for InfluxDB\)\n$")
        self.assertEqual(done.exit_code, 1)
        done = self.tried("--org", "elsewhere")
        self.assertRegex(done.stderr, r"^org: no organization 'elsewhere' in InfluxDB at \S+\n$")
        self.assertEqual(done.exit_code, 78)
        done = self.tried("--out", str(self.folder / "other" / "loader"))
        self.assertEqual((done.exit_code, done.stderr.partition(":")[0]), (78, "out"))
        (self.secrets / "admin-token").write_text("wrong\n")
        done = self.tried()
        self.assertRegex(done.stderr, rf"^{self.secrets}/admin-token: InfluxDB was set up with another one: .*401.*\n$")
        self.assertEqual(done.exit_code, 78)
        (self.secrets / "admin-token").write_text("")
        done = self.tried()
        self.assertEqual(done.stderr, f"secrets: the secret {self.secrets}/admin-token is empty\n")
        self.assertEqual((done.exit_code, list(self.out.iterdir())), (78, []))


if __name__ == "__main__":
    unittest.main()
