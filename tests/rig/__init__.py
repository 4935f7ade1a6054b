"""The test rig: real PostgreSQL, Redis, Varnish, Chromium and processes, on free ports of this machine."""
