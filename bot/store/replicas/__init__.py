"""What programs that share one database keep of each other there; a file has one program, and none of this.

`leases` says who does what and until when, `seen` which programs there are. A replica renews both at once, by
`renewal`. All times are by the database's clock, and nothing here waits for those who record or send.
"""
