"""Figures about matters, terms and measures: totals only, by reader, for a period.

`periods` reads the period, `counts` asks the database, `boards` makes the tables that each kind of
reader sees, `report` prints them. Every number comes from one table of counts, so that page, chart,
file and report say the same.
"""
