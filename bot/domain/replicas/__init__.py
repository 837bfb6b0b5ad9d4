"""What programs that share one database agree on: who does what, and until when."""
