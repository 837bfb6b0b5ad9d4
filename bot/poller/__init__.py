"""The worker that polls: asks for everything watched, compares it with what is stored, and records it.

Begin with `worker.Poller`, which decides when a sweep begins, and `sweep.Sweep`, which is one
round: it plans, and for each batch of accounts asks by `fetcher`, compares by `batch` what
doesn't read as before (`memory`), and records. `follow_up` asks what readings leave open;
`losses` keeps back what vanished until the end of the sweep. `fetcher` knows how to ask a
source that is down, slow, or refuses some questions. What is decided on the way is in `bot.domain.observe`.
"""
