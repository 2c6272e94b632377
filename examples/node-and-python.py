"""The Python service of node-and-python.ts: one decorated function, whose entries Node shares."""

import json
import os
import sys

from cachekit import cache
from cachekit.backends.redis import RedisBackend

mode, patient_id = sys.argv[1], int(sys.argv[2])
ran = False


@cache.secure(
    namespace="clinic",
    interop="patient",
    backend=RedisBackend(redis_url=os.environ["REDIS_URL"]),
    master_key=os.environ["CACHEKIT_MASTER_KEY"],
    ttl=600,
    l1_enabled=False,
)
def patient(id: int):
    global ran
    ran = True
    if mode == "read":
        raise RuntimeError("what Node has stored was not found")
    return {"id": id, "from": "python"}


print(json.dumps({"value": patient(patient_id), "ran": ran}))
