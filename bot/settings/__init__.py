"""The configuration: a TOML file and the environment make one frozen value, or every mistake at once."""
