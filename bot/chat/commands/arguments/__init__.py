"""How what follows a command is read: addresses, chains, and which subscription somebody means."""
