"""What owners do, and how somebody becomes one.

`access` has /allow, /deny and /chats, `audit` /audit, `believe` /believe; `claim` makes the first owner by a
link, `access_requests` tells owners that a closed chat would like in. `words` has what all of them answer.
"""
