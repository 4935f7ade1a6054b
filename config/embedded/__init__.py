"""The embedded default: everything Rollbook needs on one machine, started and stopped as one program."""
