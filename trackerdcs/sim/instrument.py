"""What all simulated instruments have in common: a transcript, SCPI lines, and things that happen to them."""

import re
from collections import deque
from collections.abc import Callable, Iterator

from trackerdcs.sim.world import World

Truth = dict[str, dict[str, float | bool]]
Handler = Callable[[str], str | None]

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_WORD = re.compile(r"(?<!\*)\b[A-Z]{5,}")
_VOWELS = frozenset("AEIOU")


class Refused(Exception):
    """An order or a query that the instrument does not take."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def short_form(header: str) -> str:
    """Upper case, no leading colon, each SCPI word in its short form: four letters, three if the fourth is a vowel."""
    return ":".join(_WORD.sub(_short, word) for word in header.upper().lstrip(":").split(":"))


def _short(word: re.Match[str]) -> str:
    return word[0][:3] if word[0][3] in _VOWELS else word[0][:4]


def units(line: str) -> Iterator[tuple[str, str]]:
    """The orders and queries of a line as (header in short form, arguments).

    A header without a leading colon goes on in the branch of the one before.
    """
    path = ""
    for unit in filter(None, (u.strip() for u in line.split(";"))):
        header, _, rest = unit.partition(" ")
        if not header.startswith((":", "*")):
            header = path + header
        if not header.startswith("*"):
            path = header[: header.rfind(":") + 1]
        yield short_form(header), rest.strip()


def number(text: str, low: float, high: float) -> float:
    """A number of an order inside its range; anything else is refused."""
    if not _NUMBER.fullmatch(text.strip()):
        raise Refused(-104, "Data type error")
    if not low <= (value := float(text)) <= high:
        raise Refused(-222, "Parameter data out of range")
    return value


def switch(text: str) -> bool:
    """ON, OFF, 1 or 0."""
    try:
        return {"ON": True, "1": True, "OFF": False, "0": False}[text.strip().upper()]
    except KeyError:
        raise Refused(-104, "Data type error") from None


class Instrument:
    """A dialect and its state, without a socket: `handle` takes a line and returns what the instrument sends.

    A reply of several lines has LF between them; None is silence, "" an empty line.
    """

    identity = ""
    write_end = "\n"
    echoes_on_serial = False
    max_clients: int | None = None

    def __init__(self, world: World, name: str = "sim1") -> None:
        self.world, self.name = world, name
        self.transcript: deque[str] = deque(maxlen=2000)
        self.stuck = False
        self.ignores_orders = False
        self.offsets: dict[str, float] = {}
        self._shown: dict[str, float] = {}

    def handle(self, line: str) -> str | None:
        """Take one line without its terminator."""
        self.transcript.append(line)
        return self.answer(line)

    def answer(self, line: str) -> str | None:
        """The dialect."""
        raise NotImplementedError

    def truth(self) -> Truth:
        """What really is at the outputs, by channel: no noise, no rounding, nothing stuck."""
        raise NotImplementedError

    def brown_out(self) -> None:
        """Power fails for a moment: the instrument starts again as after switching it on, outputs off."""
        raise NotImplementedError

    def front_panel(self, channel: str, change: dict[str, float | bool]) -> None:
        """Somebody sets `v_set`, `i_limit` or `on` at the instrument; ValueError if it has no such knob."""
        raise ValueError(f"{self.name} has no front panel")

    def turn(self, change: dict[str, float | bool], knobs: dict[str, Handler]) -> None:
        """Turn knobs; ValueError for one that is not there or a value that it does not take."""
        for knob, value in change.items():
            if knob not in knobs:
                raise ValueError(f"{knob!r}: the front panel of {self.name} has {', '.join(knobs)}")
            try:
                knobs[knob](str(int(value)) if knob == "on" else repr(float(value)))
            except Refused as e:
                raise ValueError(f"{knob} = {value}: {e.text}") from e

    def trip(self, channel: str) -> None:
        """The instrument's own protection switches a channel off."""
        raise ValueError(f"{self.name} cannot trip")

    def interlock(self, is_open: bool) -> None:
        """The hardware interlock line opens or closes."""
        raise ValueError(f"{self.name} has no interlock line")

    def fail_sensor(self, fails: bool) -> None:
        """The sensor does not answer its board any more, or does again."""
        raise ValueError(f"{self.name} has no sensor of its own")

    def offset(self, channel: str, quantity: str, by: float) -> None:
        """A measured quantity is wrong by so much from now on; ValueError for one that was never measured."""
        short = {"v_mon": "v", "i_mon": "i"}.get(quantity, quantity)
        keys = {short, f"{self.name}.{channel}.{short}"} & self._shown.keys()
        if not keys:
            raise ValueError(f"{self.name} has not measured {channel}.{quantity}")
        self.offsets |= dict.fromkeys(keys, by)

    def shown(self, key: str, value: float) -> float:
        """A measured value on its way out; a stuck instrument goes on saying the old one."""
        if not self.stuck:
            self._shown[key] = value + self.offsets.get(key, 0.0)
        return self._shown.setdefault(key, value)


class Scpi(Instrument):
    """Several orders in a line, relative headers, and an error queue that is asked by SYST:ERR?."""

    no_error = '0,"No error"'

    def __init__(self, world: World, name: str = "sim1") -> None:
        super().__init__(world, name)
        self.errors: deque[str] = deque(maxlen=10)
        self.table: dict[str, Handler] = {
            "*IDN?": lambda _: self.identity,
            "*OPC?": lambda _: "1",
            "*CLS": lambda _: self.errors.clear(),
            "SYST:ERR?": lambda _: self.errors.popleft() if self.errors else self.no_error,
        }

    def add(self, handlers: dict[str, Handler]) -> None:
        """Enter handlers under the short form of their headers."""
        self.table |= {short_form(header): handler for header, handler in handlers.items()}

    def answer(self, line: str) -> str | None:
        replies = []
        for header, rest in units(line):
            if self.ignores_orders and "?" not in header:
                continue
            try:
                reply = self.obey(header, rest)
            except Refused as e:
                self.errors.append(f'{e.code:+d},"{e.text}"')
                break
            if reply is not None:
                replies.append(reply)
        return ";".join(replies) if replies else None

    def obey(self, header: str, rest: str) -> str | None:
        """One order or query: the reply, or None."""
        self.advance()
        if header not in self.table:
            raise Refused(-113, "Undefined header")
        return self.table[header](rest)

    def advance(self) -> None:
        """Bring the state to the present."""
