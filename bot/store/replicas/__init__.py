"""What programs that share one database keep of each other there; a file has one program, and none of this.

`membership` lets a program in, `leases` says who does what and until when, `seen` which programs there are. A
replica renews both at once, by `renewal`. `absence` reports who is away. All times are by the database's
clock, and nothing here waits for those who record or send.
"""
