"""The worker that looks: asks for everything watched, compares it with what is stored, and records it."""
