"""The demo's shared cache: RFC 9111 as `hishel` decides it, in memory, in front of the instances of one environment."""
