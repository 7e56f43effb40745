"""Chooses the time series by the stand file."""

from pathlib import Path

from trackerdcs.adapters.logins import secret_in
from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.stand import StoreConfig
from trackerdcs.ports import TimeSeries


def open_series(config: StoreConfig, data: Path, read_only: bool = False) -> TimeSeries:
    """The store that `config` describes; nothing is connected or made yet."""
    if config.kind == "sqlite":
        from trackerdcs.adapters.series_sqlite import SqliteSeries

        return SqliteSeries(data / config.path, read_only)
    from trackerdcs.adapters.series_influx import InfluxSeries  # a third of a second that SQLite users do not pay

    return InfluxSeries(*credentials(config))


def credentials(config: StoreConfig) -> tuple[str, str, str, str]:
    """Address, organization, bucket and token of an InfluxDB; ConfigError names what is missing."""
    token = secret_in(Path(_given(config, "token_file")), "store.token_file")
    return _given(config, "url"), _given(config, "org"), _given(config, "bucket"), token


def _given(config: StoreConfig, field: str) -> str:
    if value := getattr(config, field):
        return str(value)
    raise ConfigError(f"store.{field}: needed for influxdb")
