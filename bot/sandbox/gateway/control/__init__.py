"""The gateway's control over HTTP, for people and other processes.

Begin with `routes`, one function for each path under `/sandbox/`; `bodies` reads and writes their JSON from
the fields of the sandbox's own dataclasses.
"""
