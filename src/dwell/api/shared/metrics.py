"""What Prometheus may know: requests, ingest, the engine. No label carries anything a caller chose."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from dwell.domain.session.incoming import Receipt

MEDIA_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The measures of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "dwell_http_requests", "Requests answered.", ["operation", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "dwell_http_request_seconds",
            "Time from the request's head to the end of its answer.",
            ["operation"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._observations = Counter(
            "dwell_observations",
            "Observations that came in, by what became of them.",
            ["result"],
            registry=self._registry,
        )
        self._lag = Gauge(
            "dwell_engine_lag_seconds",
            "By how long the engine is late with what is due.",
            registry=self._registry,
        )

    def count_request(self, operation: str, status: int, duration_s: float) -> None:
        """A request was answered."""
        self._requests.labels(operation, str(status)).inc()
        self._seconds.labels(operation).observe(duration_s)

    def count_receipt(self, receipt: Receipt) -> None:
        """A batch of observations was taken."""
        self._observations.labels("accepted").inc(receipt.accepted)
        self._observations.labels("duplicate").inc(receipt.duplicates)
        self._observations.labels("rejected").inc(len(receipt.rejected))

    def note_lag(self, lag_s: float) -> None:
        """The engine is this late now."""
        self._lag.set(lag_s)

    def write(self) -> bytes:
        """All measures, in the text format."""
        return generate_latest(self._registry)
