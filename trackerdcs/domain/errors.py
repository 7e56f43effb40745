"""Everything that can go wrong, by what has to be done about it.

TrackerError
├── ConfigError        fix the file: the service does not start (exit 78)
│   └── InUse          another owner has the instrument
├── CommandRefused     answer the operator: nothing was sent to the instrument
├── VerifyError        the read-back of a set does not agree with what was sent
├── ContractError      a message that the contract does not allow: park it, count it, report it
│   └── UnknownVersion a newer major version of the contract
├── LinkError          the wire: the link is dropped and connected again; `delivered`: the order may have arrived
│   ├── NotConnected   nothing was sent
│   ├── LinkLost       closed, reset or unplugged during the exchange
│   ├── ReplyTimeout   no complete reply within the deadline
│   ├── Desync         bytes were waiting although nothing had been asked
│   └── BadReply       a reply that is not what the question allows
│       └── Overrange  the instrument says that it cannot measure this
├── DeviceError        the instrument answered, and the answer is no
│   ├── Rejected       it refused the order
│   ├── WrongDevice    another instrument than the stand file names
│   └── Unsupported    the driver's instrument has no such function
├── BusDown            the broker is not reachable or did not acknowledge: nothing is queued
│   └── BusRefused     it answered, and the answer is no: somebody has to change something
├── StoreDown          a store is not reachable: try again later
├── StoreFault         a local store (journal, dead letters) cannot be written
└── NotifyFailed       an address did not take a message: try again later; the text holds no secret of the address
"""

from typing import Literal

Delivered = Literal["no", "unknown", "yes"]


class TrackerError(Exception):
    """Base of all errors that this project raises on purpose."""


class ConfigError(TrackerError):
    """A contradiction or a misspelling in a file; names file, line or field, and what was expected."""


class InUse(ConfigError):
    """Another owner has the instrument: one of the two must not be started."""


class CommandRefused(TrackerError):
    """A command that must not be executed; the text is the answer to the operator."""


class VerifyError(TrackerError):
    """The instrument reads back something else than what was set."""

    def __init__(self, what: str, expected: object, got: object) -> None:
        super().__init__(f"{what}: asked for {_said(expected)}, read back {_said(got)}")
        self.expected, self.got = expected, got


def _said(value: object) -> str:
    """What was asked or read, as a person would write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_said(each)}" for name, each in value.items())
    return f"{value:.6g}" if isinstance(value, float) else str(value)


class ContractError(TrackerError):
    """A message or a topic outside the contract; the text names the field."""


class UnknownVersion(ContractError):
    """A message of a newer major version."""


class LinkError(TrackerError):
    """A fault of the wire. `delivered` says whether what was sent may have reached the instrument."""

    def __init__(self, text: str, delivered: Delivered = "unknown") -> None:
        super().__init__(text)
        self.delivered: Delivered = delivered


class NotConnected(LinkError):
    """No link at the time: nothing was sent."""

    def __init__(self, text: str) -> None:
        super().__init__(text, "no")


class LinkLost(LinkError):
    """Closed, reset or unplugged."""


class ReplyTimeout(LinkError):
    """No complete reply within the deadline."""


class Desync(LinkError):
    """Bytes were waiting before anything had been asked: they belong to an older exchange."""


class BadReply(LinkError):
    """A reply that the question does not allow: garbled, malformed or the echo of something else."""

    def __init__(self, text: str) -> None:
        super().__init__(text, "yes")


class Overrange(BadReply):
    """The instrument says that it cannot measure this (9.91E37 and its like)."""


class DeviceError(TrackerError):
    """The instrument answered, and the answer is no."""


class Rejected(DeviceError):
    """The instrument refused an order."""


class WrongDevice(DeviceError):
    """Another instrument than the stand file names, or simulated where a real one is expected."""


class Unsupported(DeviceError):
    """A function that this instrument does not have."""


class BusDown(TrackerError):
    """The broker is not reachable, or the connection ended before the acknowledgement."""


class BusRefused(BusDown):
    """The broker answered, and the answer is no: trying again will not help before somebody changes something."""


class StoreDown(TrackerError):
    """The store is not reachable now; the same write may be tried again."""


class StoreFault(TrackerError):
    """A local store cannot be written: full or read-only disk, damaged file."""


class NotifyFailed(TrackerError):
    """An address did not take a message. The text says why, and nothing that is secret about the address."""
