"""Numbers for Prometheus: routes by their template, never by what was asked."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """The service's metrics, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "cistron_requests", "Answered requests.", ["method", "route", "status"], registry=registry
        )
        self.seconds = Histogram(
            "cistron_request_seconds", "Time to answer.", ["route"], registry=registry, buckets=_SECONDS
        )
        self.queue = Gauge(
            "cistron_queue_requests", "Requests that wait for a model.", ["lane"], registry=registry
        )
        self.batch = Histogram(
            "cistron_batch_requests",
            "Requests that ran together.",
            ["lane"],
            registry=registry,
            buckets=_ROWS,
        )
        self.bases = Counter("cistron_bases", "Bases asked for.", ["verb"], registry=registry)
        self.loaded = Gauge("cistron_loaded_bytes", "Weights in memory.", ["model"], registry=registry)
        self.jobs = Counter("cistron_jobs_finished", "Jobs that ended.", ["kind", "state"], registry=registry)

    def text(self) -> bytes:
        """All of them as Prometheus reads them."""
        return generate_latest(self._registry)
