"""Several replicas over one database, and what can happen to them: nothing may be lost, nothing made up."""
