"""A link whose dialogue is known in advance, for tests of drivers."""

from trackerdcs.domain.errors import LinkError, NotConnected

Step = tuple[str | None, str | list[str] | Exception | None]
"""(query, answer), (order, None), (None, lines of a talking board), or an exception in place of what comes back."""


class ScriptedLink:
    """ports.Link that insists on its steps, in their order. It starts connected; a LinkError drops it."""

    def __init__(self, *steps: Step) -> None:
        self._steps = list(steps)
        self._connected = True
        self.drops = 0

    @property
    def connected(self) -> bool:
        return self._connected

    def connect(self) -> None:
        self._connected = True

    def drop(self) -> None:
        self.drops += self._connected
        self._connected = False

    def query(self, command: str, timeout: float | None = None) -> str:
        answer = self._next(command)
        assert isinstance(answer, str), f"{command!r} is scripted as an order"
        return answer

    def order(self, command: str) -> None:
        answer = self._next(command)
        assert answer is None, f"{command!r} is scripted as a query, answer {answer!r}"

    def lines(self, timeout: float | None = None) -> list[str]:
        answer = self._next(None)
        assert isinstance(answer, list), f"expected lines, the script has {answer!r}"
        return answer

    def assert_done(self) -> None:
        assert not self._steps, f"still expected: {self._steps}"

    def _next(self, command: str | None) -> str | list[str] | None:
        if not self._connected:
            raise NotConnected("the scripted link is not connected")
        assert self._steps, f"{command!r} after the end of the script"
        expected, answer = self._steps.pop(0)
        assert command == expected, f"expected {expected!r}, got {command!r}"
        if isinstance(answer, LinkError):
            self.drop()
        if isinstance(answer, Exception):
            raise answer
        return answer
