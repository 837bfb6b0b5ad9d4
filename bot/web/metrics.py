"""The metrics page in Prometheus's text format; `docs/monitoring.md` says what each means and what to do.

Labels are words of the program and the registry's chain names only: no address, no chat and nothing that
somebody typed gets out by this page.
"""

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from bot.web.stats import BotStats, ReplicaStats, StoredStats


def metrics(stats: BotStats) -> bytes:
    """Return the page, with the process's own metrics (memory, processor time) behind the bot's."""
    # A registry for each page: the library's global one would keep numbers, and we keep them elsewhere.
    registry = CollectorRegistry()
    registry.register(StatsCollector(stats))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class StatsCollector(Collector):
    """Yields `BotStats` as Prometheus metrics."""

    def __init__(self, stats: BotStats) -> None:
        self._stats = stats

    def collect(self) -> Iterator[Metric]:
        """Yield every metric there is."""
        stats = self._stats
        yield _labelled_gauge("build_info", "Which version runs.", {stats.version: 1}, "version")
        yield _gauge("healthy", "Whether /healthz is 200.", not stats.unhealthy)
        yield _gauge("ready", "Whether /readyz is 200.", not stats.not_ready)
        yield _labelled("heartbeats", "Heartbeats, by result.", stats.heartbeats, "result")
        yield from _of_sweeps(stats)
        yield from _of_telegram(stats)
        yield _gauge("database_up", "Whether the database answers.", stats.stored is not None)
        if stats.stored is not None:
            yield from _of_the_store(stats.stored)
        if stats.replicas is not None:
            yield from _of_replicas(stats.replicas)


def _of_sweeps(stats: BotStats) -> Iterator[Metric]:
    yield _labelled("sweeps", "Sweeps, by result.", stats.sweeps, "result")
    yield SummaryMetricFamily(
        f"{_PREFIX}sweep_seconds",
        "How long sweeps take.",
        count_value=sum(count for result, count in stats.sweeps.items() if result != "failed"),
        sum_value=stats.sweep_seconds_total,
    )
    yield _gauge("last_sweep_seconds", "How long the last sweep took.", stats.last_sweep_seconds)
    yield _gauge("seen_seconds_ago", "How long ago a sweep had an answer.", stats.seen_seconds_ago)
    yield _requests("indexer_requests", "Requests to the indexer.", stats.indexer_requests)
    yield _requests("extra_requests", "Requests beside those of sweeps.", stats.extra_requests)
    yield _labelled(
        "changes_explained", "Changes whose transfers were asked for.", stats.explained, "outcome"
    )
    rows = {"read": stats.rows_read, "refused": stats.rows_refused}
    yield _labelled("rows", "Rows of answers, read or refused.", rows, "outcome")
    if stats.quota_remaining is not None:
        yield _gauge("indexer_quota_remaining", "Units of the quota left.", stats.quota_remaining)


def _of_telegram(stats: BotStats) -> Iterator[Metric]:
    yield _requests("telegram_requests", "Requests to Telegram.", stats.telegram_requests)
    yield _labelled("deliveries", "Attempts to deliver a message.", stats.sends, "outcome")
    yield _labelled("sounds", "Messages that arrived, by how they sound.", stats.sounds, "sound")
    yield _counter(
        "possible_duplicates",
        "Messages sent again because Telegram gave no answer to the first attempt.",
        stats.possible_duplicates,
    )
    yield _counter("updates", "Updates received from Telegram, failed ones included.", stats.updates)
    yield _counter("updates_failed", "Updates that could not be handled.", stats.updates_failed)
    yield _counter(
        "updates_dropped", "Updates of strangers that were dropped: too many.", stats.updates_dropped
    )
    yield _labelled("commands", "Commands, by name.", stats.commands, "command")
    yield _labelled("exports", "Files made of changes, by format.", stats.exports, "format")


def _of_the_store(stored: StoredStats) -> Iterator[Metric]:
    yield _counter("changes", "Balance changes recorded.", stored.changes)
    yield _counter("digests", "Digests made.", stored.digests)
    yield _counter("messages", "Messages composed of alerts.", stored.messages)
    yield _gauge("alerts_waiting", "Alerts waiting to be sent.", stored.waiting)
    yield _gauge("alerts_oldest_seconds", "Age of the oldest waiting alert.", stored.oldest_seconds)
    yield _gauge("alerts_parked", "Alerts for chats that can't be reached.", stored.parked)
    yield _gauge("balances_held_back", "Balances of which filters hold changes back.", stored.unreported)
    yield _gauge("alarms_ringing", "What alarms ring for.", stored.ringing)
    yield _labelled_gauge("alerts_kept_back", "Alerts that wait for later.", stored.kept_back, "by")
    yield _labelled_gauge(
        "chain_age_seconds", "How old the view of a chain is.", stored.chain_age_seconds, "chain"
    )
    yield _labelled_gauge(
        "unknown_views", "Parts of accounts that give no answer.", stored.unknown_views, "chain"
    )
    yield _gauge("accounts", "Accounts watched.", stored.accounts)
    yield _gauge("subscriptions", "Subscriptions of all chats.", stored.subscriptions)
    yield _gauge("database_bytes", "Size of the database.", stored.size_bytes)


def _of_replicas(replicas: ReplicaStats) -> Iterator[Metric]:
    yield _labelled_gauge("role", "Whether this process has a role.", replicas.roles, "role")
    yield _counter("database_connections", "Connections made to the database.", replicas.connections)
    yield _labelled_gauge("lease_epoch", "How often a role has changed hands.", replicas.epochs, "role")
    yield _labelled_gauge(
        "lease_age_seconds", "How long ago a lease was renewed.", replicas.lease_ages, "role"
    )
    if replicas.here is not None:
        yield _gauge("replicas", "Replicas that are there.", replicas.here)
    if replicas.away is not None:
        yield _gauge("replicas_away", "Replicas that are gone without a word.", replicas.away)
    if replicas.clock_ahead_seconds is not None:
        yield _gauge("clock_ahead_seconds", "How far the clock is ahead.", replicas.clock_ahead_seconds)


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
