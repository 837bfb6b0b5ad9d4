"""The metrics in Prometheus's text format; `docs/monitoring.md` says what each means and what to do.

No address, no chat and nothing that anybody typed is in them: labels are words of ours and the
registry's names of chains.
"""

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from bot.web.stats import Figures, StoredFigures


def metrics(figures: Figures) -> bytes:
    """Return the page."""
    registry = CollectorRegistry()
    registry.register(FiguresCollector(figures))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class FiguresCollector(Collector):
    """Turns figures into metrics."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """Yield every metric there is."""
        figures = self._figures
        yield _labelled_gauge("build_info", "Which version runs.", {figures.version: 1}, "version")
        yield _gauge("healthy", "Whether /healthz is 200.", not figures.unhealthy)
        yield _gauge("ready", "Whether /readyz is 200.", not figures.not_ready)
        yield from _of_sweeps(figures)
        yield from _of_telegram(figures)
        yield _gauge("database_up", "Whether the database answers.", figures.stored is not None)
        if figures.stored is not None:
            yield from _of_the_store(figures.stored)


def _of_sweeps(figures: Figures) -> Iterator[Metric]:
    yield _labelled("sweeps", "Sweeps, by what came of them.", figures.sweeps, "result")
    yield SummaryMetricFamily(
        f"{_PREFIX}sweep_seconds",
        "How long sweeps take.",
        count_value=sum(count for result, count in figures.sweeps.items() if result != "failed"),
        sum_value=figures.sweep_seconds_total,
    )
    yield _gauge("last_sweep_seconds", "How long the last sweep took.", figures.last_sweep_seconds)
    yield _gauge("seen_seconds_ago", "How long ago a sweep had an answer.", figures.seen_seconds_ago)
    yield _requests("indexer_requests", "Requests to the indexer.", figures.indexer_requests)
    rows = {"read": figures.rows_read, "refused": figures.rows_refused}
    yield _labelled("rows", "Rows of answers, read or not believed.", rows, "outcome")
    if figures.quota_remaining is not None:
        yield _gauge("indexer_quota_remaining", "Units of the quota left.", figures.quota_remaining)


def _of_telegram(figures: Figures) -> Iterator[Metric]:
    yield _requests("telegram_requests", "Requests to Telegram.", figures.telegram_requests)
    yield _labelled("deliveries", "Attempts to deliver a message.", figures.sends, "outcome")
    yield _counter(
        "possible_duplicates",
        "Messages sent again because Telegram never told what became of them.",
        figures.possible_duplicates,
    )
    yield _counter("updates", "What Telegram told us, dealt with well or not.", figures.updates)
    yield _counter("updates_failed", "Updates that were given up.", figures.updates_failed)
    yield _counter("updates_dropped", "Updates of strangers, too many of them.", figures.updates_dropped)
    yield _labelled("commands", "Commands, by what was asked for.", figures.commands, "command")


def _of_the_store(stored: StoredFigures) -> Iterator[Metric]:
    yield _counter("changes", "Changes ever recorded.", stored.changes)
    yield _counter("messages", "Messages ever composed of alerts.", stored.messages)
    yield _gauge("alerts_waiting", "Alerts not told yet.", stored.waiting)
    yield _gauge("alerts_oldest_seconds", "Age of the oldest alert not told yet.", stored.oldest_seconds)
    yield _gauge("alerts_parked", "Alerts for chats that can't be reached.", stored.parked)
    yield _labelled_gauge(
        "chain_age_seconds", "How old the view of a chain is.", stored.chain_age_seconds, "chain"
    )
    yield _labelled_gauge(
        "unknown_views", "Parts of accounts that give no answer.", stored.unknown_views, "chain"
    )
    yield _gauge("accounts", "Accounts watched.", stored.accounts)
    yield _gauge("subscriptions", "Subscriptions of all chats.", stored.subscriptions)
    yield _gauge("database_bytes", "Size of the database.", stored.size_bytes)


_PREFIX = "balance_bot_"


def _counter(name: str, text: str, value: int) -> Metric:
    return CounterMetricFamily(_PREFIX + name, text, value=value)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(_PREFIX + name, text, value=value)


def _labelled(name: str, text: str, values: Mapping[str, float], label: str) -> Metric:
    metric = CounterMetricFamily(_PREFIX + name, text, labels=[label])
    for word, value in sorted(values.items()):
        metric.add_metric([word], value)
    return metric


def _labelled_gauge(name: str, text: str, values: Mapping[str, float], label: str) -> Metric:
    metric = GaugeMetricFamily(_PREFIX + name, text, labels=[label])
    for word, value in sorted(values.items()):
        metric.add_metric([word], value)
    return metric


def _requests(name: str, text: str, values: Mapping[tuple[str, str], int]) -> Metric:
    metric = CounterMetricFamily(_PREFIX + name, text, labels=["method", "outcome"])
    for labels, value in sorted(values.items()):
        metric.add_metric(labels, value)
    return metric
