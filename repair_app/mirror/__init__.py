"""A small public site that shows what a platform is told, and nothing else: a mirror.

It has a SQLite file of its own and knows none of our tables. It is fed by signed messages, by
pulling, or by files; the same changes lead to the same bytes, in whatever order and however often
they come. For sister platforms to begin with, and for our tests.
"""
