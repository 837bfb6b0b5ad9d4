"""Commands about the past: what happened and why, how it looks, and all of it to take away."""
