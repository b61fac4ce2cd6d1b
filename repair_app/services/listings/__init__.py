"""Every list that can be taken away as a file: who may, which columns, which rows.

The rows are those that the person sees on the page, asked of the same conditions, read in batches.
The name and code of a natural person are in no file, nor is the name of a person whom a measure
reaches: a file leaves the house.
"""
