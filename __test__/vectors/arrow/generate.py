"""Writes the Arrow files beside it with what they hold, value by value: `python generate.py`.

Needs pyarrow 26, polars 2 and pandas 3. In expected.json, for each file its columns; a value is null, the hexadecimal
bytes of a number or text as they lie in memory, 0 or 1, or a list of such. A text for a whole file is in the error that
refuses it; `sha256` is that of the columns as compact JSON.
"""
import datetime as dt
import decimal
import hashlib
import json
import os

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.ipc as ipc

os.chdir(os.path.dirname(os.path.abspath(__file__)))
D = decimal.Decimal
expected = {}


def exact(array, i):
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        return exact(array.storage, i)
    if pa.types.is_union(kind):
        code = array.type_codes[i].as_py()
        child = array.field(kind.type_codes.index(code))
        return [code, exact(child, array.offsets[i].as_py() if kind.mode == "dense" else i)]
    if not array[i].is_valid:
        return None
    if pa.types.is_dictionary(kind):
        return exact(array.dictionary, array.indices[i].as_py())
    if pa.types.is_boolean(kind):
        return int(array[i].as_py())
    if pa.types.is_struct(kind):
        return [exact(array.field(j), i) for j in range(kind.num_fields)]
    if pa.types.is_nested(kind):
        if pa.types.is_fixed_size_list(kind):
            first, end = (array.offset + i) * kind.list_size, (array.offset + i + 1) * kind.list_size
        else:
            first, end = array.offsets[i].as_py(), array.offsets[i + 1].as_py()
        if pa.types.is_map(kind):
            return [[exact(array.keys, j), exact(array.items, j)] for j in range(first, end)]
        return [exact(array.values, j) for j in range(first, end)]
    if hasattr(array[i], "as_buffer"):
        return array[i].as_buffer().to_pybytes().hex()
    width = kind.bit_width // 8
    at = (array.offset + i) * width
    return array.buffers()[1].to_pybytes()[at : at + width].hex()


def columns(table):
    out = []
    for column in table.columns:
        array = column.combine_chunks()
        if isinstance(array, pa.ChunkedArray):
            array = array.chunk(0)
        out.append([exact(array, i) for i in range(len(array))])
    return out


def digest(table):
    """Rows by the thousand are told by their hash."""
    return {"sha256": hashlib.sha256(json.dumps(columns(table), separators=(",", ":")).encode()).hexdigest()}


N = None
arrays = {
    "null": pa.nulls(3),
    "bool": pa.array([True, N, False]),
    "int8": pa.array([1, N, -3], pa.int8()),
    "uint64": pa.array([1, N, 2**64 - 1], pa.uint64()),
    "f16": pa.array([1.5, N, -0.0], pa.float16()),
    "f64": pa.array([1.5, N, -0.0]),
    "dec32": pa.array([D("1.25"), N, D("-2")], pa.decimal32(5, 2)),
    "dec256": pa.array([D("1.25"), N, D("-2")], pa.decimal256(60, 2)),
    "date32": pa.array([1, N, -3], pa.date32()),
    "time_us": pa.array([1, N, 3], pa.time64("us")),
    "ts_ns": pa.array([1, N, 2**62], pa.timestamp("ns", "UTC")),
    "dur_s": pa.array([1, N, -3], pa.duration("s")),
    "interval": pa.array([(1, 2, 3), N, (0, 0, -1)], pa.month_day_nano_interval()),
    "text": pa.array(["a" * 40, N, "é"]),
    "large_text": pa.array(["a" * 40, N, "é"], pa.large_string()),
    "view": pa.array(["a" * 40, N, "short"], pa.string_view()),
    "bytes_view": pa.array([b"a" * 40, N, b""], pa.binary_view()),
    "fixed": pa.array([b"abc", N, b"def"], pa.binary(3)),
    "list": pa.array([[1, N], N, []], pa.list_(pa.int64())),
    "pair": pa.array([[1, 2], N, [3, N]], pa.list_(pa.int8(), 2)),
    "struct": pa.array([{"a": 1, "b": "x"}, N, {"a": N, "b": "y"}]),
    "map": pa.array([[("k", 1)], N, []], pa.map_(pa.string(), pa.int32())),
    "kind": pa.array(["x", N, "y"]).dictionary_encode(),
    "kinds": pa.ListArray.from_arrays(pa.array([0, 2, 2, 3], pa.int32()), pa.array(["x", "y", "x"]).dictionary_encode()),
    "sparse": pa.UnionArray.from_sparse(pa.array([0, 1, 0], pa.int8()), [pa.array([1, 2, 3]), pa.array(["a", "b", "c"])]),
    "dense": pa.UnionArray.from_dense(
        pa.array([0, 1, 0], pa.int8()), pa.array([0, 0, 1], pa.int32()), [pa.array([1, 3]), pa.array(["b"])]
    ),
}
everything = pa.table(arrays)


def write(name, batches, what=None, schema=None, **options):
    schema = schema or batches[0].schema
    with ipc.new_file(f"{name}.arrow", schema, options=ipc.IpcWriteOptions(**options)) as file:
        for batch in batches:
            file.write_batch(batch)
    expected[name] = what or columns(pa.Table.from_batches(batches, schema))


batches = everything.slice(0, 2).to_batches() + everything.slice(1, 2).to_batches()
for codec in ("lz4", "zstd"):
    write(f"pyarrow-{codec}", batches, compression=codec)
rows = {"id": [i // 50 for i in range(20000)], "kind": [i % 7 for i in range(20000)]}
write("pyarrow-lz4-rows", pa.table(rows).to_batches(), digest(pa.table(rows)), compression="lz4")
write("pyarrow-empty", [pa.record_batch([pa.array([], pa.string())], ["text"])], compression="lz4")
write("pyarrow-no-batches", [], [[]], pa.schema([("text", pa.string())]))
write("pyarrow-no-columns", [pa.RecordBatch.from_struct_array(pa.array([{}, {}, {}], pa.struct([])))])
same = [pa.array([1, 2], pa.int32()), pa.array(["a", "b"]), pa.array([5, 6], pa.int64())]
write("pyarrow-same-names", [pa.RecordBatch.from_arrays(same, ["x", "x", ""])])
first, second = (pa.DictionaryArray.from_arrays(pa.array([0, n], pa.int8()), list("xyz")[: n + 1]) for n in (1, 2))
delta = [pa.record_batch([array], ["kind"]) for array in (first, second)]
write("pyarrow-delta", delta, [[*columns(pa.Table.from_batches(delta[:1]))[0], *columns(pa.Table.from_batches(delta[1:]))[0]]], emit_dictionary_deltas=True)

refused = {
    "list-view": (pa.array([[1], N], pa.list_view(pa.int64())), "ListView"),
    "large-list-view": (pa.array([[1], N], pa.large_list_view(pa.int64())), "LargeListView"),
    "run-ends": (pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), pa.array(["x"])), "RunEndEncoded"),
    "wide-indices": (pa.DictionaryArray.from_arrays(pa.array([1, N], pa.uint64()), pa.array(["p", "q"])), "64 bits"),
}
for name, (array, why) in refused.items():
    write(f"refused-{name}", [pa.record_batch([pa.array([1, 2]), array], ["id", "refused"])], why)
union = pa.record_batch([arrays["sparse"]], ["refused"])
write("refused-old-union", [union], "version 4", metadata_version=ipc.MetadataVersion.V4)
write("refused-legacy", [pa.record_batch([pa.array([1])], ["id"])], "before version 0.15", use_legacy_format=True)

frame = pd.DataFrame(
    {
        "at": pd.to_datetime(["2020-01-01", None, "2021-01-01"]),
        "kind": pd.Categorical(["u", "v", None]),
        "text": ["x", None, "z"],
    }
)
frame.to_feather("pandas-lz4.arrow", compression="lz4")
expected["pandas-lz4"] = columns(pa.Table.from_pandas(frame))

series = {
    "bool": pl.Series([True, None, False]),
    "int": pl.Series([1, None, -3], dtype=pl.Int64),
    "float": pl.Series([1.5, None, -0.0]),
    "decimal": pl.Series([D("1.25"), None, D("-2")], dtype=pl.Decimal(20, 2)),
    "text": pl.Series(["a" * 40, None, "é"]),
    "bytes": pl.Series([b"a" * 40, None, b""]),
    "date": pl.Series([dt.date(2020, 1, 1), None, dt.date(1960, 1, 1)]),
    "time": pl.Series([dt.time(1, 2, 3), None, dt.time(0)]),
    "at": pl.Series([dt.datetime(2020, 1, 1, 1, 2, 3, 4000), None, dt.datetime(1960, 1, 1)], dtype=pl.Datetime("us", "UTC")),
    "lasts": pl.Series([dt.timedelta(seconds=1), None, dt.timedelta(-1)]),
    "list": pl.Series([["a" * 20, None], None, []]),
    "pair": pl.Series([[1, 2], None, [3, None]], dtype=pl.Array(pl.Int8, 2)),
    "struct": pl.Series([{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}]),
    "category": pl.Series(["x", None, "y"], dtype=pl.Categorical),
    "enum": pl.Series(["x", None, "y"], dtype=pl.Enum(["y", "x"])),
    "null": pl.Series([None, None, None]),
}
frame = pl.DataFrame(series)
for codec, level in (("lz4", "newest"), ("lz4", "oldest"), ("zstd", "newest")):
    name = f"polars-{codec}-{level}"
    frame.write_ipc(f"{name}.arrow", compression=codec, compat_level=getattr(pl.CompatLevel, level)())
    expected[name] = columns(frame.to_arrow())
frame = pl.DataFrame(rows | {"text": [f"row {i % 7}" for i in range(20000)]})
frame.write_ipc("polars-lz4-rows.arrow", compression="lz4", record_batch_size=15000)
expected["polars-lz4-rows"] = digest(frame.to_arrow())
pl.DataFrame({"id": [1], "refused": pl.Series([1], dtype=pl.Int128)}).write_ipc("refused-int128.arrow")
expected["refused-int128"] = "128 bits"

with open("expected.json", "w") as file:
    file.write("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(expected.items())) + "\n}\n")
