"""What one replica does at a time, for all: a role is built when it is taken, and closed when it ends.

Begin with `keeper`, which says when, then `process`, what all roles share, then each role's own module.
`membership` makes this program one of the replicas that run, before it takes any role.
"""
