"""What a destination may look up of its past, and how it is put in order."""
