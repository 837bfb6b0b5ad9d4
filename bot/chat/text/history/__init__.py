"""The words of /history, /why, /chart and [Transfers]: what happened, why, and who was paid."""
