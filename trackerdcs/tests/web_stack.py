"""For tests: the real web service, the real gateway in front of it, and upstreams that say what reached them."""

import base64
import hashlib
import http.server
import ipaddress
import json
import os
import socket
import ssl
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from trackerdcs.adapters.users_sqlite import SqliteUsers
from trackerdcs.domain.access import Account
from trackerdcs.domain.instrument import ROLES
from trackerdcs.tests.servers import HOST, Server, free_port
from trackerdcs.tests.service import TRACKERDCS, Service
from trackerdcs.web.passwords import hash_password

CADDY = str(Path(sys.executable).with_name("caddy"))
CADDYFILE = Path(__file__).parents[2] / "gateway" / "Caddyfile"
PASSWORD = "correct horse battery"
STAND = """
stand: {name}
bus: {{kind: mqtt, host: 127.0.0.1, port: {port}}}
users: {{web: expert}}
devices: {{hv1: {{driver: iseg_shr, sim: true, link: {{resource: "TCPIP::127.0.0.1::9::SOCKET"}}}}}}
"""


def make_certificates(folder: Path) -> None:
    """ca.crt of a CA of our own, and server.crt and server.key that it signed for this computer."""

    def name(common: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])

    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    begun = x509.CertificateBuilder().not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=9))
    ca = (
        begun.subject_name(name("test CA"))
        .issuer_name(name("test CA"))
        .public_key(ca_key.public_key())
        .serial_number(1)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    names = [x509.DNSName("localhost"), x509.DNSName("server.lab"), x509.IPAddress(ipaddress.ip_address(HOST))]
    server = (
        begun.subject_name(name("localhost"))
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(2)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "ca.crt").write_bytes(ca.public_bytes(pem))
    (folder / "server.crt").write_bytes(server.public_bytes(pem))
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "server.key").write_bytes(key.private_bytes(pem, *plain))


class Upstream:
    """Answers every request with what it got, as JSON, and takes websockets; their first bytes come back."""

    def __init__(self) -> None:
        self.server = _Quiet((HOST, 0), _Echo)
        self.address = f"{HOST}:{self.server.server_address[1]}"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


class _Quiet(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A gateway that breaks off is what some tests are about."""


class _Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.headers.get("Upgrade", "").lower() == "websocket":
            return self._websocket()
        said = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.dumps({"path": self.path, "headers": self.headers.items(), "bytes": len(said)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def _websocket(self) -> None:
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.wfile.write(self.rfile.read(5))
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


class WebService(Service):
    """`trackerdcs web` with a stand `bench`, or that of the text `stand`, and a user of each role, called as the role;
    without `users` only the first admin."""

    def __init__(
        self, folder: Path, broker_port: int, *options: str, stand: str | None = None, users: bool = True
    ) -> None:
        self.folder, self.users_file, self.options = folder, folder / "users.sqlite", options
        (folder / "stands").mkdir(parents=True)
        (folder / "stands" / "bench.yaml").write_text(stand or STAND.format(name="bench", port=broker_port))
        (folder / "secrets").mkdir()
        hash = hash_password(PASSWORD)
        for name, text in {"session-key": "k" * 40, "first-admin": hash}.items():
            (folder / "secrets" / name).write_text(text)
        if users:
            file = SqliteUsers(self.users_file)
            for role in ROLES:
                file.add(Account(role, role), hash)
            file.close()
        super().__init__([], "web: listening at")

    def _command(self) -> list[str]:
        files = [
            str(self.folder / "stands"),
            "--users",
            str(self.users_file),
            "--secrets",
            str(self.folder / "secrets"),
        ]
        self.command = [TRACKERDCS, "web", *files, "--port", str(self.port), *self.options]
        return super()._command()

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"


class Gateway(Server):
    """The real Caddy with the Caddyfile that is shipped."""

    def __init__(self, upstreams: Mapping[str, str]) -> None:
        self._upstreams, self.http_port = upstreams, free_port()
        super().__init__()

    def _command(self) -> list[str]:
        if not (self.directory / "server.crt").exists():
            make_certificates(self.directory)
        settings = {
            "TRACKERDCS_BIND": HOST,
            "TRACKERDCS_HTTPS_LISTEN": self.port,
            "TRACKERDCS_HTTPS_PORT": self.port,
            "TRACKERDCS_HTTP_LISTEN": self.http_port,
            "TRACKERDCS_CERTS": self.directory,
            **self._upstreams,
        }
        start = [CADDY, "run", "--config", str(CADDYFILE), "--adapter", "caddyfile"]
        return ["env", *(f"{key}={value}" for key, value in settings.items()), *start]

    def trust(self) -> ssl.SSLContext:
        """What a browser knows that trusts our CA and nothing else."""
        return ssl.create_default_context(cafile=self.directory / "ca.crt")

    def client(self, host: str = "localhost") -> httpx.Client:
        return httpx.Client(base_url=f"https://{host}:{self.port}", verify=self.trust(), timeout=20)

    def upgrade(self, path: str, cookie: str) -> bytes:
        """What the other side says to the question for a websocket, and to `hello` behind it."""
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: localhost:{self.port}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key}",
            f"Cookie: {cookie}",
        ]
        with (
            socket.create_connection((HOST, self.port), 20) as wire,
            self.trust().wrap_socket(wire, server_hostname="localhost") as tls,
        ):
            tls.sendall("\r\n".join([*lines, "", ""]).encode())
            answer = tls.recv(4000)
            if b" 101 " in answer:
                tls.sendall(b"hello")
                while not answer.endswith(b"hello"):
                    answer += tls.recv(100)
            return answer


def log_in(client: httpx.Client, name: str, password: str = PASSWORD, next: str = "/") -> httpx.Response:
    """As the login page does it."""
    return post(client, "/login", {"name": name, "password": password, "next": next})


def post(client: httpx.Client, path: str, form: Mapping[str, str] | None = None) -> httpx.Response:
    """A form of a page of the same site."""
    origin = str(client.base_url).rstrip("/")
    return client.post(path, data=form or {}, headers={"Origin": origin})
