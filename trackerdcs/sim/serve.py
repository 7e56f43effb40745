"""A simulated instrument behind a real TCP port, and the faults that it is given."""

import asyncio
import socket
import struct
from types import TracebackType
from typing import Any, Self, cast

from trackerdcs.sim.faults import FAULTS, Faults, Value, checked
from trackerdcs.sim.instrument import Instrument
from trackerdcs.sim.session import Session

RESET, NO_RESET = struct.pack("ii", 1, 0), struct.pack("ii", 0, 0)  # what SO_LINGER makes of a close


class SimServer:
    """One instrument on one port: `async with` opens it."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument, self.faults = instrument, Faults()

    @property
    def resource(self) -> str:
        """The VISA resource string under which a driver reaches it."""
        raise NotImplementedError

    async def open(self) -> None:
        """Begin to listen; OSError if the address is taken."""
        raise NotImplementedError

    async def close(self) -> None:
        """Cut every connection and leave the address."""
        raise NotImplementedError

    def cut(self) -> None:
        """Reset every connection."""
        raise NotImplementedError

    async def fault(self, name: str, times: int | None = 1, args: dict[str, Value] | None = None) -> None:
        """Do a fault now, or `times` times from now on (None: until cleared); ValueError for what is not known."""
        args = checked(name, times, args or {})
        spec = FAULTS[name]
        match name:
            case "trip":
                self.instrument.trip(str(args["channel"]))
            case "front_panel":
                channel = str(args.pop("channel"))
                self.instrument.front_panel(channel, {k: v for k, v in args.items() if not isinstance(v, str)})
            case "brown_out":
                self.instrument.brown_out()
                self.cut()
            case "interlock":
                self.instrument.interlock(True)
            case "sensor":
                self.instrument.fail_sensor(True)
            case "stuck":
                self.instrument.stuck = True
            case "offset":
                self.instrument.offset(str(args["channel"]), str(args["quantity"]), float(args["by"]))
            case "ignore_set":
                self.instrument.ignores_orders = True
        if not spec.at_once:
            self.faults.arm(name, times if spec.counted else None, args)
        if name == "refuse":
            await self.close()

    async def clear(self, name: str | None = None) -> None:
        """End a fault, or all of them."""
        if name is not None and name not in FAULTS:
            checked(name, None, {})
        active = self.faults.active()
        for each in active if name is None else {name} & active.keys():
            match each:
                case "interlock":
                    self.instrument.interlock(False)
                case "sensor":
                    self.instrument.fail_sensor(False)
                case "stuck":
                    self.instrument.stuck = False
                case "offset":
                    self.instrument.offsets.clear()
                case "ignore_set":
                    self.instrument.ignores_orders = False
                case "refuse":
                    await self.open()
            self.faults.clear(each)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class TcpServer(SimServer):
    """An instrument on a TCP port; port 0 takes a free one."""

    def __init__(self, instrument: Instrument, port: int = 0, host: str = "127.0.0.1") -> None:
        super().__init__(instrument)
        self.host, self.port = host, port
        self.clients: set[_Client] = set()
        self._listener: socket.socket | None = None
        self._arriving: set[asyncio.Task[Any]] = set()

    @property
    def resource(self) -> str:
        return f"TCPIP::{self.host}::{self.port}::SOCKET"

    async def open(self) -> None:
        self._listener = socket.create_server((self.host, self.port))
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        asyncio.get_running_loop().add_reader(self._listener, self._accept, self._listener)

    def _accept(self, listener: socket.socket) -> None:
        # An asyncio.Server that is closed just after it has accepted leaves that client connected to nobody.
        loop = asyncio.get_running_loop()
        try:
            client, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # it has gone again
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        arrival = loop.create_task(loop.connect_accepted_socket(lambda: _Client(self), client))
        self._arriving.add(arrival)
        arrival.add_done_callback(self._arriving.discard)

    async def close(self) -> None:
        if self._listener:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        await asyncio.gather(*self._arriving, return_exceptions=True)
        sessions = [client.session for client in self.clients]
        self.cut()
        await asyncio.gather(*(session.finish() for session in sessions))

    def cut(self) -> None:
        for client in list(self.clients):
            client.hang_up(True)


class _Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, server: TcpServer) -> None:
        self._server = server
        self.session = Session(server.instrument, server.faults, self._write, self.hang_up)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        most = self._server.instrument.max_clients
        if most is not None and len(self._server.clients) >= most:
            # The reset of the connection before may be waiting in the same turn of the loop.
            asyncio.get_running_loop().call_later(0.02, self._crowded, most)
        self._server.clients.add(self)
        self.session.opened()

    def _crowded(self, most: int) -> None:
        if len(self._server.clients) > most:
            self.hang_up(False)

    def data_received(self, data: bytes) -> None:
        self.session.feed(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.clients.discard(self)
        self.session.end()

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    def hang_up(self, reset: bool) -> None:
        if reset:
            self._transport.abort()
        else:
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_RESET)
            self._transport.close()
