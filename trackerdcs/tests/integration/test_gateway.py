"""The gateway as it is shipped: the real Caddy, the real web service, upstreams that say what reaches them."""

import contextlib
import json
import socket
import ssl
import tempfile
import unittest
import warnings
from pathlib import Path

import httpx
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from trackerdcs.adapters.users_sqlite import SqliteUsers
from trackerdcs.domain.access import Account
from trackerdcs.domain.instrument import ROLES
from trackerdcs.tests.nodered import asked_by_node_red
from trackerdcs.tests.servers import HOST, free_port
from trackerdcs.tests.web_stack import PASSWORD, Gateway, Upstream, WebService, log_in, post
from trackerdcs.web.passwords import hash_password

PAGE = {"Accept": "text/html,application/xhtml+xml"}
FORGED = {
    "X-Webauth-User": "intruder",
    "X-WEBAUTH-ROLE": "Admin",
    "x-webauth-grafana-role": "Admin",
    "X_Webauth_User": "intruder",
    "X-Webauth-Anything": "intruder",
    "X-Webauth-Rights": '{"": "admin"}',
}
MAY = {"grafana": ROLES, "api": ROLES, "control": ROLES[1:], "nodered": ROLES[2:]}


web: WebService
gateway: Gateway


def setUpModule() -> None:
    global web, gateway
    enter = unittest.enterModuleContext
    web = enter(WebService(Path(enter(tempfile.TemporaryDirectory())), free_port(), "--behind-gateway"))
    grafana, nodered = enter(Upstream()), enter(Upstream())
    addresses = {
        "TRACKERDCS_WEB": f"{HOST}:{web.port}",
        "TRACKERDCS_GRAFANA": grafana.address,
        "TRACKERDCS_NODERED": nodered.address,
    }
    gateway = enter(Gateway(addresses))


class BehindTheGateway(unittest.TestCase):
    def client(self, name: str | None = None, host: str = "localhost") -> httpx.Client:
        client = self.enterContext(gateway.client(host))
        if name:
            self.assertEqual(log_in(client, name).status_code, 303)
        return client


class Doors(BehindTheGateway):
    def test_nobody_gets_in_without_a_login(self) -> None:
        client = self.client()
        for area in MAY:
            page = client.get(f"/{area}/x?y=1&z=/", headers=PAGE)
            self.assertEqual(page.status_code, 303)
            self.assertEqual(page.headers["location"], f"/login?next=%2F{area}%2Fx%3Fy%3D1%26z%3D%2F")
            self.assertEqual(client.get(f"/{area}/x").status_code, 401)
            self.assertEqual(client.post(f"/{area}/x", headers=PAGE).status_code, 401)
        self.assertIn("Log in", client.get("/", headers=PAGE, follow_redirects=True).text)

    def test_each_role_gets_where_it_may(self) -> None:
        for role in ROLES:
            client = self.client(role)
            for area, roles in MAY.items():
                path = f"/{area}/me"
                with self.subTest(role=role, area=area):
                    self.assertEqual(client.get(path).status_code, 200 if role in roles else 403)
        refused = self.client("viewer").get("/nodered/", headers=PAGE)
        self.assertIn("needs the role expert", refused.text)
        self.assertIn("admin (admin), expert (expert)", refused.text)

    def test_a_way_round_is_no_way_in(self) -> None:
        client = self.client("shifter")
        for path in (
            "/control/../nodered/flows",
            "/control/%2e%2e/nodered/flows",
            "//nodered/flows",
            "/NodeRED/flows",
            "/%6eodered/flows",
            "/./nodered/flows",
        ):
            with self.subTest(path):
                self.assertEqual(self.raw(client, path), 403)

    def raw(self, client: httpx.Client, path: str) -> int:
        """The status for a path that no well-behaved client would send as it is."""
        cookie = f"trackerdcs={client.cookies['trackerdcs']}"
        head = f"GET {path} HTTP/1.1\r\nHost: localhost:{gateway.port}\r\nCookie: {cookie}\r\n\r\n"
        with (
            socket.create_connection((HOST, gateway.port), 20) as wire,
            gateway.trust().wrap_socket(wire, server_hostname="localhost") as tls,
        ):
            tls.sendall(head.encode())
            return int(tls.recv(1000).split()[1])

    def test_logging_out_closes_every_door(self) -> None:
        client = self.client("admin")
        kept = dict(client.cookies)
        self.assertEqual(client.get("/nodered/").status_code, 200)
        self.assertEqual(post(client, "/logout").status_code, 303)
        client.cookies.update(kept)
        for area in MAY:
            self.assertEqual(client.get(f"/{area}/me").status_code, 401)

    def test_the_questions_of_the_gateway_are_not_for_everybody(self) -> None:
        self.assertEqual(self.client("admin").get("/verify?area=api").status_code, 404)


class Identity(BehindTheGateway):
    def headers(self, client: httpx.Client, path: str, **more: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, value in client.get(path, headers=FORGED | more).json()["headers"]:
            found.setdefault(name.lower(), []).append(value)
        return found

    def test_an_upstream_hears_it_from_the_login_alone(self) -> None:
        for role, path, said in [
            ("viewer", "/grafana/x", "Viewer"),
            ("expert", "/grafana/x", "Editor"),
            ("admin", "/grafana/x", "Admin"),
            ("shifter", "/control/x", "shifter"),
            ("expert", "/nodered/x", "expert"),
        ]:
            with self.subTest(role=role, path=path):
                headers = self.headers(self.client(role), path)
                identity = {name: values for name, values in headers.items() if "webauth" in name}
                self.assertEqual(identity, {"x-webauth-user": [role], "x-webauth-role": [said]})

    def test_a_browser_cannot_take_its_role_off_on_the_way(self) -> None:
        # Grafana keeps the role that it knows of somebody for whom none is said: whoever was an admin would stay one.
        said = "close, X-Webauth-Role, X-Webauth-User"
        headers = self.headers(self.client("viewer"), "/grafana/x", Connection=said)
        self.assertEqual((headers.get("x-webauth-user"), headers.get("x-webauth-role")), (["viewer"], ["Viewer"]))

    def test_somebody_with_a_right_at_one_stand_alone(self) -> None:
        with contextlib.closing(SqliteUsers(web.users_file)) as users:
            users.add(Account("guest", None, {"bench": "shifter"}), hash_password(PASSWORD))
        self.addCleanup(self.forget, "guest")
        client = self.client("guest")
        self.assertEqual(self.headers(client, "/grafana/x")["x-webauth-role"], ["Viewer"])
        self.assertEqual("".join(self.headers(client, "/control/x").get("x-webauth-role", [])), "")
        self.assertEqual(client.get("/nodered/").status_code, 403)
        self.assertEqual(client.get("/api/me", headers=FORGED).json()["rights"], {"bench": "shifter"})
        told = asked_by_node_red(f"http://{HOST}:{web.port}/verify", f"trackerdcs={client.cookies['trackerdcs']}")
        self.assertEqual(told, {"user": "guest", "rights": {"bench": "shifter"}})

    def forget(self, name: str) -> None:
        with contextlib.closing(SqliteUsers(web.users_file)) as users:
            users.remove(name)

    def test_grafana_gets_no_session_and_no_password(self) -> None:
        client = self.client("viewer")
        client.cookies.set("grafana_session", "its-own")
        headers = self.headers(client, "/grafana/x", Authorization="Basic YWRtaW46YWRtaW4=")
        self.assertNotIn("authorization", headers)
        self.assertNotIn("trackerdcs", str(headers["cookie"]))
        self.assertIn("grafana_session=its-own", headers["cookie"][0])
        self.assertIn("trackerdcs=", str(self.headers(self.client("expert"), "/nodered/x")["cookie"]))

    def test_forged_names_do_not_log_in(self) -> None:
        self.assertEqual(self.client().get("/api/me", headers=FORGED).status_code, 401)
        self.assertEqual(self.client("viewer").get("/api/me", headers=FORGED).json()["user"], "viewer")

    def test_an_address_is_the_one_that_the_gateway_saw(self) -> None:
        client = self.client()
        origin = {"Origin": f"https://localhost:{gateway.port}", "X-Forwarded-For": "6.6.6.6"}
        client.post("/login", data={"name": "who", "password": "wrong"}, headers=origin)
        self.assertRegex(web.log(), r"login refused: 'who' from 127\.0\.0\.1")
        self.assertNotIn("6.6.6.6", web.log())


class Sockets(BehindTheGateway):
    def test_a_websocket_needs_the_same_login(self) -> None:
        session = f"trackerdcs={self.client('shifter').cookies['trackerdcs']}"
        path = "/control/socket.io/?EIO=4&transport=websocket"
        opened = gateway.upgrade(path, session)
        self.assertTrue(opened.startswith(b"HTTP/1.1 101 ") and opened.endswith(b"hello"), opened)
        self.assertTrue(gateway.upgrade(path, "").startswith(b"HTTP/1.1 401 "))
        self.assertTrue(gateway.upgrade(path, session + "x").startswith(b"HTTP/1.1 401 "))
        self.assertTrue(gateway.upgrade("/nodered/comms", session).startswith(b"HTTP/1.1 403 "))
        self.assertNotIn("Unsupported upgrade", web.log())

    def test_the_console_hears_the_stands_through_it(self) -> None:
        client = self.client("viewer")
        context = ssl.create_default_context(cafile=str(gateway.directory / "ca.crt"))
        address, site = f"wss://localhost:{gateway.port}/api/live", Origin(f"https://localhost:{gateway.port}")
        cookie = {"Cookie": f"trackerdcs={client.cookies['trackerdcs']}"}
        with connect(address, ssl=context, origin=site, additional_headers=cookie) as live:
            first = json.loads(live.recv(5))
        self.assertEqual((first["whole"], first["stands"]), (True, {"bench": False, "site": False}))
        with self.assertRaises(InvalidStatus) as refused:  # by the gateway: nobody is logged in
            connect(address, ssl=context, origin=site)
        self.assertEqual(refused.exception.response.status_code, 401)


class Wire(BehindTheGateway):
    def test_plain_http_leads_to_https_at_the_same_name(self) -> None:
        for host in ("localhost", HOST, "server.lab", "[::1]"):
            headers = {"Host": f"{host}:{gateway.http_port}"}
            answer = httpx.get(f"http://{HOST}:{gateway.http_port}/grafana/?x=1", headers=headers)
            self.assertEqual(answer.status_code, 308)
            self.assertEqual(answer.headers["location"], f"https://{host}:{gateway.port}/grafana/?x=1")

    def test_every_name_and_address_in_the_certificate_works(self) -> None:
        client = self.client("admin", HOST)
        self.assertEqual(client.get("/api/me").json()["user"], "admin")
        with (
            socket.create_connection((HOST, gateway.port), 20) as wire,
            gateway.trust().wrap_socket(wire, server_hostname="server.lab") as tls,
        ):
            tls.sendall(b"GET /login HTTP/1.1\r\nHost: server.lab\r\n\r\n")
            self.assertTrue(tls.recv(1000).startswith(b"HTTP/1.1 200 "))

    def test_old_tls_is_refused_and_new_is_not(self) -> None:
        def shake(version: ssl.TLSVersion) -> str | None:
            trust = gateway.trust()
            trust.set_ciphers("DEFAULT:@SECLEVEL=0")
            with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
                trust.minimum_version = ssl.TLSVersion.TLSv1
                trust.maximum_version = version
            with (
                socket.create_connection((HOST, gateway.port), 20) as wire,
                trust.wrap_socket(wire, server_hostname="localhost") as tls,
            ):
                return tls.version()

        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            with self.assertRaisesRegex(ssl.SSLError, "PROTOCOL_VERSION"):
                shake(version)
        self.assertEqual(shake(ssl.TLSVersion.TLSv1_2), "TLSv1.2")
        self.assertEqual(shake(ssl.TLSVersion.TLSv1_3), "TLSv1.3")

    def test_what_a_browser_is_told(self) -> None:
        client = self.client(host=HOST)
        for path in ("/login", "/grafana/", "/no-such-page"):
            headers = client.get(path).headers
            self.assertEqual(headers.get_list("strict-transport-security"), ["max-age=31536000"], path)
            self.assertNotIn("server", headers)
        self.assertNotIn("strict-transport-security", self.client().get("/login").headers)
        cookie = log_in(client, "viewer").headers["set-cookie"]
        for flag in ("; Secure", "; HttpOnly", "; SameSite=lax", "; Path=/"):
            self.assertIn(flag, cookie)

    def test_what_is_too_large_is_refused(self) -> None:
        client = self.client("expert")
        path, large = "/nodered/flows", b"x" * (11 << 20)
        self.assertEqual(client.post(path, content=large[: 1 << 20]).json()["bytes"], 1 << 20)
        self.assertIn(client.post(path, content=large).status_code, (413, 502))

    def test_forms_of_other_sites_are_refused(self) -> None:
        client = self.client("admin")
        for origin in ("https://evil.example", f"http://localhost:{gateway.port}", "null"):
            self.assertEqual(client.post("/kill/bench", headers={"Origin": origin}).status_code, 403)


class Down(BehindTheGateway):
    def test_without_the_login_service_nothing_is_open(self) -> None:
        client = self.client("admin", HOST)
        self.assertEqual(client.get("/grafana/").status_code, 200)
        web.kill()
        try:
            for path in ("/grafana/", "/nodered/", "/control/", "/api/me", "/", "/login"):
                answer = client.get(path, headers=PAGE | FORGED)
                self.assertEqual(answer.status_code, 502, path)
                self.assertIn("hardware interlock", answer.text)
                self.assertIn("strict-transport-security", answer.headers)
        finally:
            web.restart()
        self.assertEqual(client.get("/grafana/").status_code, 200, "a session outlives a restart of the service")
