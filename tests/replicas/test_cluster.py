"""The cluster loses nothing that it has acknowledged, whatever becomes of its servers."""

from tests.replicas.cluster import running_cluster


async def test_what_was_acknowledged_survives_a_stop_and_a_failover() -> None:
    async with running_cluster() as cluster:
        await cluster.execute("CREATE TABLE kept (number BIGINT)")
        await cluster.execute("INSERT INTO kept VALUES (1)")
        await cluster.stop_primary()
        await cluster.start_primary()
        await cluster.execute("INSERT INTO kept VALUES (2)")
        cluster.kill_primary()
        await cluster.promote_standby()
        await cluster.attach_standby()
        await cluster.execute("INSERT INTO kept VALUES (3)")

        assert await cluster.query("SELECT number FROM kept ORDER BY number") == [(1,), (2,), (3,)]
