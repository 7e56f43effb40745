"""Sets up the InfluxDB of the stack, or mends what is missing: each start of the stack runs it."""

from collections.abc import Callable, Sequence
from pathlib import Path

from trackerdcs.adapters.influx_setup import InfluxSetup, Refused
from trackerdcs.adapters.logins import secret_in
from trackerdcs.adapters.whole_file import write_whole
from trackerdcs.domain.errors import ConfigError

ADMIN_TOKEN, GRAFANA_PASSWORD, TOKEN = "admin-token", "grafana-password", "influx-token"
ADMIN, ADMIN_PASSWORD = "admin", "admin-password"
GRAFANA = "grafana"
"""The user of the data source, who reads by InfluxQL."""


def init(
    url: str,
    secrets: Path,
    outs: Sequence[Path],
    org: str,
    bucket: str,
    retention_s: int | None,
    patience: float,
    tell: Callable[[str], None],
    read_outs: Sequence[Path] = (),
) -> None:
    """Bucket, a token in each of the folders `outs` and `read_outs`, the database of InfluxQL and its reader.

    ConfigError for a secret or an organization that is no good, StoreDown where the server does not answer in time.
    """
    admin, password = (secret_in(secrets / name, "secrets") for name in (ADMIN_TOKEN, GRAFANA_PASSWORD))
    if len({out.name for out in (*outs, *read_outs)}) < len(outs) + len(read_outs):
        raise ConfigError("out: two folders of one name, by which a token is known again")
    server = InfluxSetup(url, admin)
    server.wait(patience)
    if server.blank():  # its first start was cut off: it finds its files and takes itself for complete
        server.begin(ADMIN, secret_in(secrets / ADMIN_PASSWORD, "secrets"), org, bucket)
        tell(f"organization {org}: set up")
    try:
        org_id = server.org(org)
    except Refused as e:
        raise ConfigError(f"{secrets / ADMIN_TOKEN}: InfluxDB was set up with another one: {e}") from e
    bucket_id, changed = server.bucket(org_id, bucket, retention_s)
    tell(f"bucket {bucket}: {'made, or its retention changed' if changed else 'as it was'}")
    for out in (*outs, *read_outs):
        path, name, writes = out / TOKEN, f"trackerdcs {out.name}", out in outs
        if path.exists() and server.works(secret_in(path, "secrets"), org_id, bucket_id, writes):
            tell(f"token {path}: works")
            continue
        token = server.new_token(org_id, bucket_id, name, writes)
        try:
            write_whole(path, f"{token}\n".encode(), 0o400)
        except OSError as e:
            raise ConfigError(f"{path}: cannot be written: {e.strerror}") from e
        tell(f"token {path}: made")
    changed = server.database(org_id, bucket_id, bucket)
    tell(f"database {bucket} for InfluxQL: {'made' if changed else 'as it was'}")
    new = server.reader(org_id, bucket_id, GRAFANA, password)
    tell(f"user {GRAFANA} of InfluxQL: {'made' if new else 'as it was'}, with the password of {GRAFANA_PASSWORD}")
