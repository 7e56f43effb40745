"""A device service by its stand file: on the last accepted one, for the safe direction only, if the new one is bad."""

import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from trackerdcs.adapters.accepted_stands import AcceptedStand
from trackerdcs.domain.errors import ConfigError, InUse
from trackerdcs.domain.stand import Stand
from trackerdcs.services.device import serve
from trackerdcs.services.kill import high_voltage

log = logging.getLogger(__name__)


async def serve_file(file: Path, name: str, read: Callable[[Path], Stand]) -> None:
    """Serve a device of a stand file; `read` reads and checks one.

    A file that is bad starts the owner of a high-voltage supply on the last one with which it has reached its
    instrument, for the safe direction only (SAFETY 19). ConfigError where there is none.
    """
    kept = AcceptedStand(file, name)
    try:
        await _named(file, serve(read(file), name, accepted=kept.keep))
    except InUse:
        raise
    except ConfigError as e:
        if not kept.is_kept:
            raise
        stand = read(kept.path)
        if name not in high_voltage(stand):
            raise
        log.error("%s; only down, on the last accepted file %s", e, kept.path)  # noqa: TRY400 foreseen
        await _named(kept.path, serve(stand, name, down_only=_in_short(e)))


def _in_short(fault: ConfigError) -> str:
    """For who wonders at 3 a.m. why nothing goes up: what still works, what is wrong, what to do."""
    first, *more = str(fault).splitlines()
    others = f" (and {len(more)} more)" if more else ""
    return (
        f"only down, off, hold and kill: the stand file was bad at the start: {first}{others}; "
        "mend it (trackerdcs check), then restart the service"
    )


async def _named(file: Path, service: Coroutine[Any, Any, None]) -> None:
    try:
        await service
    except ConfigError as e:
        raise type(e)(f"{file}: {e}") from e
