"""The family of errors: what a refusal means, how long to wait, what an operator reads."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.indexer import errors
from bot.indexer.error_replies import decode_error
from bot.indexer.errors import (
    SMALLER_MAY_HELP,
    AccessRefused,
    ChainRefused,
    IndexerError,
    MetadataFailed,
    QuestionRefused,
    QuotaExceeded,
    ReplyMalformed,
    Throttled,
    TimedOut,
    TooMuchAsked,
    Unavailable,
    WrongEndpoint,
)

NOW = 1_780_000_000.0
KEY = "AQAAAAAAAKeyThatOpensNothing"

TABLE = [
    (0, "WebrpcEndpoint", 400, Unavailable),
    (-1, "WebrpcRequestFailed", 400, Unavailable),
    (-2, "WebrpcBadRoute", 404, WrongEndpoint),
    (-3, "WebrpcBadMethod", 405, WrongEndpoint),
    (-4, "WebrpcBadRequest", 400, QuestionRefused),
    (-5, "WebrpcBadResponse", 500, Unavailable),
    (-6, "WebrpcServerPanic", 500, Unavailable),
    (-7, "WebrpcInternalError", 500, Unavailable),
    (-8, "WebrpcClientAborted", 400, Unavailable),
    (-9, "WebrpcStreamLost", 400, Unavailable),
    (-10, "WebrpcStreamFinished", 200, Unavailable),
    (1000, "Unauthorized", 401, AccessRefused),
    (1001, "PermissionDenied", 403, AccessRefused),
    (1002, "SessionExpired", 403, AccessRefused),
    (1003, "MethodNotFound", 404, WrongEndpoint),
    (1004, "RequestConflict", 409, Unavailable),
    (1005, "Aborted", 400, Unavailable),
    (1006, "Geoblocked", 451, AccessRefused),
    (1007, "RateLimited", 429, Throttled),
    (1008, "ProjectNotFound", 401, AccessRefused),
    (1009, "SecretKeyCorsDisallowed", 403, AccessRefused),
    (1010, "InvalidScope", 403, AccessRefused),
    (1100, "ProjectNotFound", 401, AccessRefused),
    (1101, "AccessKeyNotFound", 401, AccessRefused),
    (1102, "AccessKeyMismatch", 409, AccessRefused),
    (1102, "AccessKeyMismatch", 403, AccessRefused),
    (1103, "InvalidOrigin", 403, AccessRefused),
    (1104, "InvalidService", 403, AccessRefused),
    (1105, "UnauthorizedUser", 403, AccessRefused),
    (1106, "InvalidChain", 403, ChainRefused),
    (1200, "QuotaExceeded", 429, QuotaExceeded),
    (1200, "QuotaExceeded", 423, QuotaExceeded),
    (1201, "RateLimit", 429, Throttled),
    (1201, "QuotaRateLimit", 429, Throttled),
    (1300, "NoDefaultKey", 403, AccessRefused),
    (1301, "MaxAccessKeys", 403, AccessRefused),
    (1302, "AtLeastOneKey", 403, AccessRefused),
    (1900, "Timeout", 408, TimedOut),
    (2000, "Timeout", 408, TimedOut),
    (2001, "InvalidArgument", 400, QuestionRefused),
    (2002, "Unavailable", 400, Unavailable),
    (2003, "QueryFailed", 400, Unavailable),
    (2004, "ResourceExhausted", 400, TooMuchAsked),
    (3000, "NotFound", 400, QuestionRefused),
    (3002, "ProjectNotFound", 400, AccessRefused),
    (3003, "MetadataCallFailed", 400, MetadataFailed),
]

STATUSES = [
    (301, WrongEndpoint),
    (400, QuestionRefused),
    (401, AccessRefused),
    (403, AccessRefused),
    (404, WrongEndpoint),
    (405, WrongEndpoint),
    (408, TimedOut),
    (413, TooMuchAsked),
    (423, QuotaExceeded),
    (425, Unavailable),
    (429, Throttled),
    (451, AccessRefused),
    (500, Unavailable),
    (502, Unavailable),
    (503, Unavailable),
    (504, TimedOut),
    (204, ReplyMalformed),
]


def refusal(
    http_status: int, headers: Mapping[str, str] = MappingProxyType({}), **envelope: object
) -> IndexerError:
    return decode_error(http_status, json.dumps(envelope).encode(), headers, now=NOW, conceal=KEY)


@pytest.mark.parametrize(("code", "name", "status", "kind"), TABLE)
def test_each_row_of_the_table_has_its_class(
    code: int, name: str, status: int, kind: type[IndexerError]
) -> None:
    error = refusal(status, error=name, code=code, msg="words", status=status)

    assert type(error) is kind
    assert (error.status, error.code, error.name, error.detail) == (status, code, name, "words")


@pytest.mark.parametrize(("code", "name", "status", "kind"), TABLE)
def test_the_code_alone_decides(code: int, name: str, status: int, kind: type[IndexerError]) -> None:
    misleading = "WebrpcBadRequest" if kind is not QuestionRefused else "QueryFailed"

    assert type(refusal(418, error=misleading, code=code)) is kind, (name, status)


@pytest.mark.parametrize(("name", "kind"), sorted({(name, kind) for _, name, _, kind in TABLE}, key=str))
def test_without_a_known_code_the_name_decides(name: str, kind: type[IndexerError]) -> None:
    assert type(refusal(418, error=name)) is kind
    assert type(refusal(418, error=name, code=987_654)) is kind
    assert type(refusal(418, error=name, code="1200")) is kind


@pytest.mark.parametrize(("status", "kind"), STATUSES)
def test_without_code_and_name_the_status_decides(status: int, kind: type[IndexerError]) -> None:
    assert type(refusal(status)) is kind
    assert type(refusal(status, error="Novelty", code=987_654)) is kind


def test_a_code_that_is_true_is_no_code() -> None:
    assert refusal(500, code=True).code is None


@pytest.mark.parametrize("spelling", ["msg", "message"])
def test_both_spellings_of_the_message_are_read(spelling: str) -> None:
    body = json.dumps({spelling: "backend down"}).encode()

    assert decode_error(500, body, {}, now=NOW).detail == "backend down"


def test_a_body_that_is_no_json_is_sorted_by_status_and_not_quoted() -> None:
    error = decode_error(502, b"<html><h1>Bad gateway</h1></html>", {}, now=NOW)

    assert type(error) is Unavailable
    assert "<" not in str(error)
    assert "Bad gateway" not in str(error)


def test_long_and_hostile_words_of_the_service_come_short_and_in_one_line() -> None:
    error = refusal(500, msg="line\nline\x00\u202etxt " + "x" * 10_000)

    assert error.detail.startswith("line line txt xxx")
    assert len(error.detail) == 200
    assert str(error).isprintable()


def test_half_a_character_does_not_hide_the_code() -> None:
    assert type(refusal(400, code=2003, msg="\ud800")) is Unavailable


def test_the_key_is_blotted_out_of_what_the_service_says() -> None:
    error = refusal(401, code=1101, error=f"No{KEY}", msg="x" * 190 + f" key {KEY} is unknown")

    assert KEY not in str(error)
    assert KEY[:6] not in str(error)
    assert "***" in str(error)


def test_a_redirect_names_the_host_and_nothing_else() -> None:
    error = refusal(302, {"Location": "https://user:word@elsewhere.example/path?key=1"})

    assert type(error) is WrongEndpoint
    assert "elsewhere.example" in str(error)
    assert not any(part in str(error) for part in ("user", "word", "path", "key"))


@pytest.mark.parametrize("location", ["/other", "https://[", ""])
def test_a_redirect_without_a_host_points_to_another_path(location: str) -> None:
    assert "another path" in str(refusal(307, {"Location": location}))


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"Retry-After": "60"}, 60.0),
        ({"retry-after": "60"}, 60.0),
        ({"Retry-After": "0"}, 1.0),
        ({"Retry-After": "60", "Credits-Rate-Reset": str(int(NOW) + 20)}, 21.0),
        ({"Retry-After": "10", "Credits-Rate-Reset": str(int(NOW) + 20)}, 10.0),
        ({"Credits-Rate-Reset": str(int(NOW) + 20)}, 21.0),
        ({"Retry-After": "60", "Credits-Rate-Reset": "0"}, 60.0),
        ({"Retry-After": "60", "Credits-Rate-Reset": "soon"}, 60.0),
        ({"Retry-After": "-1", "Credits-Rate-Reset": str(int(NOW) + 20)}, 21.0),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "1e300"}, None),
        ({"Retry-After": "later"}, None),
        ({"Retry-After": format_datetime(datetime.fromtimestamp(NOW + 42, UTC), usegmt=True)}, 42.0),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 -0000"}, None),
        ({"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, None),
    ],
)
def test_the_wait_is_the_shortest_that_makes_sense(headers: dict[str, str], wait: float | None) -> None:
    error = refusal(429, headers, code=1201)

    assert isinstance(error, Throttled)
    assert error.retry_after_seconds == wait


@given(
    status=st.integers(100, 599),
    body=st.binary(max_size=200)
    | st.from_type(dict[str, int | str | None]).map(lambda d: json.dumps(d).encode()),
    header=st.text(max_size=40),
)
def test_whatever_is_refused_becomes_one_of_our_errors(status: int, body: bytes, header: str) -> None:
    headers = {"Retry-After": header, "Credits-Rate-Reset": header, "Location": header}

    error = decode_error(status, body, headers, now=NOW)

    assert isinstance(error, IndexerError)
    assert type(error) is not IndexerError
    assert error.status == status
    assert str(error)


def test_deeply_nested_refusals_are_sorted_by_status() -> None:
    assert type(decode_error(503, b"[" * 200_000, {}, now=NOW)) is Unavailable
    assert type(decode_error(503, b'{"code":' * 200_000, {}, now=NOW)) is Unavailable


def test_an_operator_reads_what_happened_what_to_do_and_the_facts() -> None:
    error = AccessRefused("Access key not found", status=401, code=1101, name="AccessKeyNotFound")

    assert str(error) == (
        "The indexer refused the access key; check indexer.access_key and what its project allows: "
        "Access key not found (HTTP 401, 1101 AccessKeyNotFound)"
    )
    assert str(Unavailable()) == "The indexer cannot be reached or cannot answer now; it is asked again"


def family_of(kind: type[IndexerError]) -> Iterator[tuple[str, str]]:
    """Return every descendant of an error with the name of its parent."""
    for child in kind.__subclasses__():
        yield child.__name__, kind.__name__
        yield from family_of(child)


def test_the_tree_of_the_module_names_the_whole_family() -> None:
    lines = str(errors.__doc__).split("\n\n")[1].splitlines()
    path: list[str] = []
    drawn = set()
    for line in lines:
        depth = line.index(line.lstrip("│├└─ ")) // 4
        path[depth:] = [line.lstrip("│├└─ ").split()[0]]
        drawn |= {(path[-1], path[-2])} if depth else set()

    assert drawn == set(family_of(IndexerError))


def test_every_error_tells_an_operator_one_thing_of_its_own() -> None:
    family = [getattr(errors, name) for name, _ in family_of(IndexerError)]

    assert len({str(kind()) for kind in family}) == len(family)


@pytest.mark.parametrize(
    ("refused", "helps"),
    [
        (refusal(408), True),
        (refusal(413), True),
        (refusal(400, code=2004), True),
        (refusal(400, code=2001), True),
        (refusal(403, code=1106), True),
        (refusal(403, code=1104), False),
        (refusal(503), False),
        (refusal(400, code=2003), False),
        (refusal(429), False),
        (refusal(423), False),
        (refusal(404), False),
        (refusal(204), False),
    ],
)
def test_it_is_known_when_a_smaller_question_may_help(refused: IndexerError, helps: bool) -> None:  # noqa: FBT001
    assert isinstance(refused, SMALLER_MAY_HELP) is helps
