"""For tests: a mail server and a server of web hooks on 127.0.0.1 that keep what they get, refuse it, or hang."""

import email
import json
import logging
import socket
import threading
from collections.abc import Callable
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from trackerdcs.tests.servers import HOST, free_port

PASSWORD = "sesame-of-mail"
TOKEN = "3ccdd113474722377935511fc85d3dd4"


class MailServer:
    """Takes mail of who logs in with the password."""

    def __init__(self) -> None:
        self.port, self.mails, self.refuse = free_port(), list[Message](), False
        self._controller = Controller(
            self, hostname=HOST, port=self.port, authenticator=self._login, auth_require_tls=False
        )
        self._controller.start()
        logging.getLogger("mail.log").setLevel(logging.ERROR)

    @property
    def url(self) -> str:
        return f"mailto://dcs:{PASSWORD}@{HOST}:{self.port}?from=dcs@lab.example&to=shift@lab.example"

    def subjects(self) -> list[str]:
        return [str(mail["Subject"]) for mail in self.mails]

    def texts(self) -> list[str]:
        """Of all parts of all mails."""
        parts = [part for mail in self.mails for part in mail.walk() if not part.is_multipart()]
        return [bytes(part.get_payload(decode=True)).decode() for part in parts]

    def stop(self) -> None:
        self._controller.stop()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.refuse:
            return "451 come again later"
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.append(email.message_from_bytes(content))
        return "250 taken"

    def _login(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == PASSWORD.encode())


class HookServer:
    """Takes what ntfy, Mattermost and a watcher are sent: (path, body). `answer` may hang, or change the status."""

    def __init__(self, port: int = 0) -> None:
        self.got: list[tuple[str, dict[str, Any]]] = []
        self.status = 200
        self.let_go = threading.Event()
        self.let_go.set()
        self._server = ThreadingHTTPServer((HOST, port), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def ntfy(self) -> str:
        return f"ntfy://{HOST}:{self.port}/secret-topic"

    @property
    def mattermost(self) -> str:
        return f"mmost://{HOST}:{self.port}/{TOKEN}"

    @property
    def alive(self) -> str:
        return f"http://{HOST}:{self.port}/ping/{TOKEN}"

    def titles(self) -> list[str]:
        """Of what ntfy was sent."""
        return [str(body["title"]) for _, body in self.got if "title" in body]

    def calls(self) -> int:
        """Of the watcher."""
        return sum(path.startswith("/ping/") for path, _ in self.got)

    def stop(self) -> None:
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> Callable[..., BaseHTTPRequestHandler]:
        office = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                office.let_go.wait(60)
                if office.status == 200:
                    office.got.append((self.path, json.loads(body) if body else {}))
                self.send_response(office.status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_GET = do_POST

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


class Mute:
    """A port that takes connections and never says a word."""

    def __init__(self) -> None:
        self._socket = socket.create_server((HOST, 0))
        self.port = int(self._socket.getsockname()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
