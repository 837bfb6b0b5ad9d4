import aiohttp
import pytest

from bot.sandbox.gateway.server import Gateway
from bot.sandbox.gateway.world import EXAMPLE_ACCOUNT, example_world
from tests.sandbox.gateway.client import SUMMARY, Client

# Refusals


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE"])
async def test_any_verb_but_post_is_refused(client: Client, verb: str) -> None:
    answer = await client.call("Ping", {}, verb=verb)

    assert answer.status == 405
    assert answer.headers["Allow"] == "POST"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.body == {
        "error": "WebrpcBadMethod",
        "code": -3,
        "msg": "bad method",
        "cause": f"unsupported method {verb} (only POST is allowed)",
        "status": 405,
    }


@pytest.mark.parametrize("verb", ["GET", "POST"])
@pytest.mark.parametrize("method", ["Nothing", "ping", "Ping/", "../IndexerGatewayPing"])
async def test_an_unknown_path_is_refused_whatever_the_verb(client: Client, verb: str, method: str) -> None:
    answer = await client.call(method, {}, verb=verb)

    assert (answer.status, answer.body["error"], answer.body["code"]) == (404, "WebrpcBadRoute", -2)
    assert answer.body["cause"].startswith("no webrpc method defined for path /rpc/")


async def test_a_missing_key_is_unauthorized(client: Client) -> None:
    answer = await client.call("Ping", {}, key=None)

    assert (answer.status, answer.body["error"], answer.body["code"]) == (401, "Unauthorized", 1000)


async def test_any_key_will_do_where_none_is_named(client: Client) -> None:
    assert (await client.call("Ping", {}, key="whatever")).status == 200


async def test_only_named_keys_will_do_where_keys_are_named() -> None:
    async with (
        Gateway(example_world(), access_keys={"right"}).serve() as gateway,
        aiohttp.ClientSession() as session,
    ):
        client = Client(session, gateway)
        accepted = await client.call("Ping", {}, key="right")
        refused = await client.call("Ping", {}, key="wrong")

    assert accepted.status == 200
    assert refused.status == 401
    assert refused.body == {
        "error": "AccessKeyNotFound",
        "code": 1101,
        "msg": "Access key not found",
        "status": 401,
    }


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/json5"]
)
async def test_another_content_type_is_a_bad_request(client: Client, content_type: str) -> None:
    answer = await client.call("Ping", {}, **{"Content-Type": content_type})

    assert (answer.status, answer.body["error"], answer.body["code"]) == (400, "WebrpcBadRequest", -4)


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON", "application/json; charset=utf-8"]
)
async def test_json_may_be_announced_with_parameters(client: Client, content_type: str) -> None:
    assert (await client.call("Ping", {}, **{"Content-Type": content_type})).status == 200


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"text"', b"{'a': 1}", b'{"a": NaN}', b"\xff", b"[" * 100_000]
)
async def test_what_is_no_json_object_is_a_bad_request(client: Client, body: bytes) -> None:
    answer = await client.call(SUMMARY, body)

    assert (answer.status, answer.body["code"]) == (400, -4)
    assert answer.body["cause"].startswith("failed to unmarshal request data: ")


async def test_a_bare_null_is_a_request_without_members(client: Client) -> None:
    assert (await client.call("Ping", b"null")).status == 200


@pytest.mark.parametrize(
    "request_body",
    [
        {"chainIds": ["1"]},
        {"chainIds": 1},
        {"chainIds": [1.5]},
        {"chainIds": [-1]},
        {"chainIds": [True]},
        {"networks": [1]},
        {"networkType": 1},
        {"omitMetadata": "true"},
        {"page": []},
        {"page": {"pageSize": "40"}},
        {"filter": []},
        {"filter": {"accountAddresses": EXAMPLE_ACCOUNT}},
        {"filter": {"accountAddresses": [1]}},
        {"filter": {"contractStatus": 1}},
        {"filter": {"omitPrices": 1}},
        {"filter": {"tokenIDs": ["one"]}},
    ],
)
async def test_a_member_of_the_wrong_type_is_a_bad_request(
    client: Client, request_body: dict[str, object]
) -> None:
    answer = await client.call(SUMMARY, request_body)

    assert (answer.status, answer.body["error"], answer.body["code"]) == (400, "WebrpcBadRequest", -4)


@pytest.mark.parametrize("wanted", [None, {}, {"accountAddresses": None}, {"accountAddresses": []}])
async def test_balances_of_nobody_are_an_invalid_argument(client: Client, wanted: object) -> None:
    answer = await client.call(SUMMARY, {"filter": wanted})

    assert (answer.status, answer.body["error"], answer.body["code"]) == (400, "InvalidArgument", 2001)
