"""How the API answers: JSON, CSV or Parquet, and each fault with a status and a sentence."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from trackerdcs.app.tables import csv_text
from trackerdcs.domain.access import ANYWHERE, Account, Node, may, why_not
from trackerdcs.domain.answers import Answer, Table
from trackerdcs.domain.errors import ConfigError, ContractError, StoreDown, StoreFault, TrackerError
from trackerdcs.domain.instrument import Role
from trackerdcs.domain.join import NotFound, NotYet
from trackerdcs.web import sessions
from trackerdcs.web.parts import Parts
from trackerdcs.web.requests import is_local

Format = Literal["json", "csv", "parquet"]
TYPES: dict[Format, str] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
STATUS: tuple[tuple[type[TrackerError], int], ...] = (
    (NotFound, 404),
    (NotYet, 409),
    (ContractError, 422),
    (StoreDown, 503),
    (StoreFault, 503),
    (ConfigError, 503),
)


class Fault(Exception):
    """An answer that is not what was asked for."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True)
class Reader:
    """Who reads: a person, or whoever is at this computer where reads are open."""

    account: Account | None

    @property
    def stands(self) -> frozenset[str] | None:
        """Those that may be read; None for all."""
        return self.account.stands if self.account else None

    def only(self, stand: str | None) -> str | None:
        """The one stand that is asked for, of those that may be read; None: all stands. Fault 403 where there is none,
        or where several have to be asked for one by one."""
        if stand is not None:
            self.needs(stand)
        if stand is not None or self.stands is None:
            return stand
        if len(self.stands) != 1:
            raise Fault(403, f"name a stand by ?stand=, one of: {', '.join(sorted(self.stands)) or 'none'}")
        return next(iter(self.stands))

    def sees(self, stand: str) -> bool:
        """Whether what is of this stand is shown."""
        return self.stands is None or stand in self.stands

    def needs(self, node: Node, needed: Role = "viewer") -> None:
        """Fault 403 where the person may not read `node`."""
        if self.account is not None and not may(self.account, needed, node):
            raise Fault(403, why_not(self.account, needed, node))


def may_read(parts: Parts, needed: Role = "viewer") -> Callable[[Request], Awaitable[Reader]]:
    """A dependency of routes that only read: nobody is asked for where reads are open, else who has the role: at the
    stand that the path names, or anywhere where it names none. Such a route leaves out, or refuses by `Reader.needs`,
    what is of other stands."""

    async def check(request: Request) -> Reader:
        if parts.open_reads and is_local(request):  # another name would be another site's that leads here
            return Reader(None)
        account = await sessions.account_of(request, parts)
        if account is None:
            raise Fault(401, "not logged in")
        reader = Reader(account)
        reader.needs(request.path_params.get("stand", ANYWHERE), needed)
        return reader

    return check


def person(parts: Parts) -> Callable[[Request], Awaitable[Account]]:
    """A dependency of routes that change something: who is logged in, else Fault 401. It is asked before anything else
    of a request is looked at."""

    async def check(request: Request) -> Account:
        account = await sessions.account_of(request, parts)
        if account is None:
            raise Fault(401, "not logged in")
        return account

    return check


async def found(work: Awaitable[Any]) -> Any:
    """What a use case finds; Fault with the status of what it raises."""
    try:
        return await work
    except TrackerError as e:
        status = next((status for kind, status in STATUS if isinstance(e, kind)), 500)
        raise Fault(status, str(e)) from e


def wanted(request: Request, format: Format | None) -> Format:
    """By the parameter, else by what the client accepts, JSON where it does not matter."""
    accept = request.headers.get("accept", "")
    if format is not None:
        return format
    return next((name for name, kind in TYPES.items() if kind.partition(";")[0] in accept), "json")


async def answer(
    parts: Parts, format: Format, name: str, whole: Callable[[], Answer], table: Callable[[], Table], **headers: str
) -> Response:
    """The same in the form that was wanted, made in a thread: a large one would keep KILL waiting."""
    if format == "json":
        body: Answer = await asyncio.to_thread(whole)
        content: str | bytes = await asyncio.to_thread(parts.encode, body)
        return Response(content, media_type=TYPES[format], headers=headers)
    if format == "csv":
        content = await asyncio.to_thread(lambda: csv_text(table()))
    elif parts.parquet is None:
        raise Fault(501, "Parquet is not served here: use csv or json")
    else:
        try:
            content = await asyncio.to_thread(parts.parquet, table())
        except ConfigError as e:
            raise Fault(501, str(e)) from e
    headers["Content-Disposition"] = f'attachment; filename="{name}.{format}"'
    return Response(content, media_type=TYPES[format], headers=headers)


def handled(app: FastAPI) -> None:
    """Faults become answers."""

    @app.exception_handler(Fault)
    async def fault(_: Request, error: Exception) -> Response:
        assert isinstance(error, Fault)
        return JSONResponse({"error": str(error)}, error.status)
