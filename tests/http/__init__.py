"""The door to the network, against servers that do not behave."""
