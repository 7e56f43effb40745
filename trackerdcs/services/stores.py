"""Chooses the time series and the store of runs by the stand file."""

from pathlib import Path

from trackerdcs.adapters.logins import secret_in
from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.stand import RunsConfig, StoreConfig
from trackerdcs.ports import TimeSeries
from trackerdcs.ports_runs import RunStore


def open_series(config: StoreConfig, data: Path, read_only: bool = False) -> TimeSeries:
    """The store that `config` describes; nothing is connected or made yet."""
    if config.kind == "sqlite":
        from trackerdcs.adapters.series_sqlite import SqliteSeries

        return SqliteSeries(data / config.path, read_only)
    from trackerdcs.adapters.series_influx import InfluxSeries  # a third of a second that SQLite users do not pay

    return InfluxSeries(*credentials(config))


def open_runs(config: RunsConfig, data: Path, user: str | None = None, read_only: bool = False) -> RunStore:
    """The store that `config` describes; nothing is connected or made yet. `read_only`: a SQLite file that is not
    there is not made. `user`: another account than the stand file names, with its password beside that one's."""
    if config.kind == "sqlite":
        from trackerdcs.adapters.runs_sqlite import SqliteRuns

        return SqliteRuns(data / config.path, guest=read_only)
    from trackerdcs.adapters.runs_mongo import MongoRuns  # a fifth of a second that SQLite users do not pay

    who, password = config.user, None
    if config.password_file is not None:
        file = Path(config.password_file)
        who, file = (user, file.with_name(user)) if user is not None else (who, file)
        password = secret_in(file, "runs.password_file")
    return MongoRuns(config.url or "", config.database, who, password)


def credentials(config: StoreConfig) -> tuple[str, str, str, str]:
    """Address, organization, bucket and token of an InfluxDB; ConfigError names what is missing."""
    token = secret_in(Path(_given(config, "token_file")), "store.token_file")
    return _given(config, "url"), _given(config, "org"), _given(config, "bucket"), token


def _given(config: StoreConfig, field: str) -> str:
    if value := getattr(config, field):
        return str(value)
    raise ConfigError(f"store.{field}: needed for influxdb")
