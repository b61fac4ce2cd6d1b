"""What the program is made of that others wrote: the lists, their licences, the bill."""
