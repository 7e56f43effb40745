"""`trackerdcs recorder`: who commanded what, into the store of runs."""

import typer

from trackerdcs.cli.clients import StandsArgument


def recorder(stands: StandsArgument) -> None:
    """Keep all commands with their answers, all kills, and which module is on which channel, of these stands.

    They are what `/api/ledger` and the page Ledger show. All stands share a broker and a store of runs. One recorder a
    site; runs until Ctrl-C. What is said while it or the store is down waits with the broker.

    Example: trackerdcs recorder stands
    """
    from trackerdcs.services.recorder import serve
    from trackerdcs.services.runtime import run
    from trackerdcs.services.stand_files import read_stands

    read = [file.stand for file in read_stands(stands)]
    raise typer.Exit(run(lambda: serve(read)))
