"""The gateway's control over HTTP: `routes` are what can be asked, `bodies` reads and writes its JSON."""
