"""Control routes for faults, limits and the clock."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, replace

from bot.sandbox.telegram.api.faults import (
    Answer,
    Close,
    Cut,
    Endless,
    Error,
    FaultRules,
    Garbage,
    Hang,
    ProxyPage,
    Reset,
    TelegramFault,
    Vanish,
    accept_then_delete,
    accept_then_garbage,
    accept_then_hang,
    accept_then_reset,
    after,
    before,
    reset_before_accepting,
)
from bot.sandbox.telegram.api.limits import Limiter, TelegramLimits
from bot.sandbox.telegram.control.bodies import Body
from bot.sandbox.telegram.world.wire import Json
from bot.sandbox.telegram.world.world import SandboxError, TelegramWorld

ANY_METHOD = "*"
PLACES: Mapping[str, Callable[[], TelegramFault]] = {
    "reset-before-accepting": reset_before_accepting,
    "accept-then-reset": accept_then_reset,
    "accept-then-hang": accept_then_hang,
    "accept-then-garbage": accept_then_garbage,
    "accept-then-delete": accept_then_delete,
}


class FaultActs:
    """The POSTs that break and heal, enforce limits, and move the clock; and what they show."""

    def __init__(
        self, world: TelegramWorld, faults: FaultRules, limiter: Limiter, refuse_for: Callable[[float], None]
    ) -> None:
        self._world = world
        self._faults = faults
        self._limiter = limiter
        self._refuse_for = refuse_for

    def acts(self) -> Mapping[str, Callable[[Body], object]]:
        """Return the functions by the last part of their path."""
        return {
            "fault": self._fault,
            "heal": self._heal,
            "refuse": lambda body: self._refuse_for(body.seconds("seconds")),
            "limits": self._set_limits,
            "clock": self._move_clock,
        }

    @property
    def flood_count(self) -> int:
        """How many 429s the bot's own pace caused."""
        return len(self._limiter.floods)

    def show_clock(self) -> Json:
        """Show what time it is."""
        return {"now": self._world.now().isoformat()}

    def show_limits(self) -> Json:
        """Show what is enforced and what it refused."""
        limits = self._limiter.limits
        return {
            "enforced": limits is not None,
            **asdict(limits or TelegramLimits()),
            "floods": [asdict(flood) for flood in self._limiter.floods],
        }

    def _fault(self, body: Body) -> None:
        self._faults.add(
            _read_fault(body),
            times=body.given_or_none("times", int),
            chat_id=self._chat_id(body),
            method=_method(body.given_or_none("method", str) or "sendMessage"),
        )

    def _heal(self, body: Body) -> None:
        method = body.given_or_none("method", str)
        self._faults.heal(chat_id=self._chat_id(body), method=_method(method) if method else None)

    def _chat_id(self, body: Body) -> int | None:
        chat_id = body.given_or_none("chat", int)
        return None if chat_id is None else self._world.chat(chat_id).id

    def _set_limits(self, body: Body) -> Json:
        """Enforce limits, with the usual numbers where none are given; or lift them."""
        if body.given("enforced", bool):
            # Counted by this Telegram's clock, so that moving it lets the limits recover.
            self._limiter.enforce(_read_limits(body), lambda: self._world.now().timestamp())
        else:
            self._limiter.lift()
        return self.show_limits()

    def _move_clock(self, body: Body) -> Json:
        clock = self._world.clock
        if "runs" in body.fields:
            (clock.go_on if body.given("runs", bool) else clock.stop)()
        if "set" in body.fields:
            clock.set(body.moment("set"))
        if "advance" in body.fields:
            clock.advance(body.seconds("advance"))
        return self.show_clock()


def _method(written: str) -> str | None:
    return None if written == ANY_METHOD else written


def _read_limits(body: Body) -> TelegramLimits:
    known = {field.name for field in fields(TelegramLimits)}
    named = {name: value for name, value in body.fields.items() if name in known}
    for name, value in named.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise SandboxError(f'"{name}" must be a number above 0.')
    return replace(TelegramLimits(), **named)  # type: ignore[arg-type] # each was looked at


def _read_fault(body: Body) -> TelegramFault:
    name = body.given_or_none("fault", str)
    if name is not None:
        if name not in PLACES:
            raise SandboxError(f'"fault" must be one of {", ".join(PLACES)}.')
        return PLACES[name]()
    places = {"before": before, "after": after}
    place = body.given_or_none("place", str) or "before"
    if place not in places:
        raise SandboxError('"place" must be before or after (the request is accepted).')
    return places[place](_read_answer(body))


def _read_answer(body: Body) -> Answer:
    answers: dict[str, Callable[[], Answer]] = {
        "close": Close,
        "reset": Reset,
        "hold": Hang,
        "cut": Cut,
        "garbage": lambda: Garbage(body.given_or_none("body", str) or Garbage.body),
        "page": lambda: ProxyPage(
            body.given_or_none("code", int) or ProxyPage.status,
            body.given_or_none("html", str) or ProxyPage.html,
        ),
        "endless": lambda: Endless(
            body.given_or_none("code", int) or Endless.status,
            body.given_or_none("megabytes", int) or Endless.megabytes,
            is_packed=body.given_or_none("packed", bool) or False,
        ),
        "error": lambda: Error(
            body.given("code", int),
            body.given("description", str),
            body.given_or_none("parameters", dict),
        ),
        "vanish": Vanish,
    }
    answer = body.given("answer", str)
    if answer not in answers:
        raise SandboxError(f'"answer" must be one of {", ".join(answers)}.')
    return answers[answer]()
