"""Everything about Telegram: commands and presses come in, answers and alerts go out.

An update takes this way: `telegram/receiver` → `updates` (what is asked, may they) → a request of
`commands/` carries itself out against the store → `buttons/screens` → `telegram/outgoing`. A press on a
button goes through `callbacks`; `pastes` puts texts together that Telegram cut. `permissions` says who may
do what, `refusals` why something is not done, `text/` words alerts and escapes what strangers wrote, `build`
puts the parts together. Begin with `commands/registry` for what people can type, with `text/alerts` for what
an alert says.
"""
