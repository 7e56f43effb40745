"""The command line `trackerdcs`: one file per command. They import what they need when they run: --help stays fast."""

import os
from typing import Any

import typer
from typer.core import TyperGroup

from trackerdcs.cli.alarms import alarms
from trackerdcs.cli.check import check
from trackerdcs.cli.compose import compose
from trackerdcs.cli.deadletter import deadletter
from trackerdcs.cli.demo import demo
from trackerdcs.cli.derived import derived
from trackerdcs.cli.device import device
from trackerdcs.cli.doctor import doctor
from trackerdcs.cli.gaps import gaps
from trackerdcs.cli.guard import guard
from trackerdcs.cli.history import history
from trackerdcs.cli.import_run import import_run
from trackerdcs.cli.influx_init import influx_init
from trackerdcs.cli.kill import kill
from trackerdcs.cli.ledger import ledger
from trackerdcs.cli.loader import loader
from trackerdcs.cli.mongo_init import mongo_init
from trackerdcs.cli.notify import notify
from trackerdcs.cli.ph2acf import ph2acf
from trackerdcs.cli.proof import proof
from trackerdcs.cli.recorder import recorder
from trackerdcs.cli.runs import runs
from trackerdcs.cli.schema import schema
from trackerdcs.cli.secrets import secrets
from trackerdcs.cli.send import send
from trackerdcs.cli.sim import sim
from trackerdcs.cli.swarm import swarm
from trackerdcs.cli.users import users
from trackerdcs.cli.watch import watch
from trackerdcs.cli.web import web
from trackerdcs.domain.errors import ConfigError, TrackerError


class Commands(TyperGroup):
    """All commands; what goes wrong on purpose is a message and an exit status, never a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except TrackerError as e:
            typer.echo(str(e), err=True)
            # 78: a supervisor need not try again before somebody has mended the file.
            raise typer.Exit(os.EX_CONFIG if isinstance(e, ConfigError) else 1) from e


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Detector control system (slow control) for module test stands.",
)
app.command()(demo)
app.command()(kill)
app.command()(send)
app.command()(watch)
app.command()(history)
app.command()(gaps)
app.command()(ledger)
app.command()(doctor)
app.command()(proof)
app.command("import-run")(import_run)
app.command()(device)
app.command()(guard)
app.command()(derived)
app.command()(alarms)
app.command()(notify)
app.command()(ph2acf)
app.command()(loader)
app.command()(recorder)
app.command()(web)
app.add_typer(runs, name="runs")
app.add_typer(users, name="users")
app.add_typer(deadletter, name="deadletter")
app.add_typer(sim, name="sim")
app.command()(secrets)
app.command()(influx_init)
app.command()(mongo_init)
app.command()(check)
app.command()(compose)
app.command()(swarm)
app.command()(schema)


@app.callback()
def _several() -> None:
    """Detector control system (slow control) for module test stands."""
