"""What a run measured: a `Result` for each chip and kind, with its numbers as lists and its pictures compressed."""

import math
import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from trackerdcs.domain.errors import ContractError

Kind = Literal["pedenoise", "equalization", "trim", "monitor", "map", "generic"]
MOST_BYTES = 16 << 20
"""Of a picture that is shown number by number."""
CODES = {"f4": "f", "f8": "d", "i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I", "i8": "q", "u8": "Q"}
"""Types of numbers in a picture, and those of the standard library's arrays."""
Values = tuple[float | None, ...]


@dataclass(frozen=True)
class Axis:
    """Equal bins of a picture, from `low` to `high`."""

    title: str
    n: int
    low: float
    high: float


@dataclass(frozen=True)
class Blob:
    """Numbers in row-major order, compressed: `numpy.frombuffer(zlib.decompress(data), dtype).reshape(shape)`."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    axes: tuple[Axis, ...]
    codec: Literal["zlib"]
    data: bytes = b""


@dataclass(frozen=True)
class Bad:
    """A channel whose number is none, and why: `forced_zero` `no_fit` `first_point` `dead`."""

    channel: int
    why: str


@dataclass(frozen=True)
class Stats:
    """Of the numbers of a list, those of bad channels left out; `rms` is their standard deviation."""

    n: int
    mean: float
    rms: float
    low: float
    high: float


@dataclass(frozen=True)
class Result:
    """One chip (or what has no chip: then `chip`, `hybrid` or even `optical_group` is None) and one kind of a run.

    `values` are lists by channel number, None where there is no number; `numbers` are single ones. `version` is the
    importer's, `start` the run's, `source` where in the raw files it was found.
    """

    run: str
    kind: Kind
    board: int = 0
    optical_group: int | None = None
    hybrid: int | None = None
    chip: int | None = None
    chip_type: str = ""
    module: str = ""
    version: int = 0
    start: int | None = None
    values: dict[str, Values] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    bad: tuple[Bad, ...] = ()
    stats: dict[str, Stats] = field(default_factory=dict)
    blobs: tuple[Blob, ...] = ()
    source: str = ""

    @property
    def place(self) -> tuple[int, ...]:
        """Where it was measured, to sort by; -1 stands for None."""
        places = (self.board, self.optical_group, self.hybrid, self.chip)
        return tuple(-1 if each is None else each for each in places)

    @property
    def key(self) -> tuple[object, ...]:
        """A run has one result of each key."""
        return (self.run, self.kind, *self.place, self.chip_type)


@dataclass(frozen=True)
class ResultQuery:
    """Which results; what is None does not matter. By the start of their run, the newest first, then by place.
    Without `blobs` the numbers of pictures stay in the store, which is much faster: their `data` is empty."""

    run: str | None = None
    kind: Kind | None = None
    module: str | None = None
    hybrid: int | None = None
    chip: int | None = None
    chip_type: str | None = None
    blobs: bool = True
    limit: int = 10_000

    def takes(self, result: Result) -> bool:
        """Whether a result is meant."""
        names = ("run", "kind", "module", "hybrid", "chip", "chip_type")
        return all(getattr(self, n) is None or getattr(self, n) == getattr(result, n) for n in names)


def without_numbers(result: Result) -> Result:
    """With the heads of its pictures alone."""
    return replace(result, blobs=tuple(replace(blob, data=b"") for blob in result.blobs))


def sort_key(result: Result) -> tuple[object, ...]:
    """The order of results: the newest run first; those of one run by place and kind."""
    return (-(result.start or 0), result.run, result.place, result.kind, result.chip_type)


def stats_of(values: Sequence[float | None], bad: Iterable[int] = ()) -> Stats | None:
    """Statistics of the numbers of a list; None when there is none."""
    skip = set(bad)
    numbers = [v for i, v in enumerate(values) if v is not None and i not in skip and math.isfinite(v)]
    if not numbers:
        return None
    mean = math.fsum(numbers) / len(numbers)
    rms = math.sqrt(math.fsum((v - mean) ** 2 for v in numbers) / len(numbers))
    return Stats(len(numbers), mean, rms, min(numbers), max(numbers))


def packed(name: str, dtype: str, shape: Sequence[int], axes: Sequence[Axis], raw: bytes | memoryview) -> Blob:
    """A blob of numbers in row-major order."""
    # Level 1: the empty bins of a scan shrink to nothing at any level, the others take most of the time at level 6.
    return Blob(name, dtype, tuple(shape), tuple(axes), "zlib", zlib.compress(raw, 1))


def key_of(result: Result) -> str:
    """What tells a result from the others of its run, for addresses: `pedenoise.0.0.1.8.MPA`, `-` for none."""
    parts = (result.kind, result.board, result.optical_group, result.hybrid, result.chip, result.chip_type)
    return ".".join("-" if part in (None, "") else str(part) for part in parts)


def raw_of(blob: Blob) -> bytes:
    """The numbers of a blob as they were packed; ContractError where they are too many, or not those of its head."""
    code = CODES.get(blob.dtype.lstrip("<|="))
    size = math.prod(blob.shape) * (array(code).itemsize if code else 0)
    if code is None or size > MOST_BYTES:
        why = f"of {size} bytes" if code else f"of {blob.dtype}"
        raise ContractError(
            f"name: {blob.name} is a picture {why}, which is not shown: it is in the raw files of the run"
        )
    raw = zlib.decompressobj().decompress(blob.data, size + 1)
    if len(raw) != size:
        raise ContractError(
            f"name: {blob.name} has other numbers than its shape says: it is in the raw files of the run"
        )
    return raw


def numbers_of(blob: Blob) -> list[float]:
    """In row-major order; ContractError as above."""
    numbers: array[Any] = array(CODES.get(blob.dtype.lstrip("<|="), "b"), raw_of(blob))
    if sys.byteorder == "big":
        numbers.byteswap()
    listed: list[float] = numbers.tolist()
    return listed


def unpacked(blob: Blob) -> bytes:
    """The numbers of a blob, as its dtype says."""
    return zlib.decompress(blob.data)
