"""What waits to be sent: an alert for each destination, and the messages that are made of them.

`alerts` puts alerts into the queue (`muted` tells it what to keep back, `notice_codec` how a notice is
written), `queue` chooses the next chat and composes its message, `withdraw` ends what is never sent,
`delivered` finds what a message was about, and `departures` what left of late. What became of a send is
written by `store/delivery_results`. Begin with `queue`.
"""
