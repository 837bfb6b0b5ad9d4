"""What a destination watches as a whole, read to be written down, and added to another one's.

`content` reads it; `imports` keeps what was shown of one until somebody lets it be added, and adds it.
"""
