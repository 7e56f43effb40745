"""For tests: the real Node-RED with the control page, and a stand-in for the web service's answer who somebody is."""

import json
import os
import subprocess
import threading
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

from trackerdcs.tests.programs import NODERED, node, require
from trackerdcs.tests.servers import HOST, Server

COOKIE = "trackerdcs"
NEEDED = {"control": "shifter", "nodered": "expert"}
ROLES = ("viewer", "shifter", "expert", "admin")


@dataclass
class Session:
    """Who is logged in under a cookie."""

    user: str
    role: str
    below: dict[str, str] = field(default_factory=dict)
    """Rights at nodes below the site."""

    @property
    def rights(self) -> dict[str, str]:
        return ({"": self.role} if self.role else {}) | self.below


class Verify:
    """Answers `/verify` as the web service does; `sessions` may be changed at any time, `stop` makes it silent."""

    def __init__(self) -> None:
        self.sessions: dict[str, Session] = {}
        self.asked = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                status, headers = outer.answer(self.path, self.headers.get("Cookie", ""), self.headers)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self.port = self._server.server_port
        self._handler = Handler
        self._serve()

    def answer(self, path: str, cookie: str, headers: object) -> tuple[int, dict[str, str]]:
        area = parse_qs(urlsplit(path).query)["area"][0]
        morsel = SimpleCookie(cookie).get(COOKIE)
        session = self.sessions.get(morsel.value) if morsel else None
        if session is None:
            html = "text/html" in str(headers.get("Accept"))  # type: ignore[attr-defined]
            uri = headers.get("X-Forwarded-Uri")  # type: ignore[attr-defined]
            return (303, {"Location": f"/login?next={uri}"}) if html else (401, {})
        held = [session.role] if area == "nodered" else session.rights.values()
        if not any(role in ROLES and ROLES.index(role) >= ROLES.index(NEEDED[area]) for role in held):
            return 403, {}
        said = {"User": session.user, "Role": session.role, "Rights": json.dumps(session.rights)}
        return 200, {f"X-Webauth-{name}": value for name, value in said.items()}

    def login(self, user: str, role: str = "shifter", below: dict[str, str] | None = None) -> str:
        """A new session: its cookie's value. `role` may be empty: none on the site."""
        value = f"session-of-{user}-{len(self.sessions)}"
        self.sessions[value] = Session(user, role, below or {})
        return value

    def _serve(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Nobody listens any more."""
        self._server.shutdown()
        self._server.server_close()

    def restart(self) -> None:
        self._server = ThreadingHTTPServer((HOST, self.port), self._handler)
        self._serve()


def node_or_skip() -> Path:
    """Node.js; without it the test is skipped, or fails under TRACKERDCS_REQUIRE_SERVERS=1."""
    if program := node():
        return program
    require("nodered")
    raise AssertionError("unreachable")


def asked_by_node_red(url: str, cookie: str) -> dict[str, Any]:
    """What the code of Node-RED makes of the answer of a web service: user and rights."""
    program = """const { Login } = require('./server/login.js'), [url, cookie] = process.argv.slice(1);
        const told = ({ user, rights }) => console.log(JSON.stringify({ user, rights }));
        new Login(url).ask(cookie, 'control').then(told);"""
    command = [str(node_or_skip()), "-e", program, url, cookie]
    done = subprocess.run(command, cwd=NODERED, capture_output=True, text=True, timeout=30, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


class NodeRed(Server):
    """Node-RED as the container runs it: `main.js`, secrets in files, its data in a folder of its own."""

    start_timeout_s = 60.0

    def __init__(self, broker_port: int, verify: Verify, password: str = "a password") -> None:
        self._modules = require("nodered")
        self._broker_port, self._verify, self._password = broker_port, verify, password
        super().__init__()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def secrets(self) -> Path:
        return self.directory / "secrets"

    def environment(self) -> dict[str, str]:
        return os.environ | {
            "TRACKERDCS_SECRETS": str(self.secrets),
            "TRACKERDCS_DATA": str(self.data),
            "TRACKERDCS_MODULES": str(self._modules),
            "TRACKERDCS_MQTT_HOST": HOST,
            "TRACKERDCS_MQTT_PORT": str(self._broker_port),
            "TRACKERDCS_LOGIN": "http://login.example/login",
            "TRACKERDCS_VERIFY": f"http://{HOST}:{self._verify.port}/verify",
            "TRACKERDCS_LISTEN": HOST,
            "TRACKERDCS_PORT": str(self.port),
        }

    def _command(self) -> list[str]:
        self.data.mkdir(exist_ok=True)
        (self.secrets / "mqtt").mkdir(parents=True, exist_ok=True)
        (self.secrets / "credential-secret").write_text("a secret of this test\n")
        (self.secrets / "mqtt" / "nodered").write_text(f"{self._password}\n")
        variables = [f"{key}={value}" for key, value in self.environment().items() if key.startswith("TRACKERDCS_")]
        return ["/usr/bin/env", *variables, str(node()), str(NODERED / "main.js")]

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.url}/healthz", timeout=1) as reply:
                return bool(json.load(reply)["ok"])
        except OSError:
            return False
