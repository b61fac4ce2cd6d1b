"""What nobody would write, given to every parser: whatever comes, the answer is one of its own."""
