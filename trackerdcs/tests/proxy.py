"""A TCP proxy between a client and its server, to break the connection of this client alone."""

import asyncio
import socket


class Proxy:
    """Listens on a free port of 127.0.0.1 for as long as the event loop runs. `mute` swallows what the server says."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._to = host, port
        self.mute = False
        self._transports: set[asyncio.Transport] = set()
        listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = listener.getsockname()[1]
        self._task = asyncio.create_task(self._serve(listener))

    async def _serve(self, listener: socket.socket) -> None:
        async with await asyncio.start_server(self._accept, sock=listener) as server:
            await server.serve_forever()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._transports.add(writer.transport)  # type: ignore[arg-type]
        try:
            far_reader, far_writer = await asyncio.open_connection(self._host, self._to)
        except OSError:
            writer.transport.abort()
            return
        self._transports.add(far_writer.transport)  # type: ignore[arg-type]
        await asyncio.gather(self._pump(reader, far_writer, False), self._pump(far_reader, writer, True))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, from_server: bool) -> None:
        try:
            while data := await reader.read(65536):
                if not (from_server and self.mute):
                    writer.write(data)
                    await writer.drain()
        except OSError:
            writer.transport.abort()
        writer.close()

    def cut(self) -> None:
        """Reset all connections, on both sides."""
        for transport in self._transports:
            transport.abort()
        self._transports.clear()

    async def close(self) -> None:
        """Stop listening and reset what is left."""
        self.cut()
        self._task.cancel()
        await asyncio.wait({self._task})
