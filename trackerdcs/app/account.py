"""On whose account something is done; it travels with the task, and with the jobs that the task gives to the worker."""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Account:
    """A command's (id, user, the person behind the user, reason), or the owner's own, which has a cause."""

    id: str | None = None
    user: str | None = None
    by: str | None = None
    reason: str = ""
    cause: str | None = None

    @property
    def person(self) -> str:
        """Who it is, as far as that can be believed."""
        return self.by or self.user or "nobody"


_account: ContextVar[Account] = ContextVar("account", default=Account())  # noqa: B039 frozen


def on_account_of(account: Account) -> None:
    """What this task or thread does from here on, and the tasks that it begins, belongs to `account`."""
    _account.set(account)


def present_account() -> Account:
    """The account of this task or thread."""
    return _account.get()
