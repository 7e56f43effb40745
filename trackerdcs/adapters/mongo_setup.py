"""Sets up the MongoDB of the stack: collections, indexes and accounts of the store of runs. Nothing twice."""

import time
from collections.abc import Mapping
from typing import Any

from pymongo import MongoClient
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from trackerdcs.adapters.runs_mongo_setup import make_accounts, prepare
from trackerdcs.domain.errors import ConfigError, StoreDown

LOOK_S = 0.5
NO_LOGIN = 18
ROOT = "root"


def set_up(url: str, root_password: str, database: str, passwords: Mapping[str, str], patience: float) -> None:
    """Make what is missing, and give each account its password. ConfigError where the password of root is refused,
    StoreDown without an answer within so many seconds."""
    deadline = time.monotonic() + patience
    with MongoClient[dict[str, Any]](
        url, username=ROOT, password=root_password, w="majority", serverSelectionTimeoutMS=2000, connect=False
    ) as client:
        while True:
            try:
                client.admin.command("ping")
                prepare(client, database)
                return make_accounts(client, database, passwords)
            except ConnectionFailure as e:
                if time.monotonic() > deadline:
                    raise StoreDown(f"{url}: {e} (waited {patience:g} s for MongoDB)") from e
                time.sleep(LOOK_S)
            except OperationFailure as e:
                if e.code == NO_LOGIN:
                    raise ConfigError(f"root-password: MongoDB was set up with another one: {e}") from e
                raise StoreDown(f"{url}: {e}") from e
            except PyMongoError as e:
                raise StoreDown(f"{url}: {e}") from e
