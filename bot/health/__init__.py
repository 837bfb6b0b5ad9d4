"""Whether the bot is sound, sees and tells: what the web pages say, and what replicas hear of each other.

Begin with `health.Health`. `reasons` says what is wrong with the roles of this process, `replicas` what is
wrong with all of them, `numbers` how much there is of everything; `counts` is what parts of roles count in.
Reasons are sentences for an operator; `docs/monitoring.md` says what to do about each.
"""
