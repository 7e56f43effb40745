"""For tests: a real server that speaks MongoDB's wire protocol, from the lock file."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from trackerdcs.adapters.runs_mongo_setup import make_accounts, prepare
from trackerdcs.tests.servers import Server

ROOT = "root-password"


class Mongo(Server):
    """SecantusDB: each acknowledged write is on disk. With `accounts` (names and passwords) it asks for logins."""

    def __init__(self, accounts: Mapping[str, str] | None = None) -> None:
        self._auth = False
        super().__init__()
        if accounts is None:
            return
        with MongoClient[dict[str, Any]](self.url) as client:
            client.admin.command("createUser", "root", pwd=ROOT, roles=["root"])
        self._auth = True
        self.restart()
        with MongoClient[dict[str, Any]](self.url, username="root", password=ROOT) as client:
            prepare(client, "trackerdcs")
            make_accounts(client, "trackerdcs", accounts)

    @property
    def url(self) -> str:
        """Base address for clients."""
        return f"mongodb://{self.host}:{self.port}"

    def _command(self) -> list[str]:
        program = Path(sys.executable).with_name("secantusd-py")
        options = ["--host", self.host, "--port", str(self.port), "--storage-path", f"{self.directory}/data"]
        extra = ["--auth"] if self._auth else []
        return [str(program), *options, "--standalone", "--sync-on-commit", "--log-level", "WARNING", *extra]

    def _answers(self) -> bool:
        try:
            with MongoClient[dict[str, Any]](self.url, serverSelectionTimeoutMS=1000) as client:
                client.admin.command("hello")
        except PyMongoError:
            return False
        return True
