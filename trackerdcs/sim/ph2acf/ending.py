"""How these programs die, with the exit status of the real ones."""

import os
import resource
import signal
import sys
from typing import NoReturn


class Uncaught(Exception):
    """An exception that the real program does not catch; the text is its what()."""


def die(number: signal.Signals) -> NoReturn:
    """End by this signal as if nobody handled it, without a core file. Nothing is flushed: a handler may call it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    signal.pause()  # blocked signals are not ours: nobody inherits a mask from a service
    raise SystemExit(1)


def terminate(error: Uncaught) -> NoReturn:
    """What the C++ runtime says of an uncaught exception, then SIGABRT."""
    sys.stdout.flush()
    print("terminate called after throwing an instance of 'std::runtime_error'", file=sys.stderr)
    print(f"  what():  {error}", file=sys.stderr)
    sys.stderr.flush()
    die(signal.SIGABRT)


def ignore_interrupts() -> None:
    """SIGINT does nothing any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def abort_on_interrupt(lines: bytes) -> None:
    """SIGINT says these lines and aborts: nothing is saved. A pipe without a reader kills, as it kills the real one."""

    def interrupted(_number: int, _frame: object) -> None:
        os.write(1, lines)
        die(signal.SIGABRT)

    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
