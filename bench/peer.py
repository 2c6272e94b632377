"""What encryption adds in Python's cachekit: its EncryptionWrapper less its StandardSerializer.

Reads {"values": [value, ...], "seconds": s} as JSON and prints [{"write": ns, "read": ns}, ...].
"""

import json
import os
import statistics
import sys
import time

for name in [name for name in os.environ if name.startswith("CACHEKIT_")]:
    del os.environ[name]

import logging

logging.disable(logging.CRITICAL)

from cachekit.serializers.encryption_wrapper import EncryptionWrapper
from cachekit.serializers.standard_serializer import StandardSerializer

CACHE_KEY = "users:42:profile"


def batch(work, count):
    start = time.perf_counter_ns()
    for _ in range(count):
        work()
    return (time.perf_counter_ns() - start) / count


def added(without, with_encryption, seconds):
    """Median over rounds of the difference, both in turns."""
    count = 500
    differences = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(differences) < 3:
        base = batch(without, count)
        differences.append(batch(with_encryption, count) - base)
    return statistics.median(differences)


def measure(value, seconds):
    plain = StandardSerializer()
    wrapper = EncryptionWrapper(serializer=StandardSerializer(), master_key=b"k" * 32, tenant_id="default")
    bytes_plain, metadata_plain = plain.serialize(value)
    sealed, metadata = wrapper.serialize(value, cache_key=CACHE_KEY)
    return {
        "write": added(lambda: plain.serialize(value), lambda: wrapper.serialize(value, cache_key=CACHE_KEY), seconds),
        "read": added(
            lambda: plain.deserialize(bytes_plain, metadata_plain),
            lambda: wrapper.deserialize(sealed, metadata, cache_key=CACHE_KEY),
            seconds,
        ),
    }


request = json.load(sys.stdin)
print(json.dumps([measure(value, request["seconds"]) for value in request["values"]]))
