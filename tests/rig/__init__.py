"""The test rig: real PostgreSQL, Redis, Varnish, Chromium, gunicorn and processes, on free ports of this machine."""
