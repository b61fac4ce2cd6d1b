"""What the system can be asked to do: one function, one transaction."""
