"""What is known of the transfers behind changes: what is still to be asked for, and what was found.

Begin with `explanations`.
"""
