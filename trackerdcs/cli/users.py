"""`trackerdcs users`: who may log in, and as what."""

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from trackerdcs.cli.clients import UsersOption
from trackerdcs.domain.access import (
    SITE,
    Account,
    checked_name,
    checked_node,
    checked_role,
    password_fault,
    shown_node,
)
from trackerdcs.domain.errors import ConfigError

if TYPE_CHECKING:
    from trackerdcs.adapters.users_sqlite import SqliteUsers
    from trackerdcs.domain.ledger import Chained

users = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Who may log in, and what they may where.")
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the user.", show_default=False)]
RoleArgument = Annotated[
    str, typer.Argument(metavar="ROLE", help="viewer, shifter, expert or admin.", show_default=False)
]
NodeArgument = Annotated[
    str,
    typer.Argument(
        metavar="NODE", help="site, or STAND, STAND/DEVICE, STAND/DEVICE/CHANNEL such as demo/hv1.", show_default=False
    ),
]


@users.command("list")
def show(users: UsersOption) -> None:
    """Print name, role on the site (- for none), number of sessions, and rights at other nodes of each user."""
    from trackerdcs.adapters.clock_system import SystemClock

    with _open(users) as file:
        for one in file.listed(SystemClock().now()):
            sessions = "1 session" if one.sessions == 1 else f"{one.sessions} sessions"
            below = replace(one.account, role=None).standing if one.account.below else ""
            line = f"{one.account.name:<32} {one.account.role or '-':<8} {sessions:<12} {below}"
            typer.echo(line.rstrip())


@users.command()
def add(
    name: NameArgument,
    role: RoleArgument,
    users: UsersOption,
    at: Annotated[
        str, typer.Option("--at", metavar="NODE", help="Where they have the role, and nowhere else.")
    ] = shown_node(SITE),
) -> None:
    """Add a user. The password is asked for twice, or is one line of the standard input.

    \b
    Roles, each may do what those before it may:
      viewer   see what is measured, press KILL
      shifter  use the control page
      expert   change flows
      admin    be admin of the dashboards

    \b
    Examples:
      trackerdcs users add deputy shifter --users var/users.sqlite
      trackerdcs users add guest viewer --at demo --users var/users.sqlite
    """
    from trackerdcs.web.passwords import hash_password

    node, held = checked_node(at), checked_role(role)
    account = Account(checked_name(name), held) if node == SITE else Account(checked_name(name), None, {node: held})
    hash = hash_password(_password(name))
    with _open(users, make=True) as file:
        file.add(account, hash)
    typer.echo(f"{name} added as {account.standing}")


@users.command("role")
def change_role(name: NameArgument, role: RoleArgument, users: UsersOption) -> None:
    """Give a user another role on the site; their sessions end at once."""
    with _open(users) as file:
        file.set_role(checked_name(name), checked_role(role))
    typer.echo(f"{name} is {role} now and has to log in again")


@users.command()
def grant(name: NameArgument, node: NodeArgument, role: RoleArgument, users: UsersOption) -> None:
    """Give a user a role at a node and all below it; their sessions end at once.

    It replaces what was given at that node. A role that was given further up stays: below it can only be added to.

    \b
    Examples:
      trackerdcs users grant deputy demo expert
      trackerdcs users grant deputy demo/hv1/ch0 shifter
    """
    at = checked_node(node)
    with _open(users) as file:
        file.grant(checked_name(name), at, checked_role(role))
    typer.echo(f"{name} is {role} at {shown_node(at)} now and has to log in again")


@users.command()
def revoke(name: NameArgument, node: NodeArgument, users: UsersOption) -> None:
    """Take back what a user was given at a node, and nothing else; their sessions end at once."""
    at = checked_node(node)
    with _open(users) as file:
        file.revoke(checked_name(name), at)
    typer.echo(f"{name} has nothing at {shown_node(at)} of its own now and has to log in again")


@users.command()
def history(users: UsersOption) -> None:
    """Print who changed which user, from the ledger in the file of users, and follow its chain.

    \b
    Exit status:
      0  printed, and the chain is whole
      1  there is no ledger, or its chain is broken
    """
    from trackerdcs.cli.ledger import judge, read
    from trackerdcs.domain.ledger import verify

    with _open(users):  # a file from before there was a ledger begins one here
        links, fault = read(users, 0)
    for link in links:
        typer.echo(_line(link))
    judge(users, verify(links), fault, whole=True)


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


def _line(link: "Chained") -> str:
    """An entry as a person reads it; one that cannot be read is for the chain to judge."""
    from trackerdcs.cli.rows import clean
    from trackerdcs.domain.errors import ContractError
    from trackerdcs.domain.ledger import entry_of

    try:
        entry = entry_of(link)
    except ContractError as e:
        return clean(str(e))
    when = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(entry.ts // 10**9))
    who = f"{entry.user} ({entry.by})" if entry.by else entry.user or "-"
    said = {key: str(value) for key, value in entry.args.items()}
    what = [entry.cmd or entry.event or entry.step, said.pop("name", ""), *(f"{k}={v!r}" for k, v in said.items())]
    return clean(f"{when} {who:20} {' '.join(what)} {entry.why or ''}".rstrip())


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
