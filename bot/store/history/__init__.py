"""What a destination may look up of its past: read only, and never a row of another destination."""
