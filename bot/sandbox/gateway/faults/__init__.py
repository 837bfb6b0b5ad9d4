"""What can go wrong with the gateway's answers: `kinds` of faults, and those `active` now."""
