"""Draws charts: what goes in are plain values, what comes out is a PNG. The only importer of Pillow.

`value_axis` and `time_axis` choose ticks, `plot` says where each line of the chart goes, in pixels, and
`picture` draws it.
"""
