"""Files that are there whole or not at all, whenever the power goes and whoever reads meanwhile."""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO


def write_whole(path: Path, content: bytes, mode: int = 0o666, owner: int | None = None) -> None:
    """Write a file, and its folder if need be; until then the old one stays. Raises OSError.

    `mode` is less the umask; `owner` is a user's number. Nobody else can read it meanwhile.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)  # left by who was interrupted: it may have another mode
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as new:
        new.write(content)
        new.flush()
        if owner is not None:
            os.fchown(new.fileno(), owner, -1)
        os.fsync(new.fileno())
    os.replace(beside, path)


def measured(content: BinaryIO) -> tuple[int, str]:
    """Size and SHA-256 of what is left to read, which can be read again afterwards."""
    begin, size, digest = content.tell(), 0, hashlib.sha256()
    while piece := content.read(1 << 20):
        size += len(piece)
        digest.update(piece)
    content.seek(begin)
    return size, digest.hexdigest()
