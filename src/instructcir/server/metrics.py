"""What a server counts, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """Counts of one server; each has its own, so that two in one process do not mix.

    Attributes:
        requests: by route, method and status.
        seconds: of requests, by route.
        batches: questions that went through the model in one pass.
        in_flight: requests that need the model and are being worked on or wait.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        names = ["route", "method", "status"]
        self.requests = Counter("instructcir_requests", "Requests answered.", names, registry=self._registry)
        self.seconds = Histogram(
            "instructcir_request_seconds", "Time to an answer.", ["route"], buckets=_SECONDS, registry=self._registry
        )
        self.batches = Histogram(
            "instructcir_batch_questions", "Questions in one pass.", buckets=_SIZES, registry=self._registry
        )
        self.in_flight = Gauge("instructcir_in_flight", "Requests that need the model.", registry=self._registry)

    def watch(self, name: str, help_text: str, value: Callable[[], float]) -> None:
        """Show a number that is asked for when the metrics are."""
        Gauge(name, help_text, registry=self._registry).set_function(value)

    def text(self) -> bytes:
        """All of it."""
        return generate_latest(self._registry)
