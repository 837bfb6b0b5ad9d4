"""A real server with users of its own and passwords, for tests of how the program meets one."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg
import pytest

from tests import postgres_server
from tests.postgres_server import PostgresServer

PASSWORD = "open-sesame/0A1b2C3d"
"""Of every user; never to be read in what the program says."""

HBA = """
host all walled 127.0.0.1/32 reject
host all +asked 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
"""


@dataclass
class Operator:
    """Somebody who runs a database server."""

    server: PostgresServer
    made: list[str] = field(default_factory=list)

    def does(self, *statements: str, database: str = "postgres") -> None:
        """Execute statements as the administrator, each by itself."""
        for statement in statements:
            self.server.execute(statement, database)

    def has(self, name: str, *options: str) -> str:
        """Make a database that belongs to olga, and return its address with her password."""
        self.does(f"CREATE DATABASE {name} OWNER olga {' '.join(options)}")
        self.made.append(name)
        return self.url(name)

    def url(self, database: str, user: str = "olga", password: str = PASSWORD, behind: str = "") -> str:
        """Return an address; `behind` is what stands behind the database."""
        host = self.server.url("").rpartition("@")[2].rstrip("/")
        return f"postgresql://{user}:{password.replace('/', '%2F')}@{host}/{database}{behind}"


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    """Run a server that asks for passwords."""
    with postgres_server.running() as one:
        with psycopg.connect(one.url("postgres"), autocommit=True) as connection:
            (path,) = connection.execute("SHOW hba_file").fetchone() or ("",)
            lines = HBA.strip().replace("\n", "' || chr(10) || '")
            connection.execute(
                f"COPY (SELECT unnest(string_to_array('{lines}', chr(10)))) TO '{path}'".encode()
            )
            connection.execute("SELECT pg_reload_conf()")
        for user in ("olga", "tom", "walled", "crowded"):
            one.execute(f"CREATE ROLE {user} LOGIN PASSWORD '{PASSWORD}'", "postgres")
        one.execute("ALTER ROLE crowded CONNECTION LIMIT 0", "postgres")
        one.execute("CREATE ROLE asked ROLE olga, tom, crowded", "postgres")
        yield one


@pytest.fixture
def operator(server: PostgresServer) -> Iterator[Operator]:
    one = Operator(server)
    yield one
    for name in one.made:
        one.does(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
