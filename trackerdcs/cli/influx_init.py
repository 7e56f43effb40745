"""`trackerdcs influx-init`: bucket, tokens and users of the stack's InfluxDB."""

from pathlib import Path
from typing import Annotated

import typer


def influx_init(
    url: Annotated[str, typer.Option(help="Where InfluxDB listens.")] = "http://influxdb:8086",
    secrets: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Holds admin-token, admin-password, grafana-password.")
    ] = Path("/run/secrets"),
    out: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", help="A loader's folder: influx-token is put there. Repeatable."),
    ] = None,
    read_out: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", help="As --out, for a service that only reads. Repeatable."),
    ] = None,
    org: Annotated[str, typer.Option(help="Organization; made in a server that has none.")] = "trackerdcs",
    bucket: Annotated[str, typer.Option(help="Bucket, and name of the database for InfluxQL.")] = "slow-control",
    retention: Annotated[
        str | None,
        typer.Option(
            metavar="SPAN",
            show_default="as it is; a new bucket: forever",
            help="How long values are kept: 90d, 2000h, forever. What is older is removed.",
        ),
    ] = None,
    wait: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="How long to wait for InfluxDB.")] = 60.0,
) -> None:
    """Set up the stack's InfluxDB, and mend what is missing; what is there and works stays as it is.

    The bucket; for each --out a token that writes and reads this bucket and nothing else, for each --read-out one
    that reads it; the bucket as a database for InfluxQL; and its user `grafana`, who only reads. Run at each start of
    the stack. A server whose first start was cut off before it had an organization is set up.

    \b
    Exit status:
      0   all is there
      1   InfluxDB did not answer in time, or refused
      78  a secret or the organization is no good
    """
    from trackerdcs.cli.history import span
    from trackerdcs.services.influx_init import init

    seconds = None if retention is None else 0 if retention == "forever" else span(retention, "--retention")
    init(url, secrets, out or (), org, bucket, seconds, wait, typer.echo, read_out or ())
