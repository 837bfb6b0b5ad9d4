"""A start with a database server: what is waited for, and what only the operator can mend."""

import pytest

from bot.store.database.errors import (
    DatabaseFault,
    DatabaseUnavailable,
    DatabaseUnusable,
    StoreMisconfigured,
)
from bot.store.database.server import connect, postgres
from bot.store.database.server.connect import applied_migrations, open_server
from tests.builders import NOON
from tests.server.conftest import PASSWORD, Operator
from tests.server.strange_servers import CERTIFICATE, hanging_up, refusing, serving, with_tls


def opened(url: str) -> int:
    """Open the database and return how many migrations made its tables."""
    db = open_server(url, NOON, lambda _: None)
    try:
        with db.unit(None):
            return len(applied_migrations(db))
    finally:
        db.close()


def unusable(url: str) -> str:
    """Return why only the operator can help; it shows no password."""
    with pytest.raises(DatabaseUnusable) as refused:
        opened(url)
    return _told(refused.value)


def waited_for(url: str) -> str:
    """Return why the server is waited for; it shows no password."""
    with pytest.raises(DatabaseUnavailable) as refused:
        opened(url)
    assert refused.value.kind is DatabaseFault.AWAY
    return _told(refused.value)


def mistaken(url: str) -> str:
    """Return why the address can't be."""
    with pytest.raises(StoreMisconfigured) as refused:
        opened(url)
    return _told(refused.value)


def _told(error: Exception) -> str:
    for one in (error, error.__cause__):
        assert "sesame" not in f"{one} {one!r}"
    said, _, advice = str(error).rpartition(": ")
    assert said
    assert advice
    return str(error)


# ---------------------------------------------------------------- in order


def test_a_new_database_gets_its_tables_and_is_opened_again_as_it_is(operator: Operator) -> None:
    url = operator.has("fresh")

    assert opened(url) == opened(url) > 30


def test_tables_of_an_extension_are_nobody_elses(operator: Operator) -> None:
    url = operator.has("extended")
    operator.does(
        "CREATE TABLE spatial (id int)", "ALTER EXTENSION plpgsql ADD TABLE spatial", database="extended"
    )

    assert opened(url)


def test_options_of_the_address_hold_beside_those_of_the_program(operator: Operator) -> None:
    operator.has("twofold")
    operator.does("CREATE SCHEMA mine AUTHORIZATION olga", database="twofold")
    url = operator.url("twofold", behind="?options=-c%20search_path%3Dmine%20-c%20statement_timeout%3D0")

    db = open_server(url, NOON, lambda _: None)
    with db.unit(None):
        shown = [db.execute(f"SHOW {name}").fetchone() for name in ("search_path", "statement_timeout")]
    db.close()

    assert shown == [("mine",), ("10s",)]


# ---------------------------------------------------------------- waited for


def test_a_server_that_is_not_there_is_waited_for() -> None:
    assert "127.0.0.1:1 does not answer" in waited_for(f"postgresql://olga:{PASSWORD[:8]}@127.0.0.1:1/bot")
    assert "nowhere.invalid:5432" in waited_for("postgresql://olga:sesame@nowhere.invalid/bot")


def test_of_several_hosts_the_one_that_answers_is_taken(operator: Operator) -> None:
    url = operator.has("second").replace("@", "@127.0.0.1:1,")

    assert opened(url)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("57P03", "il sistema di database si sta avviando"),
        ("57P01", "interruzione della connessione dovuta a comando"),
        ("53300", "spiacente, troppi client già connessi"),
    ],
)
def test_what_passes_by_itself_is_waited_for_in_any_language(code: str, words: str) -> None:
    with serving(refusing(code, words)) as port:
        assert words in waited_for(f"postgresql://olga:sesame@127.0.0.1:{port}/bot")


def test_a_user_with_too_many_connections_is_waited_for(operator: Operator) -> None:
    assert "too many connections" in waited_for(operator.url("postgres", "crowded"))


def test_what_hangs_up_without_a_word_is_waited_for() -> None:
    with serving(hanging_up) as port:
        waited_for(f"postgresql://olga:sesame@127.0.0.1:{port}/bot")


def test_a_server_that_only_reads_is_waited_for(operator: Operator) -> None:
    operator.has("reads")
    operator.does("ALTER DATABASE reads SET default_transaction_read_only = on")

    assert "read-only" in waited_for(operator.url("reads"))


# ---------------------------------------------------------------- who may


def test_a_refused_password_says_where_to_check_it(operator: Operator) -> None:
    said = unusable(operator.url("postgres", password="sesame"))

    assert "check the password in store.url" in said
    assert """CREATE ROLE "olga" LOGIN PASSWORD '…'""" in said


@pytest.mark.parametrize(
    ("code", "words", "advice"),
    [
        ("28P01", "autenticazione con password fallita", "check the password in store.url"),
        ("28000", 'nessuna voce in pg_hba.conf per l\'host "::1"', "let its pg_hba.conf have a line"),
        ("3D000", 'il database "bot" non esiste', 'CREATE DATABASE "bot" OWNER "olga" ENCODING'),
        ("08P01", "unsupported startup parameter: options", "a pooler such as pgbouncer"),
        ("22023", "valore non valido", "correct the options in store.url"),
    ],
)
def test_a_refusal_is_told_by_its_code_in_any_language(code: str, words: str, advice: str) -> None:
    with serving(refusing(code, words)) as port:
        said = unusable(f"postgresql://olga:sesame@127.0.0.1:{port}/bot")

    assert words in said
    assert advice in said


def test_a_password_that_is_asked_for_and_not_there_is_missed(operator: Operator) -> None:
    url = operator.url("postgres").replace(f":{PASSWORD.replace('/', '%2F')}", "")

    assert "wants a password for the user olga" in unusable(url)


def test_a_user_that_is_not_let_in_is_told_the_line_that_lacks(operator: Operator) -> None:
    assert 'a line for the user "walled", the database "postgres"' in unusable(
        operator.url("postgres", "walled")
    )


def test_a_database_that_is_not_there_is_made_by_the_statement_shown(operator: Operator) -> None:
    said = unusable(operator.url("missing"))

    statement = said.partition("as its administrator run ")[2]
    operator.does(statement)
    operator.made.append("missing")
    assert opened(operator.url("missing"))


def test_a_user_who_may_not_connect_is_let_in_by_the_statement_shown(operator: Operator) -> None:
    operator.has("closed")
    operator.does("REVOKE CONNECT ON DATABASE closed FROM PUBLIC", "ALTER DATABASE closed OWNER TO postgres")

    operator.does(unusable(operator.url("closed")).partition("as its administrator run ")[2])

    assert "may not make tables" in unusable(operator.url("closed"))


def test_a_user_who_may_not_make_tables_makes_them_after_the_statement_shown(operator: Operator) -> None:
    operator.has("granted")
    operator.does("ALTER DATABASE granted OWNER TO postgres")

    said = unusable(operator.url("granted"))

    statement = said.partition("as its administrator run ")[2].removesuffix(" there")
    operator.does(statement, database="granted")
    assert opened(operator.url("granted"))


def test_a_user_who_may_not_use_the_tables_of_another_is_refused(operator: Operator) -> None:
    opened(operator.has("others"))

    assert "tom lacks rights in the database others" in unusable(operator.url("others", "tom"))


def test_a_right_that_lacks_for_one_table_is_missed(operator: Operator) -> None:
    opened(operator.has("partly"))
    operator.does("REVOKE DELETE ON alert FROM olga", database="partly")

    assert "may not read and write the table alert" in unusable(operator.url("partly"))


# ---------------------------------------------------------------- what it is


def test_an_encoding_that_cannot_hold_every_text_is_refused(operator: Operator) -> None:
    said = unusable(operator.has("latin", "ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"))

    assert "stores text as LATIN1" in said


@pytest.mark.parametrize("table", ["invoice (id int)", "migration (id int, version text)"])
def test_a_database_of_something_else_is_left_alone(operator: Operator, table: str) -> None:
    url = operator.has("foreign_one")
    operator.does(f"CREATE TABLE {table}", database="foreign_one")

    assert "has tables of something else" in unusable(url)


def test_a_database_without_a_schema_is_refused(operator: Operator) -> None:
    url = operator.has("bare")
    operator.does("DROP SCHEMA public", database="bare")

    assert "has no schema that the user olga can use" in unusable(url)


def test_a_database_of_a_newer_version_is_left_alone(operator: Operator) -> None:
    url = operator.has("newer")
    opened(url)
    operator.does("INSERT INTO migration VALUES ('m999_flying', 0)", database="newer")

    assert "which added m999_flying: install that version" in unusable(url)


def test_settings_that_something_in_between_takes_away_are_missed(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.database.server.connect.SETTINGS", "")

    assert "doesn't keep the settings of a connection" in unusable(operator.has("pooled"))


# ---------------------------------------------------------------- the address


def test_an_address_with_what_libpq_does_not_know_is_a_mistake(operator: Operator) -> None:
    assert 'invalid sslmode value: "requir"' in mistaken(operator.url("bot", behind="?sslmode=requir"))
    assert 'invalid URI query parameter: "sslmde"' in mistaken(operator.url("bot", behind="?sslmde=require"))


def test_tls_is_as_the_address_has_it(operator: Operator) -> None:
    url = operator.has("secret")
    plain = int(operator.server.url("").rpartition(":")[2].rstrip("/"))
    with serving(with_tls(plain)) as port:
        by_name = url.replace(f"127.0.0.1:{plain}", f"localhost:{port}")
        by_number = url.replace(f":{plain}", f":{port}")
        trusted = f"sslrootcert={CERTIFICATE}"

        assert opened(f"{by_name}?sslmode=require")
        assert opened(f"{by_name}?sslmode=verify-full&{trusted}")
        for refused in (
            f"{by_number}?sslmode=verify-full&{trusted}",
            f"{by_name}?sslmode=verify-full&sslrootcert=/nowhere.crt",
            f"{by_name}?sslmode=verify-full&sslrootcert=system",
        ):
            assert "check sslmode and sslrootcert" in unusable(refused)


def test_a_server_without_tls_is_refused_where_it_is_required(operator: Operator) -> None:
    assert "let the server offer TLS" in unusable(operator.url("bot", behind="?sslmode=require"))


# ---------------------------------------------------------------- upgrades


def replica(operator: Operator, database: str, seconds_ago: int) -> None:
    """Let a replica have been seen so long ago by the database's clock, of before the last migrations."""
    operator.does(
        "INSERT INTO replica (id, name, version, started_at, seen_at, clock_ahead_ms, troubles)"
        f" SELECT '{seconds_ago}', 'rack-{seconds_ago}', '1', 0,"
        f" extract(epoch FROM clock_timestamp()) * 1000 - {seconds_ago} * 1000, 0, ''",
        database=database,
    )


@pytest.fixture
def earlier(operator: Operator) -> str:
    """Return the address of a database that lacks a migration."""
    url = operator.has("earlier")
    opened(url)
    operator.does("DROP TABLE name", "DELETE FROM migration WHERE name LIKE 'm033%'", database="earlier")
    return url


def test_tables_are_not_changed_while_replicas_of_an_earlier_version_run(
    operator: Operator, earlier: str
) -> None:
    replica(operator, "earlier", 5)

    said = unusable(earlier)

    assert "replicas of that still run (rack-5): stop them all" in said
    assert said == unusable(earlier)


def test_they_are_changed_once_none_of_them_runs(operator: Operator, earlier: str) -> None:
    replica(operator, "earlier", 60)

    assert opened(earlier)


def test_a_change_of_the_tables_takes_as_long_as_it_takes(
    operator: Operator, earlier: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        connect, "SETTINGS", connect.SETTINGS.replace("statement_timeout=10s", "statement_timeout=1s")
    )
    monkeypatch.setattr(postgres, "ANSWER_SECONDS", 1.0)
    operator.does(
        "CREATE FUNCTION slow() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN"
        " PERFORM pg_sleep(1.2) FROM pg_event_trigger_ddl_commands(); END'",
        "CREATE EVENT TRIGGER slow ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION slow()",
        database="earlier",
    )

    assert opened(earlier)


def test_the_server_soon_ends_a_session_whose_machine_is_gone(operator: Operator) -> None:
    db = open_server(operator.has("gone"), NOON, lambda _: None)
    names = ("user_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count")
    kept = [db.execute(f"SHOW tcp_{name}").fetchone()[0] for name in names]
    db.close()

    assert kept == ["4000", "2", "1", "3"]  # at most: 2 s of silence, and three questions, a second each


def test_a_database_that_is_up_to_date_is_opened_while_others_run(operator: Operator) -> None:
    url = operator.has("shared")
    opened(url)
    replica(operator, "shared", 1)

    assert opened(url)
