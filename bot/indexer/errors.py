"""The errors between a question and its answer, sorted by what helps.

IndexerError
├── Unavailable          ask again, later
│   ├── TimedOut         ask for less
│   └── MetadataFailed   ask without metadata
├── Throttled            ask again after the wait it names
├── QuotaExceeded        wait for long, tell the operator
├── QuestionRefused      never ask the same again; a smaller question may do
│   └── ChainRefused     leave that chain out, tell the operator
├── TooMuchAsked         ask for less
│   └── ReplyTooLarge    ask for less
├── TooManyItems         do without the items
├── LeftAlone            do without, for a while
├── OverBudget           do without, for a while
├── AccessRefused        tell the operator: key, project, place
├── WrongEndpoint        tell the operator: address
├── ReplyMalformed       ask again, later
└── ReplyIncomplete      this reading does not count

The first line of each docstring is what an operator reads.
"""

import unicodedata
from typing import Final

from bot.domain.secrets import Secrets

_SHOWN_CHARACTERS = 200
_READ_CHARACTERS = 5000
_KEY_CHARACTERS = 3000
"""Longer than any secret: one that is cut at the end of what is read would not be recognised."""


class IndexerError(Exception):
    """The indexer gave no answer.

    `status` is the HTTP status, None where no reply came; `code` and `name` are the service's own words
    (docs/indexer-gateway.md, "Errors"), or `name` is what the network's failure is called.
    """

    def __init__(
        self, detail: str = "", *, status: int | None = None, code: int | None = None, name: str = ""
    ) -> None:
        super().__init__(detail)
        self.detail = plain(detail)
        self.status = status
        self.code = code
        self.name = plain(name)

    def __str__(self) -> str:
        text = (type(self).__doc__ or type(self).__name__).partition("\n")[0].rstrip(".")
        if self.detail:
            text += f": {self.detail}"
        spoken = " ".join(str(word) for word in (self.code, self.name) if word not in (None, ""))
        facts = ([f"HTTP {self.status}"] if self.status is not None else []) + ([spoken] if spoken else [])
        return f"{text} ({', '.join(facts)})" if facts else text


class Unavailable(IndexerError):
    """The indexer cannot be reached or cannot answer now; it is asked again."""


class TimedOut(Unavailable):
    """The indexer takes too long to answer; lower indexer.accounts_per_request if this repeats.

    `status` is None where our own limit ended the request, else the service or a proxy gave it up.
    """


class MetadataFailed(Unavailable):
    """The indexer cannot say now what contracts are; it is asked again."""


class Throttled(IndexerError):
    """The indexer asks for fewer requests; raise indexer.poll_interval_seconds if this repeats.

    HTTP 429, or the service's own code for it; a quota that is used up is QuotaExceeded.
    """

    def __init__(
        self,
        detail: str = "",
        *,
        retry_after_seconds: float | None = None,
        status: int | None = None,
        code: int | None = None,
        name: str = "",
    ) -> None:
        super().__init__(detail, status=status, code=code, name=name)
        self.retry_after_seconds = retry_after_seconds
        """How long to wait, by the service's headers; None where they name no plausible time."""


class QuotaExceeded(IndexerError):
    """The quota of the indexer project is used up; raise its plan or wait for the next billing cycle."""


class QuestionRefused(IndexerError):
    """The indexer refused the question as invalid; the same question is not asked again."""


class ChainRefused(QuestionRefused):
    """The indexer refused a chain that the access key's project does not include; check indexer.chains.

    It names no chain: questions of fewer chains find out which.
    """


class TooMuchAsked(IndexerError):
    """The indexer was asked for too much at once; lower indexer.accounts_per_request if this repeats."""


class ReplyTooLarge(TooMuchAsked):
    """The indexer's reply is too large; lower indexer.accounts_per_request or indexer.page_size."""


class TooManyItems(IndexerError):
    """The account holds more items of the collection than are read one by one."""


class LeftAlone(IndexerError):
    """The indexer is not asked this now, as it failed at it or asked for fewer requests."""


class OverBudget(IndexerError):
    """The indexer is not asked this now: such questions have used up their share of the requests."""


class AccessRefused(IndexerError):
    """The indexer refused the access key; check indexer.access_key and what its project allows."""


class WrongEndpoint(IndexerError):
    """No Indexer Gateway answers at this address; check indexer.url."""


class ReplyMalformed(IndexerError):
    """The indexer's reply cannot be read; nothing of it counts."""


class ReplyIncomplete(IndexerError):
    """The indexer's reply is not whole; nothing of it counts."""


SMALLER_MAY_HELP: Final = (TimedOut, TooMuchAsked, QuestionRefused, ReplyIncomplete)
"""Errors that a question about fewer accounts or chains may avoid."""

SOURCE_IS_UP: Final = (QuestionRefused, ReplyTooLarge, ReplyIncomplete)
"""Errors that prove the source is up."""


def plain(text: str, conceal: str = "") -> str:
    """Return text of others as one short printable line, without `conceal` and anything like a token."""
    text = Secrets((conceal,)).blank(text[: _READ_CHARACTERS + _KEY_CHARACTERS], "***")[:_READ_CHARACTERS]
    printable = "".join(" " if letter.isspace() or _is_control(letter) else letter for letter in text)
    line = " ".join(printable.split())
    return line if len(line) <= _SHOWN_CHARACTERS else line[: _SHOWN_CHARACTERS - 1] + "…"


def _is_control(letter: str) -> bool:
    return unicodedata.category(letter).startswith("C")
