"""The metrics, and that the dashboard, the rules and the manual speak of these and no others."""

import json
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.web.metrics import metrics
from bot.web.stats import BotStats, ReplicaStats, StoredStats

DOCS = Path(__file__).parents[2] / "docs"
NAME = re.compile(r"\bbalance_bot_\w+")

STORED = StoredStats(
    changes=7,
    messages=3,
    waiting=2,
    oldest_seconds=1.5,
    parked=1,
    unreported=4,
    ringing=2,
    kept_back={"mute": 0, "quiet": 3, "budget": 4},
    digests=6,
    chain_age_seconds={"polygon": 12.5, "base": 3.0},
    unknown_views={"polygon": 4},
    accounts=5,
    subscriptions=6,
    size_bytes=4096,
)
EVERYTHING = BotStats(
    "1.2.3",
    unhealthy=0,
    not_ready=2,
    sweeps={"seen": 3, "blind": 1, "failed": 2},
    sweep_seconds_total=2.5,
    last_sweep_seconds=0.5,
    seen_seconds_ago=9.0,
    indexer_requests={("GetChains", "answered"): 1, ("GetChains", "timed_out"): 2},
    extra_requests={("GetTransactionHistory", "over_budget"): 3},
    explained={"explained": 7, "unknown": 2},
    rows_read=100,
    rows_refused=1,
    quota_remaining=1000,
    telegram_requests={("sendMessage", "ok"): 4},
    sends={"sent": 4, "unknown": 1},
    sounds={"ring": 3, "silent": 1},
    possible_duplicates=1,
    updates=11,
    updates_failed=1,
    updates_dropped=3,
    commands={"watch": 2},
    exports={"csv": 3},
    heartbeats={"sent": 5, "withheld": 1},
    stored=STORED,
    replicas=ReplicaStats(
        {"poller": 1, "sender": 0},
        3,
        epochs={"poller": 7, "sender": 2},
        lease_ages={"poller": 1.5, "sender": 2.5},
        here=2,
        away=1,
        clock_ahead_seconds=-0.25,
    ),
)


def samples(stats: BotStats) -> dict[str, float]:
    """Return every sample by its name and labels, as Prometheus reads the page."""
    return {
        sample.name + "".join(f" {key}={value}" for key, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics(stats).decode())
        for sample in family.samples
    }


def names(stats: BotStats) -> set[str]:
    return {key.split(" ")[0] for key in samples(stats) if key.startswith("balance_bot_")}


def test_prometheus_reads_every_figure_as_it_is() -> None:
    read = samples(EVERYTHING)

    assert {key: value for key, value in read.items() if not key.startswith("process_")} == {
        "balance_bot_build_info version=1.2.3": 1,
        "balance_bot_healthy": 1,
        "balance_bot_ready": 0,
        "balance_bot_sweeps_total result=blind": 1,
        "balance_bot_sweeps_total result=failed": 2,
        "balance_bot_sweeps_total result=seen": 3,
        "balance_bot_sweep_seconds_count": 4,
        "balance_bot_sweep_seconds_sum": 2.5,
        "balance_bot_last_sweep_seconds": 0.5,
        "balance_bot_seen_seconds_ago": 9,
        "balance_bot_indexer_requests_total method=GetChains outcome=answered": 1,
        "balance_bot_indexer_requests_total method=GetChains outcome=timed_out": 2,
        "balance_bot_extra_requests_total method=GetTransactionHistory outcome=over_budget": 3,
        "balance_bot_changes_explained_total outcome=explained": 7,
        "balance_bot_changes_explained_total outcome=unknown": 2,
        "balance_bot_rows_total outcome=read": 100,
        "balance_bot_rows_total outcome=refused": 1,
        "balance_bot_indexer_quota_remaining": 1000,
        "balance_bot_heartbeats_total result=sent": 5,
        "balance_bot_heartbeats_total result=withheld": 1,
        "balance_bot_telegram_requests_total method=sendMessage outcome=ok": 4,
        "balance_bot_deliveries_total outcome=sent": 4,
        "balance_bot_deliveries_total outcome=unknown": 1,
        "balance_bot_sounds_total sound=ring": 3,
        "balance_bot_sounds_total sound=silent": 1,
        "balance_bot_possible_duplicates_total": 1,
        "balance_bot_updates_total": 11,
        "balance_bot_updates_failed_total": 1,
        "balance_bot_updates_dropped_total": 3,
        "balance_bot_commands_total command=watch": 2,
        "balance_bot_exports_total format=csv": 3,
        "balance_bot_database_up": 1,
        "balance_bot_changes_total": 7,
        "balance_bot_digests_total": 6,
        "balance_bot_messages_total": 3,
        "balance_bot_alerts_waiting": 2,
        "balance_bot_alerts_oldest_seconds": 1.5,
        "balance_bot_alerts_parked": 1,
        "balance_bot_balances_held_back": 4,
        "balance_bot_alarms_ringing": 2,
        "balance_bot_alerts_kept_back by=mute": 0,
        "balance_bot_alerts_kept_back by=quiet": 3,
        "balance_bot_alerts_kept_back by=budget": 4,
        "balance_bot_chain_age_seconds chain=base": 3,
        "balance_bot_chain_age_seconds chain=polygon": 12.5,
        "balance_bot_unknown_views chain=polygon": 4,
        "balance_bot_accounts": 5,
        "balance_bot_subscriptions": 6,
        "balance_bot_database_bytes": 4096,
        "balance_bot_role role=poller": 1,
        "balance_bot_role role=sender": 0,
        "balance_bot_database_connections_total": 3,
        "balance_bot_lease_epoch role=poller": 7,
        "balance_bot_lease_epoch role=sender": 2,
        "balance_bot_lease_age_seconds role=poller": 1.5,
        "balance_bot_lease_age_seconds role=sender": 2.5,
        "balance_bot_replicas": 2,
        "balance_bot_replicas_away": 1,
        "balance_bot_clock_ahead_seconds": -0.25,
    }


def test_over_a_file_there_is_nothing_to_say_of_replicas() -> None:
    assert not {
        name for name in names(BotStats("1.2.3", 0, 0, stored=STORED)) if "role" in name or "replica" in name
    }


def test_of_a_database_that_is_away_a_replica_knows_its_own_roles() -> None:
    shown = names(BotStats("1.2.3", 0, 1, replicas=ReplicaStats({"poller": 1}, 5)))

    assert {"balance_bot_role", "balance_bot_database_connections_total"} <= shown
    assert not shown & {"balance_bot_replicas", "balance_bot_clock_ahead_seconds", "balance_bot_lease_epoch"}


def test_a_database_that_does_not_answer_leaves_out_what_it_knows() -> None:
    shown = names(BotStats("1.2.3", 1, 1))

    assert samples(BotStats("1.2.3", 1, 1))["balance_bot_database_up"] == 0
    assert "balance_bot_updates_total" in shown
    assert not shown & {"balance_bot_changes_total", "balance_bot_alerts_waiting"}


def test_a_quota_nobody_speaks_of_is_left_out_and_not_zero() -> None:
    assert "balance_bot_indexer_quota_remaining" not in names(BotStats("1.2.3", 0, 0))


@pytest.mark.parametrize("document", ["grafana.json", "prometheus-rules.yml", "monitoring.md"])
def test_what_documents_name_is_there(document: str) -> None:
    named = set(NAME.findall((DOCS / document).read_text()))

    assert named - {"balance_bot_"}
    assert named - {"balance_bot_"} <= names(EVERYTHING)


def test_the_manual_explains_every_metric() -> None:
    assert names(EVERYTHING) <= set(NAME.findall((DOCS / "monitoring.md").read_text()))


def test_the_dashboard_asks_each_panel_something_and_shows_none_twice() -> None:
    panels = json.loads((DOCS / "grafana.json").read_text())["panels"]

    assert all(target["expr"] for panel in panels for target in panel["targets"])
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
