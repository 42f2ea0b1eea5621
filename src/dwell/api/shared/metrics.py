"""What Prometheus may know: requests, ingest, engine, orders, store. No label carries anything a caller chose."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from dwell.application.engine import Looked
from dwell.application.price_feed import FeedState
from dwell.application.records import Tally
from dwell.domain.session.incoming import Receipt
from dwell.domain.session.record import ACTIVE, UPCOMING
from dwell.domain.session.steering import CONFIRMED, DROPPED, FAILED, PENDING, SENT

MEDIA_TYPE = "text/plain; version=0.0.4"
"""Without the charset: whoever answers with text adds it."""
TALLY_KEPT_S = 15.0
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
        self._stock = _StockMeasures(self._registry)
        self._tallied_s: float | None = None
        self.engine_trouble: str | None = None
        """The kind of error by which the engine's last run ended; None once one has come to its end."""
        self._engine = _EngineMeasures(self._registry)
        self._commit_seconds = Histogram(
            "dwell_store_commit_seconds",
            "Time of a transaction that writes, from its beginning to its durable end.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._feed_failures = Gauge(
            "dwell_price_feed_failures",
            "Failures in a row of the live feed of prices.",
            registry=self._registry,
        )
        self._feed_known_until = Gauge(
            "dwell_price_feed_known_until_seconds",
            "Until when the feed has given prices, in seconds since 1970; 0 before its first.",
            registry=self._registry,
        )
        self._works = Counter(
            "dwell_store_works", "Units of work that were committed.", registry=self._registry
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
        self._engine.lag.set(lag_s)

    def wants_tally(self) -> bool:
        """Whether what was counted is older than TALLY_KEPT_S: nobody can have the store counted at will."""
        now_s = time.monotonic()
        if self._tallied_s is not None and now_s - self._tallied_s < TALLY_KEPT_S:
            return False
        self._tallied_s = now_s
        return True

    def note_tally(self, tally: Tally) -> None:
        """So much there is now."""
        self._stock.note(tally)

    def engine_ran(self, looked: Looked, duration_s: float) -> None:
        """A run of the engine came to its end."""
        self.engine_trouble = None
        self._engine.count_run(looked, duration_s)

    def order_given(self, *, told: bool) -> None:
        """An order was handed out, or could not be."""
        self._engine.count_order(told=told)

    def engine_failed(self, kind: str) -> None:
        """A run of the engine ended by an error of this kind."""
        self.engine_trouble = kind
        self._engine.failures.labels(kind).inc()

    def committed(self, works: int, duration_s: float) -> None:
        """The store committed so many units of work in one transaction. May be called from any thread."""
        self._works.inc(works)
        self._commit_seconds.observe(duration_s)

    def note_feed(self, state: FeedState) -> None:
        """The feed of prices stands so."""
        self._feed_failures.set(state.failures)
        if state.known_until is not None:
            self._feed_known_until.set(state.known_until.timestamp())

    def write(self) -> bytes:
        """All measures, in the text format."""
        return generate_latest(self._registry)


class _StockMeasures:
    """How much there is in the store."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._sessions = Gauge(
            "dwell_sessions",
            "Sessions of policies that are not settled, by state.",
            ["state"],
            registry=registry,
        )
        self._orders = Gauge(
            "dwell_orders_last_hour",
            "Orders made within the last hour, by their state now.",
            ["state"],
            registry=registry,
        )
        self._events = Gauge(
            "dwell_outbox_events", "Events that are kept, at most: from the oldest on.", registry=registry
        )

    def note(self, tally: Tally) -> None:
        """So much there is now."""
        for family, states, counts in (
            (self._sessions, (UPCOMING, ACTIVE), tally.sessions),
            (self._orders, (PENDING, SENT, CONFIRMED, FAILED, DROPPED), tally.orders),
        ):
            for state in states:
                family.labels(state).set(counts.get(state, 0))
        self._events.set(tally.events)


class _EngineMeasures:
    """What the engine did."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.lag = Gauge(
            "dwell_engine_lag_seconds", "By how long the engine is late with what is due.", registry=registry
        )
        self.failures = Counter(
            "dwell_engine_failures", "Runs of the engine that an error ended.", ["kind"], registry=registry
        )
        self._seconds = Histogram(
            "dwell_engine_run_seconds",
            "Time of one run of the engine: looking after what is due, and handing orders out.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._vehicles = Counter(
            "dwell_engine_vehicles",
            "Vehicles that were due, by whether they could be looked after.",
            ["result"],
            registry=registry,
        )
        self._plan_seconds = Histogram(
            "dwell_plan_seconds",
            "Time to make one plan, reading its prices and verifying it included.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._plan_faults = Counter(
            "dwell_plans_refused", "Plans that the verifier refused: none should ever be.", registry=registry
        )
        self._orders = Counter(
            "dwell_orders_handed_out",
            "Orders handed out, by whether the other side took them.",
            ["result"],
            registry=registry,
        )
        for family, results in ((self._vehicles, ("tended", "put_off")), (self._orders, ("told", "untold"))):
            for result in results:
                family.labels(result)

    def count_run(self, looked: Looked, duration_s: float) -> None:
        """A run came to its end."""
        self._seconds.observe(duration_s)
        self._vehicles.labels("tended").inc(looked.due - len(looked.failures))
        self._vehicles.labels("put_off").inc(len(looked.failures))
        for plan_s in looked.plans_s:
            self._plan_seconds.observe(plan_s)
        self._plan_faults.inc(len(looked.plan_faults))

    def count_order(self, *, told: bool) -> None:
        """An order was handed out, or could not be."""
        self._orders.labels("told" if told else "untold").inc()
