"""Metrics for Prometheus: how long requests take, and how the store is doing.

Several server processes count together through files, where `PROMETHEUS_MULTIPROC_DIR` names a
folder for them, as `manage.py up` does; without it, one process counts for itself. What is asked
of the store is the same whichever process is asked.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
SHARED: Final = "PROMETHEUS_MULTIPROC_DIR"
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # seconds


class Gauge(NamedTuple):
    """One figure of the store: what it is called, says, and comes to, by the value of a label."""

    name: str
    says: str
    values: Mapping[str, float]  # value of the label -> figure; "" where there is no label
    label: str = ""


class Metrics:
    """What is counted in one application."""

    def __init__(self) -> None:
        self.latency = Histogram(
            "redress_request_seconds",
            "Time until the answer of a request was ready.",
            ("endpoint", "method", "status"),
            registry=None,
            buckets=BUCKETS,
        )

    def observe(self, endpoint: str, method: str, status: int, seconds: float) -> None:
        """Count a request. status: of the answer; only its hundreds are kept."""
        self.latency.labels(endpoint, method, f"{status // 100}xx").observe(seconds)

    def render(self, read: Callable[[], Iterable[Gauge]]) -> bytes:
        """Return all metrics as text. read: gives those of the store."""
        registry = CollectorRegistry()
        if os.environ.get(SHARED):
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        else:
            registry.register(self.latency)
        registry.register(FromStore(read))
        return generate_latest(registry)


class FromStore(Collector):
    """Figures that are read when they are asked for."""

    def __init__(self, read: Callable[[], Iterable[Gauge]]) -> None:
        self.read = read

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Say nothing beforehand: or registering would read."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield each figure."""
        for one in self.read():
            family = GaugeMetricFamily(one.name, one.says, labels=[one.label] if one.label else [])
            for value, figure in one.values.items():
                family.add_metric([value] if one.label else [], figure)
            yield family
