"""`balance-bot move` as operators use it, and a bot that people notice nothing of it."""

import asyncio
import random
import re
import signal
from pathlib import Path

from bot.chat.commands.mute import MUTED
from bot.domain.replicas.replica import TTL_SECONDS
from tests.chat.reading import moves
from tests.move.conftest import rows_of_file, rows_of_server
from tests.program import ran, started
from tests.stack import ACCOUNT, POLYGON, USDC_POLYGON, Stack, open_stack


def configured(path: Path, url: str) -> Path:
    """Write a configuration of both databases."""
    config = path.parent / "config.toml"
    config.write_text(f"""
[telegram]
token = "123456:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
[store]
path = "{path}"
url = "{url}"
[web]
listen = ""
""")
    return config


async def test_it_says_how_far_it_is_and_that_every_value_was_compared(file: Path, url: str) -> None:
    there = await ran("move", "--config", configured(file, url))
    assert (there.status, there.err) == (0, "")
    assert "copying chat" in there.out
    last = there.out.splitlines()[-1]
    assert re.fullmatch(
        rf"moved \d+ rows from the file {file} on \S+ to the database \S+ on 127.0.0.1:\d+, "
        "and compared every value: start the bot",
        last,
    )

    back = await ran("move", "--config", configured(file, url), "--back")
    assert back.status == 0
    assert back.out.splitlines()[-1].endswith('set store.url to "", then start the bot')


async def test_without_a_server_it_ends_with_2_and_names_the_key(file: Path) -> None:
    refused = await ran("move", "--config", configured(file, ""))

    assert refused.status == 2
    assert "store.url: missing" in refused.err


async def test_it_ends_with_5_and_what_to_do_where_something_is_in_the_way(file: Path, url: str) -> None:
    config = configured(file, url)
    assert (await ran("move", "--config", config)).err == ""

    again = await ran("move", "--config", config)

    assert again.status == 5
    assert re.fullmatch(
        r"balance-bot: the data of the file .* moved to .*: nothing is left to do\n", again.err
    )


async def test_a_bot_over_an_empty_server_does_not_start_beside_a_file_with_data(
    file: Path, url: str
) -> None:
    refused = await ran("run", "--config", configured(file, url))

    assert refused.status == 5
    assert f"the file {file} has the data of a bot: `balance-bot move` takes it along" in refused.err
    assert (await ran("move", "--config", configured(file, url))).status == 0


async def test_a_file_whose_data_moved_is_not_copied_any_more(file: Path, url: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite3"
    assert (await ran("move", "--config", configured(file, url))).status == 0

    refused = await ran("backup", "--config", configured(file, ""), copy)

    assert refused.status == 5
    assert "moved to the database" in refused.err
    assert not copy.exists()


async def test_killed_again_and_again_it_ends_with_all_of_it(file: Path, url: str) -> None:
    config, chance = configured(file, url), random.Random(17)  # noqa: S311
    for back in ([], ["--back"]):
        kills = 0
        while kills < 2:
            process = await started("move", "--config", config, *back)
            assert process.stdout is not None
            said = chance.randrange(40)
            for _ in range(said):
                await process.stdout.readline()
            if process.returncode is not None:
                break
            process.kill()
            await process.communicate()
            kills += 1
        ended = await ran("move", "--config", config, *back)
        assert ended.status == 0 or "nothing is left to do" in ended.err
        assert rows_of_file(file) == rows_of_server(url)


async def test_asked_to_stop_it_ends_between_two_slices_and_goes_on_later(file: Path, url: str) -> None:
    config = configured(file, url)
    process = await started("move", "--config", config)
    assert process.stdout is not None
    await process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    _, err = await process.communicate()

    assert process.returncode == 5
    assert b"stopped before the end: run the same command again" in err
    assert (await ran("move", "--config", config)).status == 0


# ---------------------------------------------------------------- the bot before and after


SLOWLY = ["group_wait_seconds = 4", "group_messages_per_minute = 1000"]


async def killed_with_an_alert_waiting(stack: Stack) -> None:
    """Let one more USDC leave, and kill the bot before it tells that."""
    stack.lines["delivery"] = SLOWLY
    process = await stack.start_process()
    await stack.asked()
    before = len(alerts(stack))
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await stack.asked(3)
    await stack.kill(process)
    assert len(alerts(stack)) == before
    del stack.lines["delivery"]


def alerts(stack: Stack) -> list[str]:
    return [text for text in stack.said() if "USDC" in moves(text)]


async def lines_of_history(stack: Stack) -> list[str]:
    stack.say("/history 1d")
    answer = await stack.hears("−1 USDC")
    return [line for line in answer.text.splitlines() if "USDC" in line]


async def test_a_bot_that_moves_there_and_back_tells_once_and_goes_on_as_before(
    tmp_path: Path, url: str
) -> None:
    path = tmp_path / "data" / "bot.sqlite3"
    async with open_stack(tmp_path, store=[f'path = "{path}"']) as stack:
        stack.start()
        await stack.watches()
        stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
        first = await stack.hears("−1 USDC")
        await stack.stop()
        for changes, store_url, back in ((2, url, []), (3, None, ["--back"])):
            await killed_with_an_alert_waiting(stack)
            told = len(alerts(stack))
            stack.store_url = url
            if back:
                await asyncio.sleep(TTL_SECONDS)  # the replica was killed
            moved = await ran("move", "--config", stack.config, *back)
            assert (moved.status, moved.err) == (0, "")

            stack.store_url = store_url
            stack.start()

            await stack.hears("−1 USDC")
            await stack.asked(3)
            assert len(alerts(stack)) == told + 1
            assert await stack.presses(first, "Mute 1 h") == MUTED
            stack.say("/unmute")
            await stack.hears("🔔")
            assert len(await lines_of_history(stack)) == changes
            await stack.stop()
        assert not [text for text in stack.said() if "restored" in text]
