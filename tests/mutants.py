"""Mutants of the bot: each has one defect that people would pay for, and a test that must notice it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """The bot but for one edit."""

    defect: str
    file: str
    old: str
    new: str
    noticed_by: str
    """The test that fails for this mutant, and for no other reason."""
    on_server: bool = False
    """Whether only a database server shows it."""


MUTANTS = (
    Mutant(
        "a message is marked as sent before it is sent: a kill in between loses it",
        "bot/store/outbox/queue.py",
        "VALUES (?, '', 'sending', ?, ?, ?)",
        "VALUES (?, '', 'sent', ?, ?, ?)",
        "tests/store/test_delivery_results.py"
        "::test_what_was_being_sent_at_the_end_is_in_doubt_and_repeated_as_it_was",
    ),
    Mutant(
        "whatever is being sent is doubted at a start: what another one is sending is sent twice",
        "bot/store/delivery_results.py",
        "AND state = 'sending' AND epoch < ?",
        "AND state = 'sending' AND ? > 0",
        "tests/store/test_delivery_results.py::test_what_an_epoch_sends_that_has_not_ended_is_not_in_doubt",
    ),
    Mutant(
        "a request leaves though the role is about to be lost: another replica sends the same",
        "bot/chat/telegram/outgoing.py",
        "if not self._tenure.lasts(self._monotonic(), LEAVING_SECONDS):",
        "if not self._tenure.lasts(self._monotonic(), -1e9):",
        "tests/chat/telegram/test_outgoing.py::test_nothing_leaves_once_another_replica_may_do_this",
    ),
    Mutant(
        "what comes to a receiver that stood still is handled by it: another replica handles it, too",
        "bot/chat/telegram/receiver.py",
        "                if not self._tenure.lasts(self._monotonic(), 0.0):\n                    continue\n",
        "",
        "tests/chat/telegram/test_receiver.py"
        "::test_what_comes_to_a_receiver_that_stood_still_for_too_long_is_left_to_the_next",
    ),
    Mutant(
        "a replica does not count what others send: together they send too much for Telegram",
        "bot/chat/telegram/send_queue.py",
        "            self.count(await self._departures.exchange(*mine))",
        "            await self._departures.exchange(*mine)",
        "tests/chat/telegram/test_shared_departures.py"
        "::test_answers_and_alerts_of_two_programs_stay_below_the_limits_of_a_chat",
    ),
    Mutant(
        "a claim whose commit is unknown is not taken back: its chat gets nothing more",
        "bot/dispatcher.py",
        "                await self._put_back()\n",
        "",
        "tests/test_dispatcher_commits.py"
        "::test_a_claim_that_may_be_committed_blocks_no_chat_and_doubts_nothing",
    ),
    Mutant(
        "a claim is taken back with all others: what is being sent is sent twice",
        "bot/store/delivery_results.py",
        " AND epoch = ? AND NOT id {known.sql}",
        " AND epoch = ? AND (1 = 1 OR NOT id {known.sql})",
        "tests/store/test_delivery_results.py::test_what_was_claimed_unknowingly_is_put_back_without_a_doubt",
    ),
    Mutant(
        "an outcome is given up where the database goes away: what has arrived is sent once more",
        "bot/dispatcher.py",
        "            except RoleLost:\n                return False\n",
        "            except DatabaseUnavailable:\n                return False\n",
        "tests/test_dispatcher_commits.py::test_an_outcome_is_written_until_it_is_known_to_be",
    ),
    Mutant(
        "an outcome that was written is written again: it undoes what happened since",
        "bot/store/delivery_results.py",
        "if not written.rowcount and not _end_awaiting(db, delivery_id, epoch):",
        "if not written.rowcount and _end_awaiting(db, delivery_id, epoch):",
        "tests/store/test_delivery_results.py"
        "::test_what_came_of_a_send_changes_nothing_when_it_is_written_again",
    ),
    Mutant(
        "alerts are written outside the transaction that writes balances: a failure in between loses them",
        "bot/store/polling/record.py",
        "        enqueue_alerts(self._db, alerts, self._at, self._waiting)",
        "        self._db.conn.commit()\n        enqueue_alerts(self._db, alerts, self._at, self._waiting)",
        "tests/store/test_record.py::test_a_poll_that_fails_midway_writes_nothing_and_the_next_one_tells",
    ),
    Mutant(
        "a print is written before what it stands for: a failure in between hides the change for ever",
        "bot/store/polling/record.py",
        "    with db.transaction():\n        # Answers may arrive late.",
        "    replace_prints(db, poll.prints, written=(), partly_unknown=())\n"
        "    with db.transaction():\n        # Answers may arrive late.",
        "tests/store/test_prints.py::test_a_poll_that_fails_midway_leaves_the_print_as_it_was",
    ),
    Mutant(
        "a chain that is missing from an answer counts as empty: its tokens are told as lost",
        "bot/domain/observe/readings.py",
        "    listed = None\n    if _tokens_known(",
        "    listed = {}\n    if _tokens_known(",
        "tests/domain/test_readings.py::test_a_chain_that_is_missing_from_the_answer_is_unknown",
    ),
    Mutant(
        "what was sent is held back once its transfers are known: it is told twice",
        "bot/store/polling/explained.py",
        " AND l.state IN ('waiting', 'held')",
        "",
        "tests/store/test_explained_filters.py::test_what_was_sent_stays_sent",
    ),
    Mutant(
        "a filter that has ended takes an alert back once its transfers are known: told a month later",
        "bot/store/outbox/unreported.py",
        "    let_unjudged_pass(db, destination_id)\n    return _release(db, rows, at, cause)",
        "    return _release(db, rows, at, cause)",
        "tests/store/test_explained_filters.py::test_a_filter_that_ended_meanwhile_takes_nothing_back",
    ),
    Mutant(
        "a filter compares with the last reading: a slow drain in small steps is never told",
        "bot/store/polling/reports.py",
        "        told = change.step.before if before is None else before.held_back.told",
        "        told = change.step.before",
        "tests/store/test_filters.py::test_a_filter_compares_with_what_was_last_told",
    ),
    Mutant(
        "a filter ends without its remainder: what it held back is never told",
        "bot/store/outbox/unreported.py",
        "    enqueue_alerts(db, [alert_of(key, one, cause) for key, one in in_order], at)",
        "    enqueue_alerts(db, [], at)",
        "tests/store/test_filters.py::test_whatever_ends_it_reports_what_was_held_back_once",
    ),
    Mutant(
        "every NetworkError of the library is tried again: its refusals are such errors, and never end",
        "bot/chat/telegram/errors.py",
        "        case Conflict():\n",
        "        case NetworkError():\n",
        "tests/chat/telegram/test_outgoing.py::test_each_refusal_is_known_by_its_words",
    ),
    Mutant(
        "what people named is not escaped: a token's name becomes a tag, and the message is refused",
        "bot/chat/text/html.py",
        "Html(escape(whole, quote=False), whole)",
        "Html(whole, whole)",
        "tests/chat/text/test_html.py::test_what_joins_as_text_is_escaped",
    ),
    Mutant(
        "quiet hours by offset: on the day on which the clock is changed they begin or end an hour off",
        "bot/domain/rules/quiet.py",
        "        span = _span_on(hours, day, zone)",
        "        offset = now.astimezone(zone).utcoffset()\n"
        "        span = _span_on(hours, day, __import__('datetime').timezone(offset))",
        "tests/domain/test_quiet.py::test_the_night_of_a_change_is_an_hour_shorter_or_longer",
    ),
    Mutant(
        "an alarm that keeps its state in memory: after a restart it rings again for what it told",
        "bot/store/polling/firings.py",
        "    ringing = open_firings(db, found)\n    alerts",
        "    (newest,) = db.execute('SELECT coalesce(max(id), 0) FROM firing').fetchone()\n"
        "    known_from = vars(db).setdefault('known_from', newest)\n"
        "    ringing = {row: [one for one in these if one.row > known_from]"
        " for row, these in open_firings(db, found).items()}\n"
        "    alerts",
        "tests/store/test_alarms.py::test_neither_a_restart_nor_a_second_setting_rings_again",
    ),
    Mutant(
        "what an alarm could not judge is forgotten: a sum that waited for a silent chain never rings",
        "bot/store/polling/firings.py",
        "        return max(alarm.pending, _NEAR)",
        "        return _CALM",
        "tests/store/test_alarms.py"
        "::test_a_total_that_lacks_a_chain_is_judged_when_it_is_back_though_nothing_changed",
    ),
    Mutant(
        "a digest does not note what it told: the next one tells it again",
        "bot/store/polling/digests.py",
        " after_alert_id = (SELECT coalesce(max(id), 0) FROM alert)",
        " after_alert_id = after_alert_id",
        "tests/store/test_digests.py::test_what_is_told_in_one_digest_is_not_in_the_next",
    ),
    Mutant(
        "a digest does not wait for the first sweep after a downtime: it says that all is unknown",
        "bot/store/polling/digests.py",
        "    if last is not None and now - last.ended_at <= late_after:",
        "    if last is not None:",
        "tests/store/test_digest_times.py::test_a_late_digest_waits_for_the_first_sweep_after_a_start",
    ),
    Mutant(
        "digests by offset: on the day on which the clock is changed they come an hour off",
        "bot/domain/rules/digests.py",
        "        moment_of(day, schedule.at, zone)\n",
        "        moment_of(day, schedule.at,"
        " __import__('datetime').timezone(now.astimezone(zone).utcoffset()))\n",
        "tests/domain/test_digests.py::test_a_daily_digest_is_due_once_on_every_day_of_a_year",
    ),
    Mutant(
        "amounts go through a float: what is exported differs from what was held, in the digits behind",
        "bot/domain/units.py",
        '    whole, fraction = _split(abs(amount_raw), decimals)\n    sign = "-"',
        '    whole, fraction = _split(int(float(abs(amount_raw))), decimals)\n    sign = "-"',
        "tests/domain/test_export_files.py::test_csv_reads_back_as_what_was_written",
    ),
    Mutant(
        "numbers are guarded as texts are: what went is no number any more, and sums leave it out",
        "bot/domain/history/export_files.py",
        '        yield number or ""',
        '        yield guarded(number or "")',
        "tests/domain/test_export_files.py::test_no_number_is_guarded",
    ),
    Mutant(
        "a trace is written outside the transaction that records: a failure leaves a change without",
        "bot/store/polling/reports.py",
        '            self._db.insert_many("unalerted", _UNALERTED, self._silent)',
        "            self._db.conn.commit()\n"
        '            self._db.insert_many("unalerted", _UNALERTED, self._silent)',
        "tests/store/test_traces.py::test_a_change_whose_trace_cannot_be_written_is_not_recorded",
    ),
    Mutant(
        "an alert about what was held back leaves the trace of its last change: one change has two",
        "bot/store/outbox/alerts.py",
        "    if late:",
        "    if not late:",
        "tests/store/test_traces.py::test_what_was_held_back_is_known_by_the_filter_of_then",
    ),
    Mutant(
        "by which filter a change was held back is not what was kept with it",
        "bot/store/history/situations.py",
        '            with_names(self._db, self._destination_id, to_filters(filters or "")),',
        "            (),",
        "tests/store/test_situations.py::test_the_filter_is_the_one_of_then",
    ),
    Mutant(
        "an id is looked up in every chat: anybody can read what another chat was told",
        "bot/store/history/ways.py",
        "WHERE v.id = ? AND c.telegram_id = ?",
        "WHERE v.id = ? AND c.telegram_id <> -? - 1",
        "tests/store/test_ways.py::test_a_message_is_known_in_its_place_alone",
    ),
    Mutant(
        "pages of the past have what other chats watch: anybody can read what happened to their accounts",
        "bot/store/history/changes.py",
        'WHERE t.destination_id = ?"',
        'WHERE t.destination_id >= ?"',
        "tests/store/history/test_changes.py::test_a_change_is_found_only_where_it_was_watched",
    ),
    Mutant(
        "a token that nobody knows reads like no token at all: everything is shown in its place",
        "bot/chat/commands/history/subject.py",
        "for one in there or [_NO_CHAIN]]",
        "for one in there]",
        "tests/chat/commands/history/test_subject.py::test_a_token_that_nobody_ever_held_is_not_everything",
    ),
    Mutant(
        "what was read of a list with an unreadable row counts as all of it: a sum that fits by accident is"
        " told for the truth",
        "bot/indexer/extras/transfer_pages.py",
        "self._is_whole &= row.is_whole",
        "self._is_whole &= True",
        "tests/indexer/extras/test_transfer_pages.py::test_a_transfer_of_nonsense_is_missed",
    ),
    Mutant(
        "rows in no order count as sorted: transfers that stand behind an old one are never read",
        "bot/indexer/extras/transfer_pages.py",
        "is_old and self._is_sorted and self._falls",
        "is_old and self._falls",
        "tests/indexer/extras/test_transfer_pages.py"
        "::test_rows_that_were_seen_out_of_order_are_read_to_the_end",
    ),
    Mutant(
        "questions for transfers are repeated like those for balances: what is throttled is asked for twice",
        "bot/indexer/client.py",
        "            attempts=1,\n",
        "",
        "tests/indexer/extras/test_history.py::test_no_poll_notices_what_happens_to_history",
    ),
    Mutant(
        "transfers are asked for while the polls are throttled: these wait longer for their balances",
        "bot/indexer/extras/line.py",
        "self._transport.is_paused or self._polls.is_paused",
        "self._transport.is_paused",
        "tests/indexer/extras/test_history.py::test_while_the_polls_are_throttled_nothing_else_is_asked",
    ),
    Mutant(
        "an address is compared at one end only: whoever shares that with Payroll is said to look like it",
        "bot/domain/explain/look_alikes.py",
        "    return digits[:_COMPARED], digits[-_COMPARED:]",
        "    return digits[:_COMPARED], ''",
        "tests/domain/test_counterparties.py"
        "::test_an_address_that_begins_and_ends_like_another_looks_like_it",
    ),
    Mutant(
        "accounts are netted by amounts alone: money that left two of them is said to have stayed within",
        "bot/domain/explain/netting.py",
        "                    transaction=leg.transaction,\n                    log_index=leg.log_index,",
        "                    transaction=TransactionHash(''),\n                    log_index=None,",
        "tests/domain/test_counterparties.py"
        "::test_two_transfers_of_the_same_amount_are_none_between_two_accounts",
    ),
    Mutant(
        "an explanation is stored outside the transaction that lets its alert leave: a failure in between"
        " leaves an alert that says less than is known",
        "bot/store/explain/explanations.py",
        "    judge(db, found.keys(), at)\n",
        "    db.conn.commit()\n    judge(db, found.keys(), at)\n",
        "tests/store/test_explanations.py"
        "::test_a_failure_while_alerts_are_judged_stores_nothing_and_they_still_wait",
    ),
    Mutant(
        "of the transfers that are listed some are chosen that happen to sum up: who was paid is made up",
        "bot/domain/explain/matching.py",
        "    outcome = ExplanationOutcome.NONE_LISTED\n    if legs:",
        "    some = (\n        list(one)\n        for size in range(len(legs), 0, -1)\n"
        "        for one in __import__('itertools').combinations(legs, size)\n"
        "        if not rest_of(change, one)\n    )\n    legs = next(some, legs)\n"
        "    outcome = ExplanationOutcome.NONE_LISTED\n    if legs:",
        "tests/domain/test_matching.py::test_none_are_chosen_because_they_happen_to_sum_up",
    ),
    Mutant(
        "a change begins with the block before: it takes the transfer that the change before it ended with",
        "bot/domain/explain/matching.py",
        "return block.number <= self.block",
        "return block.number < self.block",
        "tests/domain/test_matching.py::test_a_change_begins_behind_the_block_before_and_ends_with_its_own",
    ),
    Mutant(
        "transfers of nothing count: whoever forges one in an account's name stands in its alerts",
        "bot/domain/explain/matching.py",
        "        if moved.amount_raw:\n            yield Leg(",
        "        if moved:\n            yield Leg(",
        "tests/domain/test_matching.py::test_transfers_of_nothing_are_left_out_and_counted",
    ),
    Mutant(
        "a transfer of any contract counts: a fake token stands in for the one that moved",
        "bot/domain/explain/matching.py",
        "and one.asset == change.asset",
        "and one.asset.chain_id == change.asset.chain_id",
        "tests/domain/test_matching.py::test_transfers_of_another_contract_chain_or_account_are_none_of_its",
    ),
    Mutant(
        "transfers between two readings are left out where the neighbours alone sum up",
        "bot/domain/explain/matching.py",
        "latest_start = is_new.index(True) if any(is_new) else len(blocks)",
        "latest_start = len(blocks)",
        "tests/domain/test_matching.py::test_what_both_readings_are_certain_of_stays_in",
    ),
    Mutant(
        "a price counts on whatever chain it came: another token's dollars stand in sums and ring alarms",
        "bot/indexer/extras/prices.py",
        "said[Asset(chain_id, contract)]",
        "said[Asset(next(iter(asked)).chain_id, contract)]",
        "tests/indexer/extras/test_prices.py::test_the_price_of_one_chain_counts_on_no_other",
    ),
    Mutant(
        "a price is of now, whatever its source says: a bot goes by last week's without a word",
        "bot/domain/observe/prices.py",
        "    return Price(quote.usd, updated_at if updated_at is not None and can_be_right else read_at)",
        "    return Price(quote.usd, read_at)",
        "tests/domain/test_prices.py::test_a_price_is_as_old_as_its_source_says_unless_that_can_not_be_right",
    ),
    Mutant(
        "an alert waits for its explanation until it comes: where history hangs, nobody hears of the change",
        "bot/store/outbox/queue.py",
        "    return to_milliseconds(now), to_milliseconds(now + timedelta(seconds=explain_wait_seconds))",
        "    return 0, to_milliseconds(now + timedelta(seconds=explain_wait_seconds))",
        "tests/store/test_explain_wait.py::test_it_leaves_when_the_wait_is_over_and_not_before",
    ),
    Mutant(
        "an explanation takes what explains another change: one payment stands in two alerts",
        "bot/store/explain/pending.py",
        "            taken = _taken(db, neighbours, found)",
        "            taken = set[TransactionHash]()",
        "tests/test_transfers.py::test_a_payment_that_explains_one_change_of_a_coin_explains_no_other_one",
    ),
    Mutant(
        "what is listed late explains the next change of the same amount: the alert names the wrong one",
        "bot/store/explain/pending.py",
        "            taken |= _claimed(db, unexplained, one, answer.transfers, taken)",
        "            taken |= set()",
        "tests/poller/test_explainer.py"
        "::test_what_is_listed_late_explains_no_other_change_of_the_same_amount",
    ),
    Mutant(
        "the moment when an alert leaves anyway counts for nothing: a history that hangs holds it",
        "bot/store/outbox/queue.py",
        "explain_until > 0 AND explain_until > ? AND explain_until <= ?",
        "explain_until > 0 AND ? > 0 AND ? > 0",
        "tests/store/test_explain_wait.py::test_it_leaves_when_the_wait_is_over_and_not_before",
    ),
    Mutant(
        "a notice takes changes along that stand behind one that waits: people read them out of order",
        "bot/store/outbox/queue.py",
        "AND (l.notice IS NOT NULL OR l.id < ?)",
        "AND (l.notice IS NOT NULL OR l.id <> ?)",
        "tests/store/test_explain_wait.py::test_a_notice_that_overtakes_takes_no_later_change_along",
    ),
    Mutant(
        "it is not stored that a change is to be asked about: a kill before the answer loses its explanation",
        "bot/store/polling/record.py",
        "            self._at if is_asked else None,",
        "            None,",
        "tests/poller/test_explainer.py::test_what_was_recorded_before_a_start_is_explained_after_it",
    ),
    Mutant(
        "a lease is judged by the clock of whoever looks: one that is wrong takes what another one has",
        "bot/store/replicas/renewal.py",
        "        now_ms = clock.ask(db.now_ms)\n        if not keep_in",
        "        now_ms = int(clock._own().timestamp() * 1000)\n        if not keep_in",
        "tests/store/test_leases.py"
        "::test_a_replica_whose_clock_is_wrong_neither_keeps_nor_loses_anything_by_it",
    ),
    Mutant(
        "a replica that lost a role goes on writing in it: what the new one decided is undone",
        "bot/store/database/server/postgres.py",
        " WHERE role = {role} AND epoch = {epoch} FOR",
        " WHERE role = {role} FOR",
        "tests/store/test_lease_locks.py"
        "::test_a_role_is_taken_when_what_its_former_holder_began_has_ended_and_then_that_one_is_refused",
        on_server=True,
    ),
    Mutant(
        "a renewal waits for whoever records: a long recording costs the other replicas their roles",
        "bot/store/replicas/renewal.py",
        "    with db.transaction(alone=False):\n        refuse_moved(db)\n        now_ms",
        "    with db.transaction():\n        refuse_moved(db)\n        now_ms",
        "tests/store/test_lease_locks.py::test_leases_are_renewed_and_taken_while_somebody_records",
        on_server=True,
    ),
    Mutant(
        "a lease counts from when its renewal was heard of: a slow answer makes two holders",
        "bot/roles/keeper.py",
        "                shift.tenure.good_until = before + TTL_SECONDS",
        "                shift.tenure.good_until = self._monotonic() + TTL_SECONDS",
        "tests/roles/test_keeper.py::test_what_counts_here_is_over_before_it_is_over_for_the_others",
        on_server=True,
    ),
)
