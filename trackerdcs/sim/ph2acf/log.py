"""What the programs say, in both dialects: on stdout line by line, and in files that are dropped when they get long."""

import os
import re
import sys
import time
from contextlib import suppress
from pathlib import Path

RESET, BOLD = "\x1b[0m", "\x1b[1m"
COLOURS = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36}
MAIN, CALIBRATION, MONITOR = 0, 1, 2
MAX_FILE = 2_000_000
_TAG = re.compile(r"<(/|[a-z]+)>")
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
FILE_OF = {"I": "", "W": "_warn", "E": "_err", "F": "_fatal", "D": "_debug"}


def paint(text: str) -> str:
    """Colours for `<blue>`, bold yellow and the like for `<byellow>`; `</>` ends them."""

    def code(found: re.Match[str]) -> str:
        name = found[1]
        if name == "/":
            return RESET
        bold = name[0] == "b" and name[1:] in COLOURS
        return (BOLD if bold else "") + f"\x1b[{COLOURS[name[1:] if bold else name]}m"

    return _TAG.sub(code, text)


class Log:
    """Everything a program says. Each line is flushed, on a pipe too."""

    def __init__(self, folder: Path, name: str, inner: bool = False) -> None:
        self._inner = inner
        self._base = folder / name
        self._threads = [140_000_000_000_000 + (os.getpid() * 7919 + n * 505_145_280) % 10**12 for n in range(3)]
        folder.mkdir(parents=True, exist_ok=True)

    def say(self, text: str, level: str = "I", thread: int = MAIN) -> None:
        """One line of the logger, with time, thread and level as the dialect has them."""
        now = time.time()
        if self._inner:
            head = time.strftime("|%I:%M:%S|", time.localtime(now)) + f"{level}|"
        else:
            head = time.strftime("%d.%m.%Y %H:%M:%S: ", time.localtime(now)) + f"|{self._threads[thread]}|{level}| "
        line = head + paint(text) + RESET
        self.raw(line)
        self._keep("", line)
        if not self._inner and FILE_OF[level]:
            self._keep(FILE_OF[level], line)

    def raw(self, text: str = "") -> None:
        """A line beside the logger."""
        print(paint(text), flush=True)

    def up(self, lines: int) -> None:
        """Cursor up, so that the next progress block is written over this one."""
        sys.stdout.write("\x1b[A" * lines)
        sys.stdout.flush()

    def _keep(self, suffix: str, line: str) -> None:
        path = self._base.with_name(f"{self._base.name}{suffix}.log")
        with suppress(OSError), path.open("a", encoding="utf-8") as file:  # a full disk ends no run by its log
            if file.tell() > MAX_FILE:
                file.truncate(0)
            file.write(_ANSI.sub("", line) + "\n")
