"""What is said for a moment when a button was pressed: a few words, no formats, 200 characters at most."""

NOT_OURS = "I do not know this button."
NOT_HERE = "This button does nothing here any more."
CLOSED = "This chat is closed; an owner of the bot can open it."
OWNERS_ONLY = "Only an owner of this bot can do that."
ADMINISTRATORS_ONLY = (
    "The group's administrators and the bot's owners do that. If you administer it unnamed, type the command."
)
ALREADY = "Done already."
TOO_LATE = "That was too long ago to be undone."
TOO_OLD = "This message is too old to be changed; please ask again."
NO_LONGER_WATCHED = "That is no longer watched here."
WENT_WRONG = "Something went wrong on my side, sorry."
REFRESHED = "As it is now."
OPENED = "Open now."
SHUT = "Closed now."
IGNORED = "I will not mention that chat again."
UNDONE = "Undone."
