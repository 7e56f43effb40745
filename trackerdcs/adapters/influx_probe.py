"""Asks an InfluxDB through influxdb-client how long its bucket keeps values, and what time it is there."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from influxdb_client.service.buckets_service import BucketsService
from urllib3.exceptions import HTTPError

from trackerdcs.domain.errors import StoreDown
from trackerdcs.domain.probing import BucketFacts

TIMEOUT_S = 5.0


def bucket_facts(url: str, org: str, bucket: str, token: str) -> BucketFacts:
    """In the caller's thread; StoreDown where nobody answers. A token that may write may be refused this look."""
    client: Any = InfluxDBClient(url, token, org=org, timeout=int(TIMEOUT_S * 1000))
    service: Any = BucketsService(client.api_client)  # type: ignore[no-untyped-call]
    try:
        found, _, headers = service.get_buckets_with_http_info(name=bucket, org=org)
    except ApiException as refused:
        return BucketFacts(None, _clock(refused.headers))
    except HTTPError as error:
        raise StoreDown(f"{url}: not reachable: {error}") from error
    finally:
        client.close()
    rules = [rule for one in found.buckets for rule in one.retention_rules]
    # A token that may not see the bucket finds none; a bucket without a rule keeps values for ever.
    retention = max((rule.every_seconds for rule in rules), default=0) if found.buckets else None
    return BucketFacts(retention, _clock(headers))


def _clock(headers: Any) -> int | None:
    try:
        date: datetime = parsedate_to_datetime(headers["Date"])
    except (KeyError, TypeError, ValueError):
        return None
    return int(date.replace(tzinfo=date.tzinfo or UTC).timestamp())
