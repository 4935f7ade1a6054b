"""Run the shared cache of one environment: python -m demo.cache --port 8110 --instance 8111 --instance 8112"""

import argparse

import uvicorn

from demo.cache.edge import Edge
from demo.cache.upstream import Instance, Upstream


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m demo.cache", description="A shared HTTP cache that knows PURGE.")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1 to listen on")
    parser.add_argument(
        "--instance", type=int, required=True, action="append", help="port of an instance on 127.0.0.1; repeat for each"
    )
    asked = parser.parse_args()
    uvicorn.run(
        Edge(Upstream([Instance("127.0.0.1", port) for port in asked.instance])),
        host="127.0.0.1",
        port=asked.port,
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=3,
    )


if __name__ == "__main__":
    main()
