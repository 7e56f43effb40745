"""Sets up the MongoDB of the stack, or mends what is missing: each start of the stack runs it."""

from collections.abc import Callable
from pathlib import Path

from trackerdcs.adapters.logins import secret_in
from trackerdcs.adapters.mongo_setup import set_up
from trackerdcs.domain.secret_folder import MONGO

ROOT_PASSWORD, ACCOUNTS = "root-password", "mongo"


def init(url: str, secrets: Path, database: str, patience: float, tell: Callable[[str], None]) -> None:
    """Collections, indexes, and the accounts with the passwords that are in the secrets.

    ConfigError for a secret that is no good, StoreDown where the server does not answer in time.
    """
    root = secret_in(secrets / ROOT_PASSWORD, "secrets")
    passwords = {account: secret_in(secrets / ACCOUNTS / account, "secrets") for account in MONGO}
    set_up(url, root, database, passwords, patience)
    tell(f"database {database}: collections, indexes and the accounts {', '.join(MONGO)} are there")
