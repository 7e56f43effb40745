"""What the channels of a device tell its service, and ask it for."""

from collections.abc import Callable
from dataclasses import dataclass

from trackerdcs.domain.channel import Intent

Report = Callable[[str, str, str], None]
"""An event, its channel, and why: what happens of its own accord."""


@dataclass(frozen=True)
class ChannelCalls:
    """Called on the event loop; none of them waits."""

    report: Report
    latch: Callable[[str, str | None], None]
    """Keep the cause of a trip of a channel over a restart, or (None) its end."""
    intend: Callable[[str, Intent | None, str | None], None]
    """Keep a way down that has begun, and its cause, over a restart; None when it is verified or superseded."""
    hurry: Callable[[], None]
    """Look for the instrument soon, after a fault of the link."""
    blocked: Callable[[str], str | None]
    """Why the unsafe direction of a channel is blocked from outside, or None."""
    kill: Callable[[str], None]
    """Have all channels killed, with the reason."""
