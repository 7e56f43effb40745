"""`trackerdcs users`: who may log in, and as what."""

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from trackerdcs.cli.clients import UsersOption
from trackerdcs.domain.access import Account, checked_name, checked_role, password_fault
from trackerdcs.domain.errors import ConfigError

if TYPE_CHECKING:
    from trackerdcs.adapters.users_sqlite import SqliteUsers

users = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Who may log in: list, add, role, password, remove."
)
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the user.", show_default=False)]
RoleArgument = Annotated[
    str, typer.Argument(metavar="ROLE", help="viewer, shifter, expert or admin.", show_default=False)
]


@users.command("list")
def show(users: UsersOption) -> None:
    """Print name, role and number of sessions of each user."""
    from trackerdcs.adapters.clock_system import SystemClock

    with _open(users) as file:
        for one in file.listed(SystemClock().now()):
            sessions = "1 session" if one.sessions == 1 else f"{one.sessions} sessions"
            typer.echo(f"{one.account.name:<32} {one.account.role:<8} {sessions}")


@users.command()
def add(name: NameArgument, role: RoleArgument, users: UsersOption) -> None:
    """Add a user. The password is asked for twice, or is one line of the standard input.

    \b
    Roles, each may do what those before it may:
      viewer   see dashboards, press KILL
      shifter  use the control page
      expert   change flows
      admin    be admin of the dashboards

    Example: trackerdcs users add deputy shifter --users var/users.sqlite
    """
    from trackerdcs.web.passwords import hash_password

    account = Account(checked_name(name), checked_role(role))
    hash = hash_password(_password(name))
    with _open(users, make=True) as file:
        file.add(account, hash)
    typer.echo(f"{name} added as {role}")


@users.command("role")
def change_role(name: NameArgument, role: RoleArgument, users: UsersOption) -> None:
    """Give a user another role; their sessions end at once."""
    with _open(users) as file:
        file.set_role(checked_name(name), checked_role(role))
    typer.echo(f"{name} is {role} now and has to log in again")


@users.command("password")
def change_password(name: NameArgument, users: UsersOption) -> None:
    """Give a user another password, asked for twice or a line of the standard input; their sessions end at once."""
    from trackerdcs.web.passwords import hash_password

    hash = hash_password(_password(checked_name(name)))
    with _open(users) as file:
        file.set_password(name, hash)
    typer.echo(f"{name} has another password now and has to log in again")


@users.command()
def remove(name: NameArgument, users: UsersOption) -> None:
    """Remove a user; their sessions end at once. The last admin stays."""
    with _open(users) as file:
        file.remove(checked_name(name))
    typer.echo(f"{name} removed")


@contextlib.contextmanager
def _open(path: UsersOption, make: bool = False) -> "Iterator[SqliteUsers]":
    from trackerdcs.adapters.users_sqlite import SqliteUsers

    with contextlib.closing(SqliteUsers(path, make)) as file:
        yield file


def _password(name: str) -> str:
    """From the keyboard without an echo, else a line of stdin: an argument would be seen by everybody on the host."""
    if sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().removesuffix("\n")
    if fault := password_fault(password, name):
        raise ConfigError(f"password: {fault}")
    return str(password)
