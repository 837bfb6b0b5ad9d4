"""What owners do, and how somebody becomes one.

`access` has /allow, /deny and /chats, `ownership` /owners, `audit` /audit, `believe` /believe; `channels`
reads commands that owners type for a channel. `claim` makes the first owner by a link, `access_requests`
shows owners that a closed chat would like in. `chat_lookup` finds the chat that is meant, `words` answers.
"""
