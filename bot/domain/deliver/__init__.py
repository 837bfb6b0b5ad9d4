"""What becomes of alerts on their way: what an alert is, and what each outcome of sending a message changes.

Begin with `outcomes`, what Telegram can mean by an answer, and `delivery`, what follows from each.
`unconfirmed` is about messages that may have arrived, `outage` about a Telegram that can't be reached at all,
`pacing` about how fast messages may leave. `alerts` has the values that are sent, `message_ids` the id that
ends each message.
"""
