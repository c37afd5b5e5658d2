"""What a Direct PUT stream takes: three rations that grow together while they throttle.

Pure: time is an argument. Source: Firehose Developer Guide, limits.html.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgsim.kernel.simulation import NS_PER_S
from msgsim.kernel.waiting import TokenBucket

_LULL_NS = 60 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Rates:
    """The quotas of one stream in its Region.

    Attributes:
        requests_per_s: PutRecord and PutRecordBatch calls together.
        records_per_s: records in them.
        bytes_per_s: their data.
        window: capacity of the buckets, as seconds at full rate (assumption).
        raise_after_ns: how long throttling lasts until AWS doubles all three; None for never
            (that it does is documented, the time is an assumption).
    """

    requests_per_s: int
    records_per_s: int
    bytes_per_s: int
    window: float
    raise_after_ns: int | None


class PutQuota:
    """Three token buckets (a loss system for whoever finds one of them empty).

    Attributes:
        factor: by how much AWS has raised the quotas so far.
    """

    def __init__(self, rates: Rates) -> None:
        self.factor = 1
        self._rates = rates
        self._throttled_since: int | None = None
        self._throttled_last = 0
        self._fill(0)

    def _fill(self, now: int) -> None:
        rates, factor = self._rates, self.factor
        self._requests, self._records, self._bytes = (
            TokenBucket(max(1, round(rate * factor * rates.window)), rate * factor, now)
            for rate in (rates.requests_per_s, rates.records_per_s, rates.bytes_per_s)
        )

    def take_request(self, now: int) -> bool:
        """Take the ration of one call."""
        return self._requests.take(now) or self._refuse(now)

    def take_record(self, now: int, size_bytes: int) -> bool:
        """Take the ration of one record."""
        if not self._records.take(now):
            return self._refuse(now)
        if not self._bytes.take(now, size_bytes):
            self._records.put_back()
            return self._refuse(now)
        return True

    def _refuse(self, now: int) -> bool:
        """Note a throttle; the quotas are doubled when throttling has lasted long enough."""
        since = self._throttled_since
        if since is None or now - self._throttled_last > _LULL_NS:
            since = self._throttled_since = now
        self._throttled_last = now
        after = self._rates.raise_after_ns
        if after is not None and now - since >= after:
            self.factor *= 2
            self._throttled_since = None
            self._fill(now)
        return False
