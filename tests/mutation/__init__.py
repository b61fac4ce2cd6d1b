"""Small faults put into engine, access and ledger, one at a time: the tests must notice."""
