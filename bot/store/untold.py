"""What a destination is still to be told, in the very words of the indexes."""

UNTOLD = """
untold(change_id) AS (
  SELECT change_id FROM alert WHERE destination_id = ?1 AND state = 'waiting'
  UNION ALL
  SELECT l.change_id FROM delivery d JOIN alert l ON l.delivery_id = d.id
  WHERE d.destination_id = ?1 AND d.state IN ('ready', 'sending') AND l.state = 'bound'
)
"""
"""For a WITH: the changes that are on their way to the destination ?1, and one NULL for each notice."""
