"""What is in a queue and is no message ends nobody who reads from it."""

import pytest
from kombu import Consumer, Producer, Queue

from config.celery import app
from tests.rig.brokers import Broker

pytestmark = pytest.mark.once

NONSENSE = [b"hello", b"\x80\x04\xff", b"[1, 2]", b"7", b"null", b"{}", b'{"properties": 3}', b"[" * 100_000]


def test_nonsense_is_dropped_and_what_follows_arrives(
    embedded_broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    """B61"""
    got = []
    queue = Queue("nonsense")
    with app.connection_for_write(embedded_broker.url) as connection:
        Producer(connection.channel()).publish("a message", declare=[queue], routing_key="nonsense")
        with embedded_broker.client() as client:
            for each in NONSENSE:
                client.rpush("nonsense", each)  # the right end is read first
        with Consumer(connection, [queue], callbacks=[lambda body, message: got.append(body) or message.ack()]):
            while not got:
                connection.drain_events(timeout=10)
    assert got == ["a message"]
    dropped = [record.getMessage() for record in caplog.records if "no message" in record.getMessage()]
    assert len(dropped) == len(NONSENSE)
    assert not any("hello" in line for line in dropped), "it may hold a secret"
