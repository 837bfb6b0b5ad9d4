"""What members say of their alerts: what is reported, what rings, what raises an alarm, and when.

Begin with `conditions`, which all of these share: is a balance's difference one of those that were meant?
"""
