"""The probes, each against real servers: a FastAPI service of the tests under uvicorn, behind a real Varnish."""
