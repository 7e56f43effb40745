"""What the hardened TCP link costs: its query against a bare socket's, to the same echo server in another process.

Run: .venv/bin/python bench/link.py
"""

import multiprocessing
import socket
import statistics
import time
from collections.abc import Callable

from trackerdcs.domain.resource import Wire
from trackerdcs.domain.stand import LinkConfig
from trackerdcs.services.links import open_link

ROUNDS, QUERIES = 21, 2000
COMMAND = "MEAS:VOLT? (@0)"


def echo(listener: socket.socket) -> None:
    """Answer every line with itself; one client after the other, so both are measured alone."""
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while data := connection.recv(4096):
                connection.sendall(data)
        except ConnectionResetError:
            connection.close()


def microseconds(query: Callable[[], object]) -> float:
    """Time of one query, the mean over many."""
    began = time.perf_counter()
    for _ in range(QUERIES):
        query()
    return (time.perf_counter() - began) / QUERIES * 1e6


def bare(port: int) -> float:
    """The least that a query needs: send, then receive until the line end."""
    with socket.create_connection(("127.0.0.1", port), 1.0) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def query() -> str:
            connection.sendall(COMMAND.encode() + b"\n")
            reply = b""
            while not reply.endswith(b"\n"):
                reply += connection.recv(4096)
            return reply[:-1].decode()

        return microseconds(query)


def hardened(port: int, backend: str) -> float:
    """The same through open_link."""
    link = open_link(LinkConfig(resource=f"TCPIP::127.0.0.1::{port}::SOCKET", backend=backend), Wire())  # type: ignore[arg-type]
    link.connect()
    try:
        return microseconds(lambda: link.query(COMMAND))
    finally:
        link.drop()


def main() -> None:
    """Rounds of each kind by turns, so that a busy machine disturbs all alike."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = multiprocessing.Process(target=echo, args=(listener,), daemon=True)
        server.start()
        port = listener.getsockname()[1]
        rounds = [(bare(port), hardened(port, "native")) for _ in range(ROUNDS)]
        visa = statistics.median(hardened(port, "visa") for _ in range(3))
        server.terminate()
    ratio = statistics.median(own / raw for raw, own in rounds)
    raw, own = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"bare socket {raw:.0f} us, own link {own:.0f} us, median ratio {ratio:.2f}; through pyvisa-py {visa:.0f} us")


if __name__ == "__main__":
    main()
