"""Buttons under messages: what they carry, how they are shown, and what is said for a moment on a press.

`data` has the values and the form on the wire, `screens` shows messages with buttons, `button_commands`
keeps commands that a button types, `alert_buttons` are those under alerts. What a button does is declared and
handled by the command it belongs to (`commands/`); a press arrives in `callbacks`.
"""
