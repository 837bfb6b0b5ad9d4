"""When a chat wants to hear of things: its time zone, its quiet hours, how many messages it takes."""
