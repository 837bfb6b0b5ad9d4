"""Control routes for people, chats, topics and members: adding, changing, deleting."""

from collections.abc import Callable, Mapping

from bot.sandbox.telegram.control.bodies import Body, Names, read_number, read_status
from bot.sandbox.telegram.control.shown import show_chat, show_message
from bot.sandbox.telegram.world.groups import Groups, Side
from bot.sandbox.telegram.world.wire import Json, user_json
from bot.sandbox.telegram.world.world import Chat, SandboxError, Status, User


class ChatActs:
    """The POSTs that set up people, chats and topics and change what they are."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._names = Names(groups)

    def acts(self) -> Mapping[str, Callable[[Body], object]]:
        """Return the functions by the last part of their path."""
        groups, names = self._groups, self._names
        return {
            "users": self._add_user,
            "chats": self._add_chat,
            "topics": self._add_topic,
            "turn-on-topics": lambda body: groups.turn_on_topics(names.chat(body)),
            "close-topic": self._close_topic,
            "reopen-topic": self._reopen_topic,
            "delete-topic": lambda body: groups.delete_topic(names.chat(body), body.given("thread", int)),
            "member": self._set_member,
            "bot": self._change_bot,
            "forbid": self._forbid,
            "rename-bot": lambda body: groups.rename_bot(body.given("username", str)),
            "block": lambda body: groups.blocks(names.user(body)),
            "unblock": lambda body: groups.unblocks(names.user(body)),
            "add-bot": lambda body: groups.adds_bot(names.chat(body), by=names.by(body)),
            "remove-bot": lambda body: groups.removes_bot(names.chat(body), by=names.by(body)),
            "restrict-bot": lambda body: groups.restricts_bot(names.chat(body), by=names.by(body)),
            "deactivate": lambda body: groups.deactivate(names.user(body)),
            "delete-group": lambda body: groups.delete_group(names.chat(body)),
            "migrate": self._migrate,
            "tell-migration": self._tell_migration,
        }

    def _add_user(self, body: Body) -> Json:
        name, username = body.given("first_name", str), body.given_or_none("username", str) or ""
        user_id = body.given_or_none("id", int)
        if body.given_or_none("is_bot", bool):
            return user_json(self._groups.add_bot(name, username, user_id=user_id))
        return user_json(self._groups.add_user(name, user_id=user_id, username=username))

    def _add_chat(self, body: Body) -> Json:
        kind = body.given("type", str)
        if kind == "private":
            return show_chat(self._groups.add_private_chat(self._names.user(body)))
        return show_chat(self._add_shared_chat(kind, body))

    def _add_shared_chat(self, kind: str, body: Body) -> Chat:
        groups = self._groups
        kinds = {
            "group": groups.add_group,
            "supergroup": groups.add_supergroup,
            "forum": groups.add_forum,
            "channel": groups.add_channel,
        }
        if kind not in kinds:
            raise SandboxError(f'"type" must be private or one of {", ".join(kinds)}.')
        # A bot can be in a channel only as an administrator.
        usual = "administrator" if kind == "channel" else "member"
        return kinds[kind](
            body.given("title", str),
            self._members(body.given_or_none("members", dict) or {}),
            bot=read_status(body.fields.get("bot", usual)),
            chat_id=body.given_or_none("id", int),
        )

    def _members(self, statuses: Json) -> dict[User, Status]:
        return {
            self._groups.user(read_number(user_id, "members")): read_status(status)
            for user_id, status in statuses.items()
        }

    def _add_topic(self, body: Body) -> Json:
        return {"thread": self._groups.add_topic(self._names.chat(body), body.given("title", str))}

    def _close_topic(self, body: Body) -> None:
        """Close a topic without telling the bot, or let the person named do it."""
        chat, thread_id = self._names.chat(body), body.given("thread", int)
        if "user" in body.fields:
            self._groups.closes_topic(self._names.user(body), chat, thread_id)
        else:
            self._groups.close_topic(chat, thread_id)

    def _reopen_topic(self, body: Body) -> None:
        """Reopen a topic without telling the bot, or let the person named do it."""
        chat, thread_id = self._names.chat(body), body.given("thread", int)
        if "user" in body.fields:
            self._groups.reopens_topic(self._names.user(body), chat, thread_id)
        else:
            self._groups.reopen_topic(chat, thread_id)

    def _set_member(self, body: Body) -> None:
        status = read_status(body.fields.get("status"))
        self._groups.set_member(self._names.chat(body), self._names.user(body), status)

    def _change_bot(self, body: Body) -> None:
        status = read_status(body.fields.get("status"))
        may_post = body.given_or_none("may_post", bool) is not False
        self._groups.changes_bot(self._names.chat(body), status, by=self._names.by(body), may_post=may_post)

    def _forbid(self, body: Body) -> None:
        self._groups.forbid(self._names.chat(body), *map(str, body.given("kinds", list)))

    def _migrate(self, body: Body) -> Json:
        tells = body.given_or_none("tells", list)
        supergroup = self._groups.migrates(
            self._names.chat(body),
            tells=("to", "from") if tells is None else [_side(side) for side in tells],
            chat_id=body.given_or_none("id", int),
        )
        return show_chat(supergroup)

    def _tell_migration(self, body: Body) -> Json:
        side = _side(body.given("side", str))
        return show_message(self._groups.tells_of_migration(self._names.chat(body), side))


def _side(written: object) -> Side:
    if written == "to":
        return "to"
    if written == "from":
        return "from"
    raise SandboxError('A migration is told of on two sides: "to" and "from".')
