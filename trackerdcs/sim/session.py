"""One conversation with a simulated instrument: lines in, replies out, and the faults between."""

import asyncio
from collections.abc import Callable

from trackerdcs.sim.faults import Faults
from trackerdcs.sim.instrument import Instrument
from trackerdcs.sim.talker import Talker

GARBAGE = b"\xff\xfe\x00\xa7?#"


class Session:
    """`write` sends bytes, `hang_up(reset)` ends the connection. What has arrived is executed, client or not."""

    def __init__(
        self,
        instrument: Instrument,
        faults: Faults,
        write: Callable[[bytes], None],
        hang_up: Callable[[bool], None],
        serial: bool = False,
    ) -> None:
        self._instrument, self._faults = instrument, faults
        self._write, self._hang_up = write, hang_up
        self._echo = serial and instrument.echoes_on_serial
        self._rest = b""
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._tasks = [asyncio.create_task(self._listen())]

    def feed(self, data: bytes) -> None:
        """Bytes have arrived."""
        if self._echo and not self._faults.hangs:
            self._write(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._lines.put_nowait(line)

    def opened(self) -> None:
        """A client is there: an instrument that talks starts anew, as a board does that is reset by the opening."""
        if isinstance(self._instrument, Talker):
            self._tasks.append(asyncio.create_task(self._talk(self._instrument)))

    def closed(self) -> None:
        """The client has gone."""
        while len(self._tasks) > 1:
            self._tasks.pop().cancel()

    def end(self) -> None:
        """No more lines will come; those that are here are still executed."""
        self.closed()
        self._lines.put_nowait(None)

    async def finish(self) -> None:
        """Stop now."""
        self.closed()
        self._tasks[0].cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _listen(self) -> None:
        while (line := await self._lines.get()) is not None:
            await self._faults.awake()
            reply = self._instrument.handle(line.decode("ascii", "replace").strip())
            if reply is None or (self._echo and not (reply := reply.strip())):
                continue
            end = self._instrument.write_end
            data = (reply.replace("\n", end) + end).encode()
            if reply.strip():
                await self._say(data)
            else:
                self._write(data)

    async def _talk(self, board: Talker) -> None:
        await asyncio.sleep(board.silence / board.world.speed)
        text = board.start()
        while True:
            await self._faults.awake()
            if text:
                await self._say(text.encode())
            await asyncio.sleep(board.period / board.world.speed)
            text = board.talk()

    async def _say(self, data: bytes) -> None:
        take = self._faults.take
        if take("drop") is not None:
            return
        for name in ("close", "reset"):
            if take(name) is not None:
                self._hang_up(name == "reset")
                return
        if (args := take("late")) is not None:
            await asyncio.sleep(float(args["delay"]))
        if take("garbage") is not None:
            data = GARBAGE + data[-1:]
        if take("double") is not None:
            data *= 2
        if (args := take("partial")) is not None:
            data = data[: int(args["keep"])]
        if (args := take("late_tail")) is not None:
            keep = int(args["keep"])
            self._write(data[:keep])
            await asyncio.sleep(float(args["delay"]))
            data = data[keep:]
        self._write(data)
