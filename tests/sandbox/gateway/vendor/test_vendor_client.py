"""The vendor's own client, from npm, reads the simulated gateway: its shapes are not only ours."""

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.gateway.poison import poison
from bot.sandbox.gateway.server import Gateway
from bot.sandbox.gateway.transfers import NOBODY, Sending, WorldTransfer
from bot.sandbox.gateway.world import EXAMPLE_ACCOUNT
from tests.sandbox.gateway.client import CHECKSUMMED, SKYWEAVER, SPAM, STRANGER, USDC_POLYGON
from tests.waits import HANG_SECONDS

HERE = Path(__file__).parent
KEY = "right"
QUIETLY = "--no-audit --no-fund --no-package-lock --ignore-scripts --fetch-retries 0"
CHECK = "--allowJs --checkJs --noEmit --strict --noImplicitAny false --module nodenext --lib es2022,dom"


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the script and the vendor's client; skip where Node or the registry is missing."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("the vendor's client needs Node and npm, which are not here")
    folder = tmp_path_factory.mktemp("vendor")
    for name in ("package.json", "read.mjs"):
        shutil.copy(HERE / name, folder)
    try:
        subprocess.run(
            ["npm", "install", *QUIETLY.split()],  # noqa: S607 - wherever it is
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=HANG_SECONDS,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"npm can't install the vendor's client: {error}")
    return folder


async def read(vendor: Path, gateway: Gateway) -> dict[str, Any]:
    """Return what the vendor's client says of the example account on Polygon."""
    hostname = gateway.control_url.removesuffix("/sandbox")
    words = (hostname, KEY, CHECKSUMMED, "137", USDC_POLYGON, SKYWEAVER)
    process = await asyncio.create_subprocess_exec(
        "node", "read.mjs", *words, cwd=vendor, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    async with asyncio.timeout(HANG_SECONDS):
        output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    found = json.loads(output)
    assert isinstance(found, dict)
    return found


def expected_transfer(gateway: Gateway, transfer: WorldTransfer) -> list[object]:
    contract = transfer.contract and gateway.world.contract(137, transfer.contract)
    return [
        137,
        transfer.transaction,
        transfer.block,
        gateway.world.block_hash(137, transfer.block),
        f"{transfer.at:%Y-%m-%dT%H:%M:%SZ}",
        "SEND" if transfer.sender == EXAMPLE_ACCOUNT else "RECEIVE",
        contract.kind if contract else "NATIVE",
        transfer.contract or NOBODY,
        transfer.sender,
        transfer.receiver,
        [str(token_id) for token_id, _ in transfer.amounts] if contract else None,
        [str(amount) for _, amount in transfer.amounts],
        transfer.log_index,
    ]


def expected_items(gateway: Gateway) -> list[list[object]]:
    held = gateway.world.tokens(137, EXAMPLE_ACCOUNT)[SKYWEAVER]
    block = {token_id: holding.block for token_id, holding in held.items()}
    return [
        [
            "ERC1155",
            SKYWEAVER,
            EXAMPLE_ACCOUNT,
            str(token_id),
            str(holding.amount),
            block[token_id],
            137,
            "SKYWVR",
            None,
            "AVAILABLE",
            None,
        ]
        for token_id, holding in sorted(held.items())
    ]


async def test_the_vendors_client_reads_every_answer_that_the_bot_asks_for(
    vendor: Path, gateway: Gateway
) -> None:
    gateway.access_keys = {KEY}
    world, now = gateway.world, gateway.world.clock()
    world.clock = lambda: now
    world.move(137, USDC_POLYGON, EXAMPLE_ACCOUNT, -1_250_000, counterparty=STRANGER)
    world.move(137, None, EXAMPLE_ACCOUNT, 7, counterparty=NOBODY)
    world.transact(
        137,
        Sending(SKYWEAVER, EXAMPLE_ACCOUNT, STRANGER, {65537: 1, 65538: 2, 65539: 3}),
        Sending(USDC_POLYGON, NOBODY, EXAMPLE_ACCOUNT, {0: 5}),
    )
    poison(world, 137, USDC_POLYGON, EXAMPLE_ACCOUNT, counterparty=STRANGER)

    found = await read(vendor, gateway)

    ledger = [expected_transfer(gateway, transfer) for transfer in world.transfers(137, EXAMPLE_ACCOUNT)]
    usdc = str(world.token(137, USDC_POLYGON, EXAMPLE_ACCOUNT))
    pol = [EXAMPLE_ACCOUNT, 137, "POL", str(world.native(137, EXAMPLE_ACCOUNT)), "0.22"]
    assert (found["ping"], found["healthy"]) == (True, True)
    assert found["chains"] == [[chain.chain_id, chain.name] for chain in world.chains()]
    assert [row for page in found["history"] for row in page] == ledger[::-1]
    assert [len(page) for page in found["history"]][:-1] == [3] * ((len(ledger) - 1) // 3)
    assert found["bySize"] == found["history"]
    assert found["natives"] == found["native"] == [pol]
    assert {row[1]: row[4] for row in found["summary"]} == {
        USDC_POLYGON: usdc,
        SPAM: str(world.token(137, SPAM, EXAMPLE_ACCOUNT)),
        SKYWEAVER: str(1700 - 6),
    }
    assert found["byContract"] == expected_items(gateway)
    assert [row for row in found["details"] if row[1] == SKYWEAVER] == expected_items(gateway)
    assert [[row[1], row[0], row[4], *row[7:]] for row in found["details"] if row[1] == USDC_POLYGON] == [
        [USDC_POLYGON, "ERC20", usdc, "USDC", 6, "AVAILABLE", "1.00"]
    ]
    assert found["prices"] == found["price"]
    assert found["prices"] == [[137, USDC_POLYGON, "1.00", f"{now:%Y-%m-%dT%H:%M:%SZ}"]]
    assert found["refused"] == [True, "AccessKeyNotFound", 1101, 401]


def test_the_names_that_are_read_are_those_of_the_vendors_schema(vendor: Path) -> None:
    compiler = vendor / "node_modules" / ".bin" / "tsc"

    checked = subprocess.run(
        [compiler, *CHECK.split(), "read.mjs"],
        cwd=vendor,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )

    assert (checked.stdout, checked.returncode) == ("", 0)
