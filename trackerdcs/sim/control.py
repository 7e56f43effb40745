"""The control socket of a simulated stand: one JSON object a line asks, one answers; TCP, no login.

    {"op":"faults"}                                      the faults that there are
    {"op":"fault","device":"hv1","fault":"late","times":3,"args":{"delay":0.2}}
                                                         times: 1 if absent, null is until cleared
    {"op":"clear","device":"hv1","fault":"late"}         without fault: all of the device; without device: all
    {"op":"world","set":{"rh":80}}                       the values of the world, after setting some or none
    {"op":"state"}                                       the truth at every output, and the faults in force

An answer is {"ok":true,...} or {"ok":false,"error":"..."}.
"""

import asyncio
import json
import socket
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, cast

from trackerdcs.domain.stand import LOCAL
from trackerdcs.sim.faults import FAULTS
from trackerdcs.sim.serve import SimServer
from trackerdcs.sim.world import World

Answer = dict[str, Any]


class Control:
    """Answers requests about one world and its servers."""

    def __init__(self, world: World, servers: Mapping[str, SimServer]) -> None:
        self._world, self._servers = world, servers

    async def answer(self, line: bytes) -> Answer:
        """One request; whatever is wrong with it is said in the answer."""
        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                raise ValueError("a request is a JSON object")
            match request.get("op"):
                case "faults":
                    return {"ok": True, "faults": {name: asdict(spec) for name, spec in FAULTS.items()}}
                case "fault":
                    name = self._text(request, "fault")
                    await self._server(request).fault(name, request.get("times", 1), self._object(request, "args"))
                    return {"ok": True}
                case "clear":
                    servers = [self._server(request)] if "device" in request else self._servers.values()
                    for server in servers:
                        await server.clear(self._text(request, "fault") if "fault" in request else None)
                    return {"ok": True}
                case "world":
                    self._set(self._object(request, "set"))
                    return {"ok": True, "world": self._world.values()}
                case "state":
                    return {"ok": True, "world": self._world.values(), "devices": self._devices()}
                case op:
                    raise ValueError(f"no op {op!r}, known are faults, fault, clear, world, state")
        except (ValueError, OSError) as e:
            return {"ok": False, "error": str(e)}

    def _devices(self) -> Answer:
        return {
            name: {
                "resource": server.resource,
                "channels": server.instrument.truth(),
                "faults": {fault: asdict(armed) for fault, armed in server.faults.active().items()},
            }
            for name, server in self._servers.items()
        }

    def _set(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            self._world.check(name, value)
        for name, value in values.items():
            self._world.set(name, value)

    def _server(self, request: Answer) -> SimServer:
        if (name := self._text(request, "device")) not in self._servers:
            raise ValueError(f"no simulated device {name!r}, there are {', '.join(self._servers)}")
        return self._servers[name]

    def _text(self, request: Answer, key: str) -> str:
        if not isinstance(request.get(key), str):
            raise ValueError(f"{key}: expected a text, got {request.get(key)!r}")
        return cast(str, request[key])

    def _object(self, request: Answer, key: str) -> Answer:
        if not isinstance(request.get(key, {}), dict):
            raise ValueError(f"{key}: expected a JSON object, got {request[key]!r}")
        return cast(Answer, request.get(key, {}))


async def serve_control(control: Control, port: int, host: str = LOCAL) -> asyncio.Server:
    """Listen on 127.0.0.1, and where the instruments do: the simulated Ph2_ACF of another container asks there. OSError
    if the port is taken."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await control.answer(line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            pass  # gone, or a line without an end: the connection is all there is to end
        finally:
            writer.close()

    return await asyncio.start_server(converse, list(dict.fromkeys([LOCAL, host])), port)


def ask(host: str, port: int, request: Mapping[str, Any], timeout: float = 5.0) -> Answer:
    """Ask a control socket once; OSError if there is none, ValueError if it does not answer with JSON."""
    with socket.create_connection((host, port), timeout) as connection:
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile("rb") as lines:
            return cast(Answer, json.loads(lines.readline()))
