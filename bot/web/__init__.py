"""The health pages: /healthz, /readyz and /metrics over aiohttp, in a thread of their own.

Begin with `pages.serve_pages`; `metrics` writes Prometheus's format from the values of `stats`, and
`connection_limit` keeps visitors from using up file descriptors. The answers come from `bot/health.py`. And
`heartbeat` calls an outside watcher while all is well.
"""
