"""What one replica does at a time, for all: each role is built when it is taken, and closed when it is lost.

`keeper` takes roles and gives them up, and runs the work of those that it has.
"""
