"""What the inside needs from the outside to tell people: the part of `ports` that is about notifications."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from trackerdcs.domain.messages import Severity
from trackerdcs.domain.notice import Key, Notice
from trackerdcs.domain.notifying import Episode


class Notifier(Protocol):
    """One address. `send` blocks, from any one thread, until the other side has taken the message.

    It raises NotifyFailed, whose text holds nothing that is secret about the address.
    """

    def send(self, title: str, text: str, severity: Severity) -> None: ...


class Watcher(Protocol):
    """A watcher elsewhere that notices when it is not called any more. `call` blocks and raises NotifyFailed."""

    def call(self) -> None: ...


class EarlierNews(NamedTuple):
    """What earlier starts knew: alarms, what was not sent yet, and who was put on shift by command."""

    episodes: Sequence[Episode]
    notices: Sequence[Notice]
    shift: Sequence[str] | None


class Told(Protocol):
    """Who was told of what, over restarts. All methods raise StoreFault; what they wrote is durable at their return."""

    def recall(self) -> EarlierNews:
        """StoreFault also where a damaged file was put aside: who was put on shift is not in the stand file."""

    def note(self, episodes: Mapping[str, Episode], notices: Sequence[Notice], sent: Collection[Key]) -> None:
        """All or nothing: the last of each alarm, notices that wait, and which of them have been sent."""

    def put_on_shift(self, people: Sequence[str]) -> None: ...
    def close(self) -> None: ...
