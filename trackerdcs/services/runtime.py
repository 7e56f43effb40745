"""How every service lives as a process: its log, its end, and the exit status that tells a supervisor what to do."""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from importlib.metadata import version
from typing import Any

from trackerdcs.domain.errors import ConfigError, TrackerError

VERSION = version("trackerdcs")
EXIT_OK, EXIT_FAILED, EXIT_CONFIG = 0, 1, 78
STOP_S = 1.8
"""A service may be killed at any moment, so one that does not end by itself is not waited for."""

log = logging.getLogger(__name__)


def run(serve: Callable[[], Coroutine[Any, Any, None]]) -> int:
    """Run a service until it ends or is told to by SIGINT or SIGTERM, then within 2 s; the exit status.

    0: ended as told. 78: a fault in a file, said on stderr. 1: anything else, logged.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    watchdog = threading.Timer(STOP_S, _give_up)
    watchdog.daemon = True
    try:
        asyncio.run(_until_told(serve, watchdog))
    except ConfigError as e:
        return _refuse(e)
    except TrackerError as e:
        log.error("%s", e)  # noqa: TRY400 foreseen: its text says all
        return EXIT_FAILED
    except Exception as e:
        if isinstance(e, ExceptionGroup) and (faults := e.subgroup(ConfigError)):
            return _refuse(*_leaves(faults))
        log.exception("ended by something unexpected")
        return EXIT_FAILED
    finally:
        watchdog.cancel()
    return EXIT_OK


async def _until_told(serve: Callable[[], Coroutine[Any, Any, None]], watchdog: threading.Timer) -> None:
    work = asyncio.ensure_future(serve())
    told = False

    def stop(number: signal.Signals) -> None:
        nonlocal told
        if not told:
            log.info("%s: stopping", number.name)
            watchdog.start()
        told = True
        work.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop, number)
    try:
        await work
    except asyncio.CancelledError:
        if not told:
            raise


def _give_up() -> None:
    log.error("not stopped within %s s: ended by force", STOP_S)
    os._exit(EXIT_FAILED)


def _refuse(*faults: BaseException) -> int:
    for fault in faults:
        print(f"trackerdcs: {fault}", file=sys.stderr)
    return EXIT_CONFIG


def _leaves(group: BaseExceptionGroup[Any]) -> list[BaseException]:
    return [leaf for e in group.exceptions for leaf in (_leaves(e) if isinstance(e, BaseExceptionGroup) else [e])]
