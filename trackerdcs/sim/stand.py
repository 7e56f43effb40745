"""All simulated instruments of a stand, at the addresses that its file gives them, and their control socket."""

from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.resource import SerialAddress, TcpAddress, parse_resource
from trackerdcs.domain.stand import Stand
from trackerdcs.sim.control import Control, serve_control
from trackerdcs.sim.env_board import DhtBoard, EnvBoard
from trackerdcs.sim.hmp4040 import Hmp4040
from trackerdcs.sim.instrument import Instrument
from trackerdcs.sim.iseg_shr import IsegShr
from trackerdcs.sim.keithley2410 import Keithley2410
from trackerdcs.sim.serve import SimServer, TcpServer
from trackerdcs.sim.serve_pty import PtyServer
from trackerdcs.sim.world import World

SIMULATORS: dict[str, type[Instrument]] = {
    "iseg_shr": IsegShr,
    "keithley2410": Keithley2410,
    "hmp4040": Hmp4040,
    "env_board": EnvBoard,
    "env_dht": DhtBoard,
}
"""Which simulator answers the driver of this name."""


class SimStand:
    """The devices with `sim: true`: `async with` opens them. ConfigError names the device that cannot be had."""

    def __init__(self, stand: Stand) -> None:
        self.world = World(seed=stand.sim.seed, speed=stand.sim.speed)
        self.servers: dict[str, SimServer] = {}
        self._host, self._port = stand.sim.host, stand.sim.control
        self._open = AsyncExitStack()
        for name, device in stand.devices.items():
            if device.sim:
                self.servers[name] = self._server(name, device.driver, device.link.resource)

    def _server(self, name: str, driver: str, resource: str) -> SimServer:
        if driver not in SIMULATORS:
            raise ConfigError(
                f"devices.{name}.sim: no simulator for driver {driver!r}, there are {', '.join(SIMULATORS)}"
            )
        instrument = SIMULATORS[driver](self.world, name)
        match parse_resource(resource):
            case TcpAddress(host, port) if host == self._host:
                return TcpServer(instrument, port, host)
            case SerialAddress(path) if not path.startswith("/dev/"):
                return PtyServer(instrument, path)
            case _:
                raise ConfigError(
                    f"devices.{name}.link.resource: a simulated instrument listens on {self._host} or is a serial port "
                    f"outside /dev, got {resource}"
                )

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            for name, server in self.servers.items():
                try:
                    await stack.enter_async_context(server)
                except OSError as e:
                    raise ConfigError(f"devices.{name}.link.resource: cannot simulate at {server.resource}: {e}") from e
            try:
                control = await serve_control(Control(self.world, self.servers), self._port, self._host)
            except OSError as e:
                raise ConfigError(f"sim.control: cannot listen on 127.0.0.1 port {self._port}: {e}") from e
            stack.callback(control.close)
            self._open = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()
