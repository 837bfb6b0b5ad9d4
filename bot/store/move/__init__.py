"""Takes all data from one database to another one of the other engine, and proves that it arrived.

`content` reads and compares tables, `move` copies them and says who may use which database meanwhile.
Begin with `move`.
"""
