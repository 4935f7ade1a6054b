"""The test rig: real PostgreSQL, Redis, Varnish, nginx, gunicorn, Chromium and processes, on free ports."""
