"""A table of every kind of column, written and read by the installed cachekit and its pyarrow.

stdin: one JSON object, stdout: another.
  {"op": "write", "compression": "zstd"|"lz4"|"none", "cache_key", "master_key_hex"?} -> {"frame_b64", "columns"}
  {"op": "read", "frame_b64", "cache_key", "master_key_hex"?} -> {"types", "batches", "codec", "columns"}
"""
import base64
import json
import os
import sys
from datetime import datetime, timedelta, timezone

for name in [name for name in os.environ if name.upper().startswith("CACHEKIT_")]:
    del os.environ[name]
req = json.load(sys.stdin)
os.environ["CACHEKIT_ARROW_COMPRESSION"] = req.get("compression", "zstd")
out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # the package may print

import pyarrow as pa  # noqa: E402
from cachekit.cache_handler import CacheSerializationHandler  # noqa: E402
from cachekit.serializers.arrow_serializer import ArrowSerializer  # noqa: E402

# A table as it was written, where the handler's own serializer would make a DataFrame of it.
ArrowSerializer.__init__.__defaults__ = ("arrow", True, "auto")


def handler():
    secure = "master_key_hex" in req
    return CacheSerializationHandler(
        serializer_name="arrow", encryption=secure, single_tenant_mode=secure, master_key=req.get("master_key_hex")
    )


def batch(start, rows):
    numbers = range(start, start + rows)
    at = datetime(2026, 1, 1, tzinfo=timezone.utc)
    kinds = pa.DictionaryArray.from_arrays(
        pa.array([None if n % 5 == 0 else n % 3 for n in numbers], pa.int32()), ["rot", "grün", "blau"]
    )
    return pa.record_batch(
        {
            "id": pa.array([None if n % 7 == 0 else 2**53 + n for n in numbers], pa.int64()),
            "name": pa.array([None if n % 11 == 0 else f"é{n % 13} 😀" for n in numbers], pa.string()),
            "at": pa.array([None if n % 4 == 0 else at + timedelta(seconds=n) for n in numbers], pa.timestamp("ms", "UTC")),
            "noise": pa.array([(n * 2654435761 % 2**32) / 7 for n in numbers], pa.float64()),
            "kind": kinds,
            "empty": pa.array([None] * rows, pa.int32()),
        }
    )


def columns(table):
    def plain(value):
        if isinstance(value, datetime):
            return str(round(value.timestamp() * 1000))
        return str(value) if isinstance(value, int) else value

    return {name: [plain(value) for value in table.column(name).to_pylist()] for name in table.column_names}


if req["op"] == "write":
    table = pa.Table.from_batches([batch(0, 1000), batch(1000, 1), batch(1001, 999)])
    frame = handler().serialize_data(table, cache_key=req["cache_key"])
    answer = {"frame_b64": base64.b64encode(frame).decode(), "columns": columns(table)}
else:
    table = handler().deserialize_data(base64.b64decode(req["frame_b64"]), cache_key=req["cache_key"])
    table.validate(full=True)
    answer = {
        "types": [str(field.type) for field in table.schema],
        "batches": len(table.to_batches()),
        "columns": columns(table),
    }
out.write(json.dumps(answer))
out.flush()
