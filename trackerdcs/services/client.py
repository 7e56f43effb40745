"""What command clients stand on: a bus to listen and command on, and a look into files that others own."""

import sqlite3
import uuid
from dataclasses import replace
from pathlib import Path

from trackerdcs.domain.errors import StoreFault
from trackerdcs.domain.stand import BusConfig
from trackerdcs.ports import Bus
from trackerdcs.services.buses import open_bus

USER = "cli"
"""The command user of the command line."""


def connect(config: BusConfig, user: str = USER) -> Bus:
    """A bus of its own for this process, as a command user; it has no will, because nobody waits for it."""
    # To a client an embedded broker is a broker like any other, and its library takes long to import.
    return open_bus(replace(config, kind="mqtt"), f"{user}-{uuid.uuid4().hex[:12]}", user)


def rows_in(path: Path, table: str) -> int:
    """How many rows a service's SQLite file has, without ever changing or creating it; raises StoreFault."""
    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=2.0)
        try:
            return int(db.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])
        finally:
            db.close()
    except sqlite3.Error as e:
        raise StoreFault(f"{path}: cannot be read: {e}") from e
