"""The rows of the assets that one batch is about: read once, changed in memory and written once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from operator import attrgetter

from bot.domain.ask.plan import chunks
from bot.domain.assets import NATIVE, NOTHING_SAID, WITH_IDS, Asset, Description
from bot.domain.observations import Poll
from bot.domain.observe.descriptions import TRUSTED_IN_ALERTS_FOR, asked_again_in, is_complete
from bot.domain.observe.prices import PRICE_RENEWED_AFTER, described_price
from bot.domain.symbols import symbol_key
from bot.store.balances.snapshots import DRIFTS_ENOUGH
from bot.store.database.door import Database
from bot.store.rows import to_asset, to_blob, to_description, to_milliseconds, to_moment

_MILLISECOND = timedelta(milliseconds=1)

ASSETS_READ_AT_ONCE = 1_000
"""A statement names two values for each, and may have some 32,000."""


@dataclass(slots=True)
class AssetRow:
    """What is stored of one asset, each field in the column of its name."""

    kind: str
    symbol: str | None
    decimals: int | None
    rebasing: int
    symbol_key: str | None
    asked_in_vain: int = 0
    described_at: int | None = None
    describe_at: int | None = None
    former_decimals: int | None = None
    redenominated_in: int | None = None
    drifts: int = 0
    drifted_in: int | None = None
    holder: int | None = None
    price_usd: str | None = None
    priced_at: int | None = None


_COLUMNS = tuple(field.name for field in fields(AssetRow))
_values = attrgetter(*_COLUMNS)


class AssetRows:
    """The rows of some assets, for the transaction that reads and writes them."""

    def __init__(self, db: Database, poll: Poll, assets: Iterable[Asset]) -> None:
        self._db = db
        self._poll = poll
        self._at = to_milliseconds(poll.observed_at)
        wanted = tuple(dict.fromkeys(assets))
        found = {asset: (asset_id, row) for asset, asset_id, row in _read(db, wanted)}
        self._ids = {asset: asset_id for asset, (asset_id, _) in found.items()}
        self._stored = {asset: _values(row) for asset, (_, row) in found.items()}
        self._rows = {asset: found[asset][1] if asset in found else self._new(asset) for asset in wanted}
        for asset, row in self._rows.items():
            self._note_kind_and_price(asset, row)

    def __getitem__(self, asset: Asset) -> AssetRow:
        """Return the row of an asset, to be changed until it is saved."""
        return self._rows[asset]

    def id_of(self, asset: Asset) -> int:
        """Return the number of an asset's row; a new one has none before `save`."""
        return self._ids[asset]

    def describe(self, asset: Asset, said: Description) -> None:
        """Note what the source said an asset is; what it left open stays as it was known."""
        row = self._rows[asset]
        known = _description_of(row)
        described = known.merged(said)
        row.kind, row.symbol, row.decimals, row.rebasing, *_ = described
        row.symbol_key = symbol_key(described.symbol) or None
        row.asked_in_vain = 0 if is_complete(described) else row.asked_in_vain + 1
        row.described_at = self._at
        row.describe_at = to_milliseconds(self._poll.observed_at + asked_again_in(row.asked_in_vain))
        if known.decimals not in (None, described.decimals):
            row.former_decimals, row.redenominated_in = known.decimals, self._poll.sweep

    def note_holder(self, asset: Asset, account_id: int) -> None:
        """Note an account that holds an asset: one by which the source can be asked to describe it."""
        row = self._rows[asset]
        if row.holder is None:
            row.holder = account_id

    def drop_holder(self, asset: Asset, account_id: int) -> None:
        """Note that an account holds nothing of an asset any more; the next balance chooses a new holder."""
        row = self._rows[asset]
        if row.holder == account_id:
            row.holder = None

    def count_drift(self, asset: Asset) -> None:
        """Count a sweep in which an asset drifted: once a sweep, whoever holds it, up to what is needed."""
        row = self._rows[asset]
        if row.drifts < DRIFTS_ENOUGH and (row.drifted_in or 0) < self._poll.sweep:
            row.drifts, row.drifted_in = row.drifts + 1, self._poll.sweep

    def save(self) -> None:
        """Insert the new rows and update those that changed; afterwards every asset has a number."""
        # Whole rows, though mostly one column changed: nobody else writes within the transaction.
        new = [asset for asset in self._rows if asset not in self._ids]
        self._db.insert_many(
            "asset",
            ("chain_id", "contract", *_COLUMNS),
            [(asset.chain_id, to_blob(asset.contract), *_values(self._rows[asset])) for asset in new],
        )
        self._ids |= {asset: asset_id for asset, asset_id, _ in _read(self._db, new)}
        self._db.executemany(
            _UPDATE,
            [
                (*_values(self._rows[asset]), self._ids[asset])
                for asset, before in self._stored.items()
                if _values(self._rows[asset]) != before
            ],
        )

    def _new(self, asset: Asset) -> AssetRow:
        kind, symbol, decimals, rebasing, *_ = self._poll.descriptions.get(asset, NOTHING_SAID)
        return AssetRow(
            kind=kind,
            symbol=symbol,
            decimals=decimals,
            rebasing=rebasing,
            symbol_key=symbol_key(symbol) or None,
        )

    def _note_kind_and_price(self, asset: Asset, row: AssetRow) -> None:
        """Note what comes along with balances; of a known asset that is its price, and little else."""
        said = self._poll.descriptions.get(asset)
        if said is None:
            return
        # A contract of unknown type that came with token ids is a collection from now on.
        if said.kind == row.kind + WITH_IDS:
            row.kind = said.kind
        price = described_price(said, self._poll.observed_at)
        if price is None:
            return
        # A newer price stays, however far it moved: the end of the sweep writes those that did.
        at = to_milliseconds(price.seen_at)
        if (row.priced_at or 0) <= at - PRICE_RENEWED_AFTER // _MILLISECOND:
            row.price_usd, row.priced_at = price.usd, at


_UPDATE = f"UPDATE asset SET {', '.join(f'{name} = ?' for name in _COLUMNS)} WHERE id = ?"


def undescribed(db: Database, assets: Iterable[Asset]) -> frozenset[Asset]:
    """Return the tokens that the source was never asked to describe; a chain's coin needs no description."""
    tokens = frozenset(asset for asset in assets if asset.contract != NATIVE)
    return tokens - {asset for asset, _, row in _read(db, tokens) if row.described_at is not None}


def doubtful_descriptions(db: Database, assets: Iterable[Asset], now: datetime) -> frozenset[Asset]:
    """Return the tokens to be described anew before an amount of them is reported.

    They lack a symbol or decimals, or were described too long ago. A chain's coin needs no description.
    """
    tokens = frozenset(asset for asset in assets if asset.contract != NATIVE)
    return tokens - {asset for asset, _, row in _read(db, tokens) if _is_well_described(row, now)}


def _is_well_described(row: AssetRow, now: datetime) -> bool:
    if row.described_at is None or not is_complete(_description_of(row)):
        return False
    return abs(now - to_moment(row.described_at)) <= TRUSTED_IN_ALERTS_FOR


def _description_of(row: AssetRow) -> Description:
    return to_description(row.kind, row.symbol, row.decimals, row.rebasing)


def lookup(count: int) -> str:
    """Return the statement that reads the rows of so many assets; its values are their key columns."""
    # A join, as SQLite reads all of the table for a pair of columns that is IN a list of pairs.
    keys = ", ".join(["(?, ?)"] * count)
    return (
        f"WITH wanted (on_chain, at_contract) AS (VALUES {keys})"
        f" SELECT x.chain_id, x.contract, x.id, {', '.join(f'x.{name}' for name in _COLUMNS)} FROM wanted w"
        " JOIN asset x ON x.chain_id = w.on_chain AND x.contract = w.at_contract"
    )


def _read(db: Database, assets: Iterable[Asset]) -> Iterator[tuple[Asset, int, AssetRow]]:
    for some in chunks(tuple(assets), ASSETS_READ_AT_ONCE):
        keys = [value for asset in some for value in (asset.chain_id, to_blob(asset.contract))]
        for chain_id, contract, asset_id, *values in db.execute(lookup(len(some)), keys).fetchall():
            yield to_asset(chain_id, contract), asset_id, AssetRow(*values)
