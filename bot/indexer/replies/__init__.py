"""What came of one question: sorted at once, read when it is wanted."""
