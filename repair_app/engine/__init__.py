"""The rules: workflows read from data, guards, effects and the one writer of `.state`."""
