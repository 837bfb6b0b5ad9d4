"""The tables, as ordered migrations; each runs in one transaction with the record that it ran.

Keys are integers, addresses 20-byte blobs, amounts decimal TEXT (SQLite's integers end at 64 bits), moments
whole milliseconds since 1970 in UTC. A balance without a row is zero.

A migration that was released is never edited: databases that have it don't run it again. To change a table,
add one at the end. It may change balances, coverage and holds without a thought of prints: those that other
code made, and be it this file, count for nothing (`bot.poller.memory`).

The words of tables and columns are older than those of the program: `offer` has the commands of buttons,
`parting` and `parted` what an /unwatch ended, `knock` the requests for access, `blindness` the outages that
destinations know of, `ignored` the rules of the ignore list.
"""

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from bot.domain.symbols import symbol_key

migrations = Migrations("balance-bot")


@migrations()
def m001_accounts_outbox_and_chats(db: Database) -> None:
    """Create everything that the first alert needs."""
    db.executescript(_FIRST_TABLES)


@migrations()
def m002_refusals_parked_chats_and_places_that_move(db: Database) -> None:
    """Remember what Telegram said of messages, chats and topics that it does not take as they are."""
    db.executescript(_DELIVERY_TO_THE_LETTER)


@migrations()
def m003_due_work_and_history(db: Database) -> None:
    """Keep when work that comes round is due, and find what is old."""
    db.executescript(_DUE_AND_HISTORY)


@migrations()
def m004_audit_and_claims(db: Database) -> None:
    """Create what is known of owners, of who knocked, of who did what, and of what buttons offer."""
    db.executescript(_PEOPLE_TABLES)


@migrations()
def m005_ignored_contracts(db: Database) -> None:
    """Create what destinations do not wish to hear of."""
    db.executescript(_IGNORED)


@migrations()
def m006_mutes(db: Database) -> None:
    """Create what destinations wish to hear of only later."""
    db.executescript(_MUTES)


@migrations()
def m007_questions_and_probes(db: Database) -> None:
    """Count what Telegram was asked of a message in doubt, and keep how long a probe was to wait."""
    db.executescript(_QUESTIONS_AND_PROBES)


@migrations()
def m008_amounts_that_change_by_themselves(db: Database) -> None:
    """Remember when to ask again what assets are, what their decimals were, and which of them drift."""
    db.executescript(_UNITS_AND_DRIFTS)


@migrations()
def m009_symbol_keys(db: Database) -> None:
    """Keep of each asset what its symbol looks like."""
    db.execute("ALTER TABLE asset ADD COLUMN symbol_key TEXT")  # NULL: no symbol that can be seen
    symbols = db.execute("SELECT symbol, id FROM asset WHERE symbol IS NOT NULL").fetchall()
    db.conn.executemany(
        "UPDATE asset SET symbol_key = ? WHERE id = ?",
        [(symbol_key(symbol) or None, asset_id) for symbol, asset_id in symbols],
    )
    db.execute("CREATE INDEX asset_symbol ON asset (symbol_key, chain_id) WHERE symbol_key IS NOT NULL")


@migrations()
def m010_last_prices(db: Database) -> None:
    """Keep what assets were last worth, and how old the price of a change was."""
    db.execute("ALTER TABLE asset ADD COLUMN price_usd TEXT")
    db.execute("ALTER TABLE asset ADD COLUMN priced_at INTEGER")
    db.execute("ALTER TABLE change ADD COLUMN priced_at INTEGER")  # NULL: its price came with it


@migrations()
def m011_held_back(db: Database) -> None:
    """Keep how much vanished of a chain that is held back, and who was told that it is."""
    db.executescript(_HELD_BACK)


_HELD_BACK = """
ALTER TABLE chain ADD COLUMN lost INTEGER;   -- so many token balances vanished at once
ALTER TABLE chain ADD COLUMN held INTEGER;   -- of so many
ALTER TABLE blindness ADD COLUMN is_held_back INTEGER NOT NULL DEFAULT 0;  -- told so, and not as silent
"""


@migrations()
def m012_mutes_per_chain(db: Database) -> None:
    """Let a mute be about some chains of its account."""
    db.execute("ALTER TABLE mute ADD COLUMN chains TEXT NOT NULL DEFAULT ''")  # empty: every chain
    db.execute("DROP INDEX mute_once")
    db.execute("CREATE UNIQUE INDEX mute_once ON mute (destination_id, ifnull(account_id, 0), chains)")


@migrations()
def m013_closed_topics(db: Database) -> None:
    """Keep since when a topic is lost, so that a closed one is tried again after a while."""
    db.execute("ALTER TABLE destination ADD COLUMN lost_at INTEGER")


@migrations()
def m014_words_of_two_engines(db: Database) -> None:
    """Word indexes as statements do, which speak what SQLite and PostgreSQL have in common."""
    db.executescript(_INDEXES_BY_COALESCE)


_INDEXES_BY_COALESCE = """
DROP INDEX subscription_once;
CREATE UNIQUE INDEX subscription_once
  ON subscription (destination_id, coalesce(account_id, 0), contracts, chains);
DROP INDEX mute_once;
CREATE UNIQUE INDEX mute_once ON mute (destination_id, coalesce(account_id, 0), chains);
"""


@migrations()
def m015_block_before(db: Database) -> None:
    """Keep a block in which the amount before a change was seen: its transfers happened after that one."""
    db.execute("ALTER TABLE change ADD COLUMN block_before INTEGER")  # NULL: nobody said, or an old change


@migrations()
def m016_gaps(db: Database) -> None:
    """Keep every gap of sight; those that are open begin with what is unknown."""
    db.executescript(_GAPS)


_GAPS = """
CREATE TABLE gap (                 -- when something could not be seen
  account_id INTEGER NOT NULL,     -- 0: all of the chain
  chain_id INTEGER NOT NULL,
  since INTEGER NOT NULL,          -- when it was last seen
  until INTEGER,                   -- when it was seen again; NULL: not yet
  PRIMARY KEY (account_id, chain_id, since)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX gap_open ON gap (account_id, chain_id) WHERE until IS NULL;
CREATE INDEX gap_until ON gap (until) WHERE until IS NOT NULL;
INSERT INTO gap (account_id, chain_id, since)
  SELECT account_id, chain_id, min(unknown_since) FROM coverage WHERE unknown_since IS NOT NULL
  GROUP BY account_id, chain_id;
"""


@migrations()
def m017_prints(db: Database) -> None:
    """Keep what each account last read as, and the newest block that was seen on each chain."""
    db.executescript(_PRINTS)


_PRINTS = """
ALTER TABLE account ADD COLUMN print BLOB;   -- of the reading that its balances stand for; NULL: compare anew
ALTER TABLE chain ADD COLUMN newest_block INTEGER;   -- ever seen; `highest_block`: when all was last read
"""


@migrations()
def m018_state_of_the_poller(db: Database) -> None:
    """Keep how the last sweep went, and what a held back chain lacks: whose, at first every holder's."""
    db.executescript(_STATE_OF_THE_POLLER)


_STATE_OF_THE_POLLER = """
ALTER TABLE chain ADD COLUMN missing INTEGER;  -- held back: so many token balances, by the last sweep
ALTER TABLE chain ADD COLUMN missed INTEGER;   -- for so many sweeps in a row
CREATE TABLE account_with_losses (  -- whose balances vanished from a chain that is held back
  chain_id INTEGER NOT NULL,
  account_id INTEGER NOT NULL REFERENCES account(id) ON DELETE CASCADE,
  PRIMARY KEY (chain_id, account_id)
) STRICT, WITHOUT ROWID;
INSERT INTO account_with_losses (chain_id, account_id)
  SELECT DISTINCT x.chain_id, b.account_id FROM balance b JOIN asset x ON x.id = b.asset_id
  JOIN chain c ON c.id = x.chain_id WHERE c.lost_since IS NOT NULL AND x.contract <> x'';
CREATE TABLE last_sweep (          -- how it went: one row
  id INTEGER PRIMARY KEY CHECK (id = 1),
  ended_at INTEGER NOT NULL,
  took_ms INTEGER NOT NULL,
  seen_ms INTEGER NOT NULL,        -- how long the last one with an answer took
  silent_ms INTEGER NOT NULL,      -- how long there had been no answer when it ended
  trouble TEXT,                    -- what the source said instead of answers
  refusals INTEGER NOT NULL,       -- sweeps in a row that brought nothing else
  asked TEXT NOT NULL              -- chains: sorted, blank between
) STRICT;
"""


@migrations()
def m019_epochs_and_departures(db: Database) -> None:
    """Keep with each send in which epoch it left, and which answers left; drop what nothing reads."""
    db.executescript(_EPOCHS_AND_DEPARTURES)


_EPOCHS_AND_DEPARTURES = """
ALTER TABLE delivery ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;  -- in which it last left; 0: none
ALTER TABLE delivery DROP COLUMN trust;
CREATE TABLE departure (           -- answers that left for groups in the last minute
  telegram_id INTEGER NOT NULL,    -- of the group
  at INTEGER NOT NULL
) STRICT;
"""


@migrations()
def m020_worth(db: Database) -> None:
    """Keep once a day what each destination's accounts are worth."""
    db.executescript(_WORTH)


_WORTH = """
CREATE TABLE worth (               -- of an account, as a destination watches it
  destination_id INTEGER NOT NULL REFERENCES destination(id),
  account_id INTEGER NOT NULL REFERENCES account(id),
  day INTEGER NOT NULL,            -- since 1970, in UTC
  at INTEGER NOT NULL,             -- when on it
  usd TEXT NOT NULL,               -- exact; of `priced` balances
  priced INTEGER NOT NULL,
  unpriced INTEGER NOT NULL,       -- balances without a price
  ignored INTEGER NOT NULL,        -- balances of ignored tokens
  unknown TEXT NOT NULL,           -- chains of which something was not read yet; sorted, blank between
  last_known TEXT NOT NULL,        -- chains of which something could not be read then
  PRIMARY KEY (destination_id, account_id, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX worth_of_account ON worth (account_id);
CREATE INDEX worth_at ON worth (at);
"""


@migrations()
def m022_usernames(db: Database) -> None:
    """Keep the public names of chats and people, by which owners name them."""
    db.executescript(_USERNAMES)


_USERNAMES = """
ALTER TABLE chat ADD COLUMN username TEXT NOT NULL DEFAULT '';  -- without the @; '': none, or not known
"""


@migrations()
def m023_filters(db: Database) -> None:
    """Keep which changes are reported, and what of each amount was held back since it was last reported."""
    db.executescript(_FILTERS)


_FILTERS = """
ALTER TABLE subscription ADD COLUMN filter TEXT NOT NULL DEFAULT '';  -- JSON; '': as the destination's
ALTER TABLE destination ADD COLUMN filter TEXT NOT NULL DEFAULT '';   -- JSON; '': every change is reported
ALTER TABLE alert ADD COLUMN first_change_id INTEGER REFERENCES change(id);  -- NULL: it is about one change
ALTER TABLE alert ADD COLUMN steps INTEGER NOT NULL DEFAULT 1;  -- so many changes, from the first to its own
CREATE INDEX alert_first_change ON alert (first_change_id) WHERE first_change_id IS NOT NULL;
CREATE TABLE unreported (          -- what a filter holds back; last reported was the amount before the first
  account_id INTEGER NOT NULL REFERENCES account(id) ON DELETE CASCADE,
  asset_id INTEGER NOT NULL REFERENCES asset(id),
  destination_id INTEGER NOT NULL REFERENCES destination(id),
  label TEXT NOT NULL,             -- what the destination called the account at the last change
  first_change_id INTEGER NOT NULL REFERENCES change(id),
  last_change_id INTEGER NOT NULL REFERENCES change(id),
  steps INTEGER NOT NULL,
  since INTEGER NOT NULL,          -- when the first was observed
  PRIMARY KEY (account_id, asset_id, destination_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX unreported_of_destination ON unreported (destination_id, account_id);
CREATE INDEX unreported_since ON unreported (since);
CREATE INDEX unreported_first_change ON unreported (first_change_id);
CREATE INDEX unreported_last_change ON unreported (last_change_id);
"""


@migrations()
def m024_alarms(db: Database) -> None:
    """Keep which amounts ring an alarm, and what rings, since when, and who has it."""
    db.executescript(_ALARMS)


_ALARMS = """
CREATE TABLE alarm (
  id INTEGER PRIMARY KEY AUTOINCREMENT,   -- buttons name it: never given twice
  destination_id INTEGER NOT NULL REFERENCES destination(id) ON DELETE CASCADE,
  number INTEGER NOT NULL,         -- what people call it, A2
  account_id INTEGER NOT NULL REFERENCES account(id) ON DELETE CASCADE,
  terms TEXT NOT NULL,             -- JSON: level, end, repetition, chains
  is_in_dollars INTEGER NOT NULL,
  pending INTEGER NOT NULL DEFAULT 1,     -- judged after each sweep; 2: as an amount moved; 0: by prices only
  created_by INTEGER,
  created_at INTEGER NOT NULL,
  UNIQUE (destination_id, number)
) STRICT;
CREATE INDEX alarm_of_account ON alarm (account_id);
CREATE INDEX alarm_pending ON alarm (id) WHERE pending > 0;
CREATE TABLE firing (              -- each time something rings; open while it does
  id INTEGER PRIMARY KEY AUTOINCREMENT,   -- messages name it: never given twice
  alarm_id INTEGER NOT NULL REFERENCES alarm(id) ON DELETE CASCADE,
  chain_id INTEGER NOT NULL,       -- 0: all that the alarm adds up
  contract BLOB NOT NULL,
  since INTEGER NOT NULL,
  told_at INTEGER NOT NULL,        -- when it was last told
  next_at INTEGER,                 -- when it is told again; NULL: never
  ended_at INTEGER,                -- NULL: it still rings
  acknowledged_by TEXT NOT NULL DEFAULT '',
  acknowledged_at INTEGER
) STRICT;
CREATE UNIQUE INDEX firing_open ON firing (alarm_id, chain_id, contract) WHERE ended_at IS NULL;
CREATE INDEX firing_next ON firing (next_at) WHERE ended_at IS NULL AND next_at IS NOT NULL;
CREATE INDEX firing_ended ON firing (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX firing_of_alarm ON firing (alarm_id);
ALTER TABLE last_sweep ADD COLUMN stale_ms INTEGER NOT NULL DEFAULT 600000;  -- older is unknown
ALTER TABLE parting ADD COLUMN alarms TEXT NOT NULL DEFAULT '[]';  -- JSON: what ended with it
"""


@migrations()
def m025_zones_quiet_hours_and_budgets(db: Database) -> None:
    """Keep in which zone a destination reads, when it wants quiet, and how many messages it takes an hour."""
    db.executescript(_QUIET)


_QUIET = """
ALTER TABLE destination ADD COLUMN zone TEXT NOT NULL DEFAULT '';      -- by its IANA name; '': UTC
ALTER TABLE destination ADD COLUMN budget INTEGER NOT NULL DEFAULT 0;  -- messages of changes an hour; 0: any
CREATE TABLE quiet (               -- hours of the day in which a destination wants alerts kept back
  destination_id INTEGER PRIMARY KEY REFERENCES destination(id) ON DELETE CASCADE,
  begins INTEGER NOT NULL,         -- minutes after midnight, on the clock of the destination's zone
  ends INTEGER NOT NULL,           -- the same; of the next day, if it is no later
  days TEXT NOT NULL,              -- on which it begins: 0 is Monday; sorted, blank between
  exception TEXT NOT NULL,         -- changes that are sent all the same: JSON; '': none
  alarms_pass INTEGER NOT NULL,
  judged_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL          -- when to judge again whether it is quiet
) STRICT;
CREATE INDEX quiet_due ON quiet (due_at);
ALTER TABLE alert ADD COLUMN passes_quiet INTEGER NOT NULL DEFAULT 0;  -- it was an exception when it was made
ALTER TABLE mute ADD COLUMN kind TEXT NOT NULL DEFAULT 'mute';         -- or 'quiet', 'budget'
ALTER TABLE mute ADD COLUMN alarms_pass INTEGER NOT NULL DEFAULT 0;
DROP INDEX mute_once;
CREATE UNIQUE INDEX mute_once ON mute (destination_id, coalesce(account_id, 0), chains, kind);
CREATE TABLE spent (               -- messages of changes in the last hour, where there is a budget
  destination_id INTEGER NOT NULL REFERENCES destination(id) ON DELETE CASCADE,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX spent_of_destination ON spent (destination_id, at);
"""


@migrations()
def m026_loud_rules(db: Database) -> None:
    """Keep which changes ring and whom they mention, and how each alert and message arrives."""
    db.executescript(_LOUD_RULES)


_LOUD_RULES = """
ALTER TABLE subscription ADD COLUMN loud TEXT NOT NULL DEFAULT '';  -- JSON; '': no rule
ALTER TABLE destination ADD COLUMN loud TEXT NOT NULL DEFAULT '';   -- JSON; counts beside those
CREATE INDEX subscription_loud ON subscription (destination_id) WHERE loud <> '';
CREATE INDEX destination_loud ON destination (id) WHERE loud <> '';
ALTER TABLE alert ADD COLUMN sound TEXT;     -- NULL: no rule says anything about it, so it rings
ALTER TABLE alert ADD COLUMN mentions TEXT NOT NULL DEFAULT '';     -- JSON; '': nobody
ALTER TABLE unreported ADD COLUMN sound TEXT;   -- of an alert about it, as are its mentions
ALTER TABLE unreported ADD COLUMN mentions TEXT NOT NULL DEFAULT '';
ALTER TABLE delivery ADD COLUMN is_silent INTEGER NOT NULL DEFAULT 0;
"""


@migrations()
def m027_digests(db: Database) -> None:
    """Keep when each destination gets a digest, what the next one is about, and which were made."""
    db.executescript(_DIGESTS)


_DIGESTS = """
CREATE TABLE digest_schedule (     -- when a destination gets a digest
  destination_id INTEGER PRIMARY KEY REFERENCES destination(id) ON DELETE CASCADE,
  at INTEGER NOT NULL,             -- minutes after midnight, on the clock of the destination's zone
  weekday INTEGER,                 -- 0 is Monday; NULL: every day
  is_only INTEGER NOT NULL,        -- changes have no alerts of their own
  looked_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,         -- when to look again whether one is due
  done_until INTEGER NOT NULL,     -- what was due until then was made, or never will be
  begins_at INTEGER NOT NULL,      -- the next one is about what happened since then
  after_alert_id INTEGER NOT NULL, -- and about alerts behind this one
  worth TEXT NOT NULL              -- JSON: of everything, when it begins; '': not added up
) STRICT;
CREATE INDEX digest_due ON digest_schedule (due_at);
CREATE TABLE digest (              -- each one that was made
  id INTEGER PRIMARY KEY,          -- counts them
  destination_id INTEGER NOT NULL REFERENCES destination(id) ON DELETE CASCADE,
  period INTEGER NOT NULL,         -- when it was due; below zero: by a clock that was wrong
  made_at INTEGER NOT NULL,
  UNIQUE (destination_id, period)
) STRICT;
CREATE INDEX digest_made ON digest (made_at);
CREATE INDEX alert_of_destination ON alert (destination_id, id) WHERE state <> 'withdrawn';
"""


@migrations()
def m028_traces(db: Database) -> None:
    """Keep of each change why a destination got an alert or none, and who ignores a token."""
    db.executescript(_TRACES)


_TRACES = """
ALTER TABLE alert ADD COLUMN wanted_by TEXT NOT NULL DEFAULT '';  -- subscriptions' numbers, blank between
ALTER TABLE alert ADD COLUMN filters TEXT NOT NULL DEFAULT '';    -- JSON: that it passed; '': none
ALTER TABLE alert ADD COLUMN cause TEXT NOT NULL DEFAULT '';      -- why they let it pass; '': there were none
CREATE INDEX alert_about_change ON alert (destination_id, change_id) WHERE change_id IS NOT NULL;
CREATE TABLE unalerted (           -- changes that a destination watches, without an alert of their own there
  destination_id INTEGER NOT NULL REFERENCES destination(id),
  change_id INTEGER NOT NULL REFERENCES change(id) ON DELETE CASCADE,
  reason TEXT NOT NULL,
  label TEXT NOT NULL,             -- what the destination called the account then
  wanted_by TEXT NOT NULL,         -- as in `alert`
  filters TEXT NOT NULL,           -- JSON: that it met none of; '': there were none
  PRIMARY KEY (destination_id, change_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX unalerted_of_change ON unalerted (change_id);
INSERT INTO unalerted (destination_id, change_id, reason, label, wanted_by, filters)
  SELECT u.destination_id, c.id,
    CASE WHEN EXISTS (SELECT 1 FROM digest_schedule g
      WHERE g.destination_id = u.destination_id AND g.is_only = 1) THEN 'digest' ELSE 'filter' END,
    u.label, '', ''
  FROM unreported u JOIN change c ON c.account_id = u.account_id AND c.asset_id = u.asset_id
    AND c.id BETWEEN u.first_change_id AND u.last_change_id
  WHERE NOT EXISTS (SELECT 1 FROM alert l
    WHERE l.change_id = c.id AND l.destination_id = u.destination_id);
INSERT INTO setting (name, value)   -- of older changes only alerts are known
  SELECT 'first traced change', CAST(max(id) + 1 AS TEXT) FROM change HAVING count(*) > 0;
ALTER TABLE delivery ADD COLUMN tried_at INTEGER;  -- when it first was to leave; NULL: nobody noted it
ALTER TABLE ignored ADD COLUMN created_by INTEGER;   -- NULL: nobody noted it, or it has no number
ALTER TABLE ignored ADD COLUMN created_by_name TEXT NOT NULL DEFAULT '';
"""


@migrations()
def m029_changes_by_asset(db: Database) -> None:
    """Find the changes of an asset: a symbol that somebody types is looked for in all that ever changed."""
    db.execute("CREATE INDEX change_of_asset ON change (asset_id, account_id)")


@migrations()
def m030_imports(db: Database) -> None:
    """Keep what was shown of a watchlist until somebody lets it be added."""
    db.executescript(_IMPORTS)


_IMPORTS = """
CREATE TABLE watchlist_import (    -- a watchlist that was shown, and is to be added
  id INTEGER PRIMARY KEY AUTOINCREMENT,   -- buttons name it: never given twice
  destination_id INTEGER NOT NULL REFERENCES destination(id) ON DELETE CASCADE,
  content TEXT NOT NULL,           -- what is new of it, as lines; '': it was added
  made_at INTEGER NOT NULL,
  done_at INTEGER,
  added TEXT NOT NULL DEFAULT ''   -- rows of the subscriptions that it added, blank between
) STRICT;
CREATE INDEX watchlist_import_made ON watchlist_import (made_at);
"""


@migrations()
def m031_numbers_of_alarms(db: Database) -> None:
    """Keep how many alarms were numbered in each destination, so that no number is given twice."""
    db.executescript(_NUMBERS_OF_ALARMS)


_NUMBERS_OF_ALARMS = """
ALTER TABLE destination ADD COLUMN alarms_numbered INTEGER NOT NULL DEFAULT 0;  -- the last number given
UPDATE destination SET alarms_numbered =
  (SELECT coalesce(max(a.number), 0) FROM alarm a WHERE a.destination_id = destination.id);
"""


@migrations()
def m032_explanations(db: Database) -> None:
    """Keep which transfers explain a change, when they are asked for, and which alerts wait for them."""
    db.executescript(_EXPLANATIONS)


_EXPLANATIONS = """
ALTER TABLE change ADD COLUMN ask_at INTEGER;   -- when its transfers are asked for; NULL: not by itself
CREATE INDEX change_ask ON change (ask_at) WHERE ask_at IS NOT NULL;
ALTER TABLE alert ADD COLUMN explain_until INTEGER NOT NULL DEFAULT 0;  -- waits for them; 0: it does not
CREATE INDEX alert_explained_later ON alert (destination_id, id)
  WHERE state = 'waiting' AND explain_until > 0;
CREATE TABLE explanation (         -- what is known of the transfers behind a change; no row: nobody asked yet
  change_id INTEGER PRIMARY KEY REFERENCES change(id) ON DELETE CASCADE,
  outcome TEXT NOT NULL,
  reason TEXT,                     -- why nothing is known; NULL: something is
  left_out INTEGER NOT NULL,       -- transfers of nothing
  is_approximate INTEGER NOT NULL,
  listed_at INTEGER                -- when the source answered; NULL: it did not
) STRICT;
CREATE TABLE leg (                 -- one side of a transfer: what it moves into or out of the account
  change_id INTEGER NOT NULL REFERENCES explanation(change_id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  account_id INTEGER NOT NULL REFERENCES account(id) ON DELETE CASCADE,   -- that of the change
  counterparty BLOB NOT NULL,      -- 20 bytes
  amount TEXT NOT NULL,            -- negative: it left the account
  token_id TEXT,
  transaction_hash BLOB NOT NULL,
  log_index INTEGER,
  block INTEGER NOT NULL,
  mined_at INTEGER,                -- when its block was; NULL: the source does not say
  PRIMARY KEY (change_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX leg_of_counterparty ON leg (account_id, counterparty, change_id);
"""


@migrations()
def m033_names(db: Database) -> None:
    """Create the names that destinations give to addresses which they do not watch."""
    db.executescript(_NAMES)


@migrations()
def m034_replicas(db: Database) -> None:
    """Create what programs that share a database know of each other; a file has one, and no rows of this."""
    db.executescript(_REPLICAS)


_REPLICAS = """
CREATE TABLE replica (             -- programs that run over this database; all times are by its clock
  id TEXT PRIMARY KEY,             -- drawn at the start
  name TEXT NOT NULL,              -- what people call it: the same after a restart
  version TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  clock_ahead_ms INTEGER NOT NULL, -- its own clock, compared with the database's
  troubles TEXT NOT NULL,          -- why its roles are not done well, a sentence a line; empty: all is well
  missed_at INTEGER                -- when owners were told that it is away
) STRICT, WITHOUT ROWID;
CREATE TABLE lease (               -- who does what, and until when it need not be seen again
  role TEXT PRIMARY KEY,
  replica_id TEXT,                 -- who; NULL: nobody
  epoch INTEGER NOT NULL,          -- counts who takes it; part of a key, so that fences can lock it alone
  until INTEGER NOT NULL,
  UNIQUE (role, epoch)
) STRICT, WITHOUT ROWID;
"""


@migrations()
def m035_allowance(db: Database) -> None:
    """Keep with the last sweep what the source still allows, for programs that do not poll."""
    db.executescript(_ALLOWANCE)


_ALLOWANCE = """
ALTER TABLE last_sweep ADD COLUMN rate_limit INTEGER;        -- NULL, here and below: the source does not say
ALTER TABLE last_sweep ADD COLUMN rate_remaining INTEGER;
ALTER TABLE last_sweep ADD COLUMN quota_limit INTEGER;
ALTER TABLE last_sweep ADD COLUMN quota_remaining INTEGER;
ALTER TABLE last_sweep ADD COLUMN quota_overage INTEGER;
"""


@migrations()
def m036_shared_departures(db: Database) -> None:
    """Keep of what leaves who noted it, for programs that share Telegram's limits, and pauses beside it."""
    db.executescript(_SHARED_DEPARTURES)


_SHARED_DEPARTURES = """
ALTER TABLE departure RENAME TO departure_before;
CREATE TABLE departure (           -- what left in the last minute; over a file only answers to groups
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  noted_by TEXT NOT NULL,          -- which program; over a file empty
  telegram_id INTEGER NOT NULL,    -- of the chat
  is_group INTEGER NOT NULL,
  at INTEGER NOT NULL,
  pause_ms INTEGER NOT NULL        -- how long Telegram wants the chat left alone; 0: a message left
) STRICT;
INSERT INTO departure (noted_by, telegram_id, is_group, at, pause_ms)
  SELECT '', telegram_id, 1, at, 0 FROM departure_before;
DROP TABLE departure_before;
"""


_NAMES = """
CREATE TABLE name (                -- what a destination calls an address; of a watched one the label counts
  id INTEGER PRIMARY KEY AUTOINCREMENT,   -- buttons name it: never given twice
  destination_id INTEGER NOT NULL REFERENCES destination(id) ON DELETE CASCADE,
  address BLOB NOT NULL,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  created_by INTEGER,              -- NULL: an administrator of the group who stays unnamed
  created_by_name TEXT NOT NULL,
  UNIQUE (destination_id, address)
) STRICT;
"""


_DELIVERY_TO_THE_LETTER = """
ALTER TABLE chat ADD COLUMN hold_ms INTEGER NOT NULL DEFAULT 0;    -- how long the hold was meant to be
ALTER TABLE chat ADD COLUMN probe_at INTEGER;   -- when an unavailable chat is tried again; NULL: not at all
ALTER TABLE chat ADD COLUMN probes INTEGER NOT NULL DEFAULT 0;     -- tried in vain since it last worked
ALTER TABLE chat ADD COLUMN migrated_to INTEGER REFERENCES chat(id);
ALTER TABLE destination ADD COLUMN lost TEXT;   -- why its topic can't be written to
ALTER TABLE delivery ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN form TEXT NOT NULL DEFAULT 'whole';
ALTER TABLE alert ADD COLUMN is_single INTEGER NOT NULL DEFAULT 0; -- its message was refused: it goes alone
UPDATE chat SET probe_at = 0 WHERE unavailable IS NOT NULL;
"""

_FIRST_TABLES = """
CREATE TABLE setting (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE chat (
  id INTEGER PRIMARY KEY,
  telegram_id INTEGER NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  title TEXT NOT NULL,
  decided INTEGER,                 -- by /allow (1) or /deny (0); NULL: the configuration decides
  open INTEGER NOT NULL,           -- what follows from both
  unavailable TEXT,                -- why nothing can be sent; NULL: it can
  hold_until INTEGER,              -- Telegram asked for a pause
  is_owner INTEGER NOT NULL DEFAULT 0   -- an owner's private chat: told what only owners need to know
) STRICT;

CREATE TABLE destination (
  id INTEGER PRIMARY KEY,
  chat_id INTEGER NOT NULL REFERENCES chat(id),
  thread_id INTEGER NOT NULL,      -- 0: no topic
  UNIQUE (chat_id, thread_id)
) STRICT;

CREATE TABLE account (
  id INTEGER PRIMARY KEY,
  address BLOB NOT NULL UNIQUE,
  generation INTEGER NOT NULL DEFAULT 0  -- counts how often some of its coverage ended
) STRICT;

CREATE TABLE asset (
  id INTEGER PRIMARY KEY,
  chain_id INTEGER NOT NULL,
  contract BLOB NOT NULL,          -- empty: the native coin
  kind TEXT NOT NULL,
  symbol TEXT,
  decimals INTEGER,                -- NULL: unknown, which is not zero
  rebasing INTEGER NOT NULL,
  described_at INTEGER,            -- when the source was last asked what it is
  holder INTEGER,                  -- an account that held it: it is asked by way of one
  UNIQUE (chain_id, contract)
) STRICT;

CREATE INDEX asset_described ON asset (described_at);

CREATE TABLE subscription (
  id INTEGER PRIMARY KEY AUTOINCREMENT,   -- never given twice: it fences late readings
  destination_id INTEGER NOT NULL REFERENCES destination(id),
  number INTEGER NOT NULL,                -- what people call it, #3
  account_id INTEGER REFERENCES account(id),   -- NULL: the contracts, for every account watched here
  contracts TEXT NOT NULL,                -- sorted, blank between; empty: all that the account holds
  chains TEXT NOT NULL,                   -- sorted, blank between; empty: every chain that is asked
  label TEXT NOT NULL,
  created_by INTEGER,
  created_at INTEGER NOT NULL,
  UNIQUE (destination_id, number)
) STRICT;
CREATE UNIQUE INDEX subscription_once
  ON subscription (destination_id, ifnull(account_id, 0), contracts, chains);
CREATE INDEX subscription_of_account ON subscription (account_id);

CREATE TABLE coverage (
  account_id INTEGER NOT NULL,
  chain_id INTEGER NOT NULL,
  part BLOB NOT NULL,              -- N native, V verified, A all, or a contract
  unknown_since INTEGER,
  PRIMARY KEY (account_id, chain_id, part)
) STRICT, WITHOUT ROWID;
CREATE INDEX coverage_unknown ON coverage (chain_id, account_id) WHERE unknown_since IS NOT NULL;

CREATE TABLE balance (
  account_id INTEGER NOT NULL,
  asset_id INTEGER NOT NULL,
  amount TEXT NOT NULL,
  uniques TEXT,
  block INTEGER,
  standing INTEGER NOT NULL,
  told TEXT,                       -- the amount last told, where it is another one
  PRIMARY KEY (account_id, asset_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX balance_unlisted ON balance (account_id) WHERE standing = 2;

CREATE TABLE held (                -- readings that contradict newer knowledge, until others agree
  account_id INTEGER NOT NULL,
  asset_id INTEGER NOT NULL,
  amount TEXT NOT NULL,
  uniques TEXT,
  block INTEGER,
  times INTEGER NOT NULL,
  PRIMARY KEY (account_id, asset_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE item (                -- all ids of a collection, or none of them
  account_id INTEGER NOT NULL,
  asset_id INTEGER NOT NULL,
  token_id TEXT NOT NULL,
  amount TEXT NOT NULL,
  PRIMARY KEY (account_id, asset_id, token_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE chain (
  id INTEGER PRIMARY KEY,          -- EIP-155 number
  highest_block INTEGER,
  complete_at INTEGER NOT NULL,    -- what is not marked unknown was seen then
  lost_since INTEGER,              -- too much vanished at once: its index is taken to be rebuilt
  is_loss_believed INTEGER NOT NULL DEFAULT 0,   -- an owner says that it is gone indeed
  gone_since INTEGER               -- the source no longer lists it
) STRICT;

CREATE TABLE blindness (           -- what each destination was told of what it can't see
  destination_id INTEGER NOT NULL REFERENCES destination(id),
  chain_id INTEGER NOT NULL,
  account_id INTEGER NOT NULL,     -- 0: all of the chain
  since INTEGER NOT NULL,
  told_at INTEGER NOT NULL,
  times INTEGER NOT NULL,
  ended_at INTEGER,
  PRIMARY KEY (destination_id, chain_id, account_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE change (
  id INTEGER PRIMARY KEY,
  account_id INTEGER NOT NULL REFERENCES account(id),
  asset_id INTEGER NOT NULL REFERENCES asset(id),
  kind TEXT NOT NULL,
  before TEXT NOT NULL,
  after TEXT NOT NULL,
  uniques_before TEXT,
  uniques_after TEXT,
  block INTEGER,
  items TEXT,                      -- JSON: ids of a collection, each with before and after
  price_usd TEXT,
  previous_at INTEGER,             -- when the amount before was last seen
  observed_at INTEGER NOT NULL,
  sweep INTEGER NOT NULL
) STRICT;
CREATE INDEX change_of_account ON change (account_id, sweep);

CREATE TABLE delivery (
  id INTEGER PRIMARY KEY AUTOINCREMENT,   -- the message id people see is made of it
  destination_id INTEGER NOT NULL REFERENCES destination(id),
  text TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  unknowns INTEGER NOT NULL DEFAULT 0,    -- attempts whose outcome Telegram never told
  not_before INTEGER NOT NULL,
  message_id INTEGER,
  reason TEXT
) STRICT;
CREATE INDEX delivery_unfinished ON delivery (destination_id, id) WHERE state IN ('ready', 'sending');

CREATE TABLE alert (
  id INTEGER PRIMARY KEY,
  destination_id INTEGER NOT NULL REFERENCES destination(id),
  change_id INTEGER REFERENCES change(id),
  notice TEXT,                     -- JSON; of change and notice, one is there
  label TEXT NOT NULL,
  state TEXT NOT NULL,
  delivery_id INTEGER REFERENCES delivery(id),
  created_at INTEGER NOT NULL,
  UNIQUE (change_id, destination_id),
  CHECK ((change_id IS NULL) <> (notice IS NULL))
) STRICT;
CREATE INDEX alert_waiting ON alert (destination_id, id) WHERE state = 'waiting';
CREATE INDEX alert_of_delivery ON alert (delivery_id);
"""

_DUE_AND_HISTORY = """
CREATE TABLE due (                 -- work that comes round again
  name TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  failing_since INTEGER            -- NULL: it went well the last time
) STRICT, WITHOUT ROWID;

CREATE INDEX change_observed ON change (observed_at);
CREATE INDEX alert_finished ON alert (created_at)
  WHERE state IN ('told', 'withdrawn', 'expired', 'dead');
CREATE INDEX delivery_finished ON delivery (not_before)
  WHERE state IN ('sent', 'withdrawn', 'expired', 'dissolved', 'dead');
"""

_PEOPLE_TABLES = """
CREATE TABLE owner (               -- who owns the bot by a claim, while the configuration names nobody
  user_id INTEGER PRIMARY KEY,
  claimed_at INTEGER NOT NULL
) STRICT;

CREATE TABLE claim (
  code_hash BLOB PRIMARY KEY,      -- the code itself is printed once and kept nowhere
  expires_at INTEGER NOT NULL,
  used_by INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  deed TEXT NOT NULL,
  user_id INTEGER,                 -- NULL: an administrator of the group who stays unnamed
  user_name TEXT NOT NULL,
  telegram_id INTEGER,             -- of the chat it concerns; NULL: all of the bot
  subject TEXT NOT NULL
) STRICT;

CREATE TABLE knock (               -- closed chats that asked to come in
  chat_id INTEGER PRIMARY KEY REFERENCES chat(id) ON DELETE CASCADE,
  knocked_at INTEGER NOT NULL,
  told_at INTEGER,                 -- when owners were last told
  is_ignored INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE offer (               -- commands that a button stands for
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  destination_id INTEGER NOT NULL REFERENCES destination(id) ON DELETE CASCADE,
  command TEXT NOT NULL,
  made_at INTEGER NOT NULL,
  done_at INTEGER
) STRICT;
CREATE INDEX offer_made ON offer (made_at);

CREATE TABLE parting (             -- what one /unwatch ended, for as long as it can be undone
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  destination_id INTEGER NOT NULL REFERENCES destination(id) ON DELETE CASCADE,
  ended_at INTEGER NOT NULL,
  undone_at INTEGER
) STRICT;

CREATE TABLE parted (              -- each subscription of it
  parting_id INTEGER NOT NULL REFERENCES parting(id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  address BLOB,                    -- of its account, which may be forgotten meanwhile; NULL: none
  others TEXT NOT NULL,            -- JSON: all other columns of the subscription
  PRIMARY KEY (parting_id, number)
) STRICT, WITHOUT ROWID;
"""

_IGNORED = """
CREATE TABLE ignored (             -- contracts that a destination does not hear of, unless it names them
  id INTEGER PRIMARY KEY AUTOINCREMENT,   -- buttons name it: never given twice
  destination_id INTEGER NOT NULL REFERENCES destination(id) ON DELETE CASCADE,
  contract BLOB NOT NULL,
  chains TEXT NOT NULL,            -- sorted, blank between; empty: every chain
  created_at INTEGER NOT NULL,
  UNIQUE (destination_id, contract, chains)
) STRICT;
"""

_MUTES = """
CREATE TABLE mute (                -- while it is there, what it is about is held
  id INTEGER PRIMARY KEY AUTOINCREMENT,   -- buttons name it: never given twice
  destination_id INTEGER NOT NULL REFERENCES destination(id) ON DELETE CASCADE,
  account_id INTEGER REFERENCES account(id),   -- NULL: all that the destination is told
  since INTEGER NOT NULL,
  until INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX mute_once ON mute (destination_id, ifnull(account_id, 0));
CREATE INDEX mute_until ON mute (until);
ALTER TABLE alert ADD COLUMN reason TEXT;          -- why it is held
ALTER TABLE alert ADD COLUMN released_at INTEGER;  -- when it was no longer held: it expires from then on
CREATE INDEX alert_held ON alert (destination_id, id) WHERE state = 'held';
"""

_QUESTIONS_AND_PROBES = """
ALTER TABLE delivery ADD COLUMN questions INTEGER NOT NULL DEFAULT 0;  -- asked since its last send
ALTER TABLE delivery ADD COLUMN trust INTEGER NOT NULL DEFAULT 3;      -- answers that let it go
ALTER TABLE chat ADD COLUMN probe_ms INTEGER NOT NULL DEFAULT 0;       -- how long the probe was to wait
"""

_UNITS_AND_DRIFTS = """
DROP INDEX asset_described;
ALTER TABLE asset ADD COLUMN describe_at INTEGER;  -- when the source is asked again what it is; NULL: now
ALTER TABLE asset ADD COLUMN asked_in_vain INTEGER NOT NULL DEFAULT 0;  -- answers in a row that left it open
ALTER TABLE asset ADD COLUMN former_decimals INTEGER;    -- before the source named other ones
ALTER TABLE asset ADD COLUMN redenominated_in INTEGER;   -- the sweep in which it did
ALTER TABLE asset ADD COLUMN drifts INTEGER NOT NULL DEFAULT 0;  -- moved without a block: twice at most
ALTER TABLE asset ADD COLUMN drifted_in INTEGER;         -- the sweep that saw it first
ALTER TABLE change ADD COLUMN decimals INTEGER;          -- of the asset, as known then; NULL: nobody knew
ALTER TABLE change ADD COLUMN former_decimals INTEGER;   -- that may hold for the amount before
CREATE INDEX asset_describe ON asset (describe_at);
UPDATE asset SET describe_at = described_at + 604800000
  WHERE symbol IS NOT NULL AND (decimals IS NOT NULL OR kind IN
    ('ERC721', 'ERC1155', 'ERC6909', 'ERC721_BRIDGE', 'ERC1155_BRIDGE'));

CREATE TABLE drift (               -- by how much amounts move that change by themselves
  account_id INTEGER NOT NULL,
  asset_id INTEGER NOT NULL,
  usual TEXT NOT NULL,             -- the most of its latest moves
  span INTEGER NOT NULL,           -- milliseconds that took; 0: not known yet
  seen_at INTEGER NOT NULL,        -- when it last did
  PRIMARY KEY (account_id, asset_id)
) STRICT, WITHOUT ROWID;
"""
