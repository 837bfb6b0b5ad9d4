"""What a destination wants reported, how loudly, and when: filters, alarms, loud rules, digests and hours."""
