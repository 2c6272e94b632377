#!/usr/bin/env python3
"""peer.py - a real `cachekit` (PyPI) process for a test-suite to talk to.

Everything cryptographic, every envelope, key and frame byte comes from the INSTALLED cachekit
package (its Rust core and its own Python classes). Nothing here re-implements the protocol.

PROTOCOL   one JSON object per line on stdin, one JSON object per line on stdout, same order.
  request  {"id": any, "op": "<name>", ...args}
  reply    {"id": any, "ok": true,  "result": {...}}
           {"id": any, "ok": false, "error": {"type": "DecryptionAuthenticationError",
                                             "mro": [...], "message": "..."}}
  The first line written, before any request, is {"ready": true, "cachekit": "0.24.1", ...}.
  {"op":"exit"} or EOF ends the process. Log output goes to stderr only when --log is given.

BYTES IN   argument NAME may be given as NAME_hex | NAME_b64 | NAME_utf8.
BYTES OUT  always NAME_hex; add "b64": true to a request to get NAME_b64 instead.
VALUES     JSON, plus single-key tags (the protocol's interop-mode.json convention, extended):
  {"$bytes": hex} {"$int": "123"} {"$float": "2.0"|"nan"|"inf"} {"$datetime": iso} {"$date": iso}
  {"$time": iso} {"$set": [..]} {"$tuple": [..]} {"$uuid": ".."} {"$decimal": ".."}
  {"$map": [[k, v], ..]} (non-string keys, or a map whose only key starts with "$")
  {"$df": {"col": [..]}} (pandas.DataFrame, for the Arrow serializer) {"$undefined": true} -> None
  Replies tag the same way; floats that are integral are tagged so that 2.0 is not read as 2.

ENV        REDIS_URL/CACHEKIT_* are removed at start; every redis op needs "redis_url".
"""
from __future__ import annotations

import base64
import datetime as dt
import decimal
import json
import logging
import math
import os
import re
import sys
import traceback
import uuid

for _k in [k for k in os.environ if k.upper().startswith("CACHEKIT_") or k.upper() == "REDIS_URL"]:
    del os.environ[_k]
if "--log" not in sys.argv:
    logging.disable(logging.CRITICAL)
_OUT = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
os.dup2(2, 1)  # nothing but replies may reach the real stdout
sys.stdout = sys.stderr

from importlib.metadata import version as _dist_version  # noqa: E402

import cachekit  # noqa: E402
from cachekit import _rust_serializer as rust  # noqa: E402
from cachekit import cache  # noqa: E402
from cachekit.key_generator import CacheKeyGenerator  # noqa: E402
from cachekit.serializers import get_serializer  # noqa: E402
from cachekit.serializers.base import SerializationFormat, SerializationMetadata  # noqa: E402
from cachekit.serializers.encryption_wrapper import EncryptionWrapper  # noqa: E402
from cachekit.serializers.wrapper import SerializationWrapper  # noqa: E402

try:  # cachekit >= 0.11 (interop/v1)
    from cachekit import interop as interop_mod
    from cachekit.serializers.interop_serializer import InteropSerializer
except ImportError:  # pragma: no cover - old peers
    interop_mod = InteropSerializer = None

VERSION = _dist_version("cachekit")
ENCRYPTOR = rust.ZeroKnowledgeEncryptor()


# ----------------------------------------------------------------------------- values and bytes
class BadRequest(Exception):
    pass


def b_in(req, name, default=...):
    if f"{name}_hex" in req:
        h = req[f"{name}_hex"]
        if not re.fullmatch(r"(?:[0-9a-fA-F]{2})*", h):
            raise BadRequest(f"{name}_hex is not strict hex")
        return bytes.fromhex(h)
    if f"{name}_b64" in req:
        return base64.b64decode(req[f"{name}_b64"], validate=True)
    if f"{name}_utf8" in req:
        return req[f"{name}_utf8"].encode("utf-8")
    if default is ...:
        raise BadRequest(f"missing bytes argument {name} (give {name}_hex, {name}_b64 or {name}_utf8)")
    return default


def b_out(req, **named):
    out = {}
    for name, v in named.items():
        if v is None:
            out[f"{name}_hex"] = None
        elif req.get("b64"):
            out[f"{name}_b64"] = base64.b64encode(bytes(v)).decode()
        else:
            out[f"{name}_hex"] = bytes(v).hex()
    return out


def v_in(j):
    """Tagged JSON -> Python value."""
    if isinstance(j, list):
        return [v_in(x) for x in j]
    if not isinstance(j, dict):
        return j
    if len(j) == 1:
        (tag, a), = j.items()
        if tag == "$bytes":
            return bytes.fromhex(a)
        if tag == "$int":
            return int(a)
        if tag == "$float":
            return float(a)
        if tag == "$datetime":
            return dt.datetime.fromisoformat(a.replace("Z", "+00:00"))
        if tag == "$date":
            return dt.date.fromisoformat(a)
        if tag == "$time":
            return dt.time.fromisoformat(a)
        if tag == "$set":
            return {_hashable(v_in(x)) for x in a}
        if tag == "$tuple":
            return tuple(v_in(x) for x in a)
        if tag == "$uuid":
            return uuid.UUID(a)
        if tag == "$decimal":
            return decimal.Decimal(a)
        if tag == "$map":
            return {_hashable(v_in(k)): v_in(v) for k, v in a}
        if tag == "$undefined":
            return None
        if tag == "$df":
            import pandas as pd

            return pd.DataFrame({k: v_in(v) for k, v in a.items()})
        if tag.startswith("$"):
            raise BadRequest(f"unknown value tag {tag}")
    return {k: v_in(v) for k, v in j.items()}


def _hashable(v):
    return tuple(_hashable(x) for x in v) if isinstance(v, list) else v


def v_out(v):
    """Python value -> tagged JSON."""
    if v is None or isinstance(v, (bool, str)):
        return v
    if isinstance(v, int):
        return v if abs(v) < 2**53 else {"$int": str(v)}
    if isinstance(v, float):
        if math.isnan(v) or math.isinf(v):
            return {"$float": str(v)}
        return {"$float": repr(v)} if v.is_integer() else v
    if isinstance(v, (bytes, bytearray, memoryview)):
        return {"$bytes": bytes(v).hex()}
    if isinstance(v, dt.datetime):
        return {"$datetime": v.isoformat()}
    if isinstance(v, dt.date):
        return {"$date": v.isoformat()}
    if isinstance(v, dt.time):
        return {"$time": v.isoformat()}
    if isinstance(v, uuid.UUID):
        return {"$uuid": str(v)}
    if isinstance(v, decimal.Decimal):
        return {"$decimal": str(v)}
    if isinstance(v, list):
        return [v_out(x) for x in v]
    if isinstance(v, tuple):
        return {"$tuple": [v_out(x) for x in v]}
    if isinstance(v, (set, frozenset)):
        return {"$set": [v_out(x) for x in v]}
    if isinstance(v, dict):
        if all(isinstance(k, str) for k in v) and not (len(v) == 1 and next(iter(v)).startswith("$")):
            return {k: v_out(x) for k, x in v.items()}
        return {"$map": [[v_out(k), v_out(x)] for k, x in v.items()]}
    if type(v).__module__.startswith("pandas") and type(v).__name__ == "DataFrame":
        return {"$df": {str(c): [v_out(x) for x in v[c].tolist()] for c in v.columns}}
    return {"$repr": repr(v), "$type": f"{type(v).__module__}.{type(v).__name__}"}


def make_serializer(req):
    name = req.get("serializer", "std")
    if name == "interop":
        return InteropSerializer()
    return get_serializer({"standard": "std"}.get(name, name), enable_integrity_checking=req.get("integrity", True))


def meta_in(req, **over):
    m = {"format": "msgpack", "compressed": True, "original_type": None, **(req.get("metadata") or {}), **over}
    return SerializationMetadata.from_dict(m)


def _bare_wrapper(tenant_id="default"):
    """An EncryptionWrapper used only for its AAD functions; [] keeps env keys out where the version has them."""
    try:
        return EncryptionWrapper(master_key=b"\x00" * 32, tenant_id=tenant_id, previous_master_keys=[])
    except TypeError:  # cachekit < 0.18
        return EncryptionWrapper(master_key=b"\x00" * 32, tenant_id=tenant_id)


def make_wrapper(req):
    kw = {}
    if "fail_closed" in req:
        kw["fail_closed"] = req["fail_closed"]
    if "previous_master_keys_hex" in req:
        kw["previous_master_keys"] = [bytes.fromhex(k) for k in req["previous_master_keys_hex"]]
    return EncryptionWrapper(
        serializer=make_serializer(req), master_key=b_in(req, "master_key"), tenant_id=req.get("tenant_id", "default"), **kw
    )


# ----------------------------------------------------------------------------- ops
OPS = {}


def op(f):
    OPS[f.__name__] = f
    return f


@op
def hello(req):
    """versions and the list of ops"""
    return {
        "cachekit": VERSION,
        "rust_ext": rust.__version__,
        "python": sys.version.split()[0],
        "interop": interop_mod is not None,
        "hardware_acceleration": ENCRYPTOR.hardware_acceleration_enabled(),
        "ops": {k: (v.__doc__ or "").strip().split("\n")[0] for k, v in OPS.items()},
    }


@op
def derive(req):
    """master_key, domain (str), tenant (bytes: tenant_utf8/hex) -> key : rust derive_domain_key"""
    return b_out(req, key=rust.derive_domain_key(b_in(req, "master_key"), req["domain"], b_in(req, "tenant")))


@op
def tenant_keys(req):
    """master_key, tenant_id (str) -> three keys and fingerprints : rust derive_tenant_keys + derive_domain_key"""
    mk, t = b_in(req, "master_key"), req["tenant_id"]
    tk = rust.derive_tenant_keys(mk, t)
    keys = {n: rust.derive_domain_key(mk, d, t.encode("utf-8"))
            for n, d in (("encryption_key", "encryption"), ("authentication_key", "authentication"), ("cache_key_salt", "cache_keys"))}
    # TenantKeys never exposes the keys, only fingerprints; prove that the keys shown are those.
    assert bytes(rust.key_fingerprint(keys["encryption_key"])) == bytes(tk.encryption_fingerprint())
    assert bytes(rust.key_fingerprint(keys["authentication_key"])) == bytes(tk.authentication_fingerprint())
    return {"tenant_id": tk.tenant_id, **b_out(req, encryption_fingerprint=tk.encryption_fingerprint(),
                                               authentication_fingerprint=tk.authentication_fingerprint(), **keys)}


@op
def fingerprint(req):
    """key (bytes) -> 16-byte fingerprint : rust key_fingerprint"""
    return b_out(req, fingerprint=rust.key_fingerprint(b_in(req, "key")))


@op
def aad(req):
    """tenant_id, cache_key, format, compressed, original_type? -> aad : EncryptionWrapper._create_aad"""
    w = _bare_wrapper(req["tenant_id"])
    m = SerializationMetadata(SerializationFormat(req.get("format", "msgpack")), compressed=req.get("compressed", True),
                              original_type=req.get("original_type"))
    return b_out(req, aad=w._create_aad(m, req["cache_key"]))


@op
def aad_parse(req):
    """aad -> components : EncryptionWrapper._parse_aad"""
    w = _bare_wrapper()
    return {"components": w._parse_aad(b_in(req, "aad"))}


@op
def encrypt(req):
    """plaintext, key (32 bytes), aad -> ciphertext : ZeroKnowledgeEncryptor.encrypt; new_encryptor=true for a fresh instance"""
    e = rust.ZeroKnowledgeEncryptor() if req.get("new_encryptor") else ENCRYPTOR
    return b_out(req, ciphertext=e.encrypt(b_in(req, "plaintext"), b_in(req, "key"), b_in(req, "aad", b"")))


@op
def decrypt(req):
    """ciphertext, key, aad -> plaintext : ZeroKnowledgeEncryptor.decrypt"""
    return b_out(req, plaintext=ENCRYPTOR.decrypt(b_in(req, "ciphertext"), b_in(req, "key"), b_in(req, "aad", b"")))


@op
def encrypt_tenant(req):
    """plaintext, master_key, tenant_id, aad -> ciphertext : encrypt_with_keys(derive_tenant_keys)"""
    tk = rust.derive_tenant_keys(b_in(req, "master_key"), req["tenant_id"])
    return b_out(req, ciphertext=ENCRYPTOR.encrypt_with_keys(b_in(req, "plaintext"), b_in(req, "aad", b""), tk))


@op
def decrypt_tenant(req):
    """ciphertext, master_key, tenant_id, aad -> plaintext : decrypt_with_keys(derive_tenant_keys)"""
    tk = rust.derive_tenant_keys(b_in(req, "master_key"), req["tenant_id"])
    return b_out(req, plaintext=ENCRYPTOR.decrypt_with_keys(b_in(req, "ciphertext"), b_in(req, "aad", b""), tk))


def _keyring(req):
    return rust.Keyring(b_in(req, "current"), [bytes.fromhex(k) for k in req.get("decrypt_only_hex", [])])


@op
def keyring_fingerprints(req):
    """current, decrypt_only_hex[], tenant_id -> fingerprints (current first) : rust Keyring"""
    return {"fingerprints_hex": [bytes(f).hex() for f in _keyring(req).encryption_fingerprints(req["tenant_id"])]}


@op
def keyring_decrypt(req):
    """current, decrypt_only_hex[], ciphertext, tenant_id, aad, index? -> plaintext : Keyring.decrypt / decrypt_at"""
    k, a = _keyring(req), (b_in(req, "ciphertext"), req["tenant_id"], b_in(req, "aad", b""))
    pt = k.decrypt(ENCRYPTOR, *a) if req.get("index") is None else k.decrypt_at(req["index"], ENCRYPTOR, *a)
    return b_out(req, plaintext=pt)


@op
def envelope_store(req):
    """data, format="msgpack" -> envelope : rust ByteStorage.store"""
    return b_out(req, envelope=rust.ByteStorage("msgpack").store(b_in(req, "data"), req.get("format")))


@op
def envelope_retrieve(req):
    """envelope -> data, format : rust ByteStorage.retrieve"""
    data, fmt = rust.ByteStorage("msgpack").retrieve(b_in(req, "envelope"))
    return {"format": fmt, **b_out(req, data=data)}


@op
def envelope_validate(req):
    """envelope -> valid : rust ByteStorage.validate"""
    return {"valid": rust.ByteStorage("msgpack").validate(b_in(req, "envelope"))}


@op
def envelope_limits(req):
    """-> the three limits as the package reports them"""
    b = rust.ByteStorage("msgpack")
    return {n: getattr(b, n) for n in ("max_uncompressed_size", "max_compressed_size", "max_compression_ratio")}


@op
def checksum(req):
    """data -> 8-byte xxh3-64 : rust checksum"""
    if not hasattr(rust, "checksum"):  # cachekit < 0.12 exports none: read it out of an envelope
        import msgpack

        return b_out(req, checksum=bytes(msgpack.unpackb(bytes(rust.ByteStorage("msgpack").store(b_in(req, "data"), None)), raw=False)[1]))
    return b_out(req, checksum=rust.checksum(b_in(req, "data")))


@op
def serialize(req):
    """value, serializer=std|orjson|arrow|auto|interop, integrity=true -> data, metadata (no encryption)"""
    data, meta = make_serializer(req).serialize(v_in(req["value"]))
    return {"metadata": meta.to_dict(), **b_out(req, data=data)}


@op
def deserialize(req):
    """data, serializer, integrity, metadata? -> value (no encryption)"""
    return {"value": v_out(make_serializer(req).deserialize(b_in(req, "data"), meta_in(req) if req.get("metadata") else None))}


@op
def wrapper_serialize(req):
    """value, master_key, tenant_id, cache_key, serializer, integrity -> data, metadata : EncryptionWrapper.serialize"""
    data, meta = make_wrapper(req).serialize(v_in(req["value"]), cache_key=req.get("cache_key", ""))
    return {"metadata": meta.to_dict(), **b_out(req, data=data)}


@op
def wrapper_deserialize(req):
    """data, metadata, master_key, tenant_id, cache_key, serializer, fail_closed?, previous_master_keys_hex?, no_key_identity? -> value"""
    w = make_wrapper(req)
    d = {"encrypted": True, "tenant_id": w.tenant_id, "encryption_algorithm": "AES-256-GCM",
         "key_fingerprint": w.encryption_key_fingerprint, **(req.get("metadata") or {})}
    d = {"format": "msgpack", "compressed": True, **d}
    m = SerializationMetadata.from_dict(d)
    if req.get("no_key_identity"):
        return {"value": v_out(w.deserialize_without_key_identity(b_in(req, "data"), m, req["cache_key"]))}
    return {"value": v_out(w.deserialize(b_in(req, "data"), m, cache_key=req["cache_key"]))}


@op
def wrapper_info(req):
    """master_key, tenant_id -> get_encryption_info()"""
    return make_wrapper(req).get_encryption_info()


@op
def frame_wrap(req):
    """payload, metadata, serializer_name -> frame (CK v3) : SerializationWrapper.wrap"""
    return b_out(req, frame=SerializationWrapper.wrap(b_in(req, "payload"), req["metadata"], req["serializer_name"]))


@op
def frame_unwrap(req):
    """frame -> payload, metadata, serializer_name : SerializationWrapper.unwrap (CK v3, or the legacy JSON envelope)"""
    payload, meta, name = SerializationWrapper.unwrap(b_in(req, "frame"))
    return {"metadata": meta, "serializer_name": name, **b_out(req, payload=payload)}


def _handler(req):
    from cachekit.cache_handler import CacheSerializationHandler

    secure = "master_key_hex" in req
    prefix = req.get("key_prefix", "")
    return CacheSerializationHandler(
        serializer_name=req.get("serializer", "default"),
        encryption=secure,
        single_tenant_mode=secure,
        deployment_uuid=req.get("deployment_uuid"),
        master_key=req.get("master_key_hex"),
        enable_integrity_checking=req.get("integrity", True),
        encryption_fail_closed=req.get("fail_closed"),
        interop_mode=req.get("interop", False),
        backend_key_prefix=(lambda: prefix) if prefix else None,
    )


@op
def handler_serialize(req):
    """value, cache_key, master_key_hex? (=encrypt), serializer, integrity, deployment_uuid?, interop?, key_prefix? -> the exact bytes a backend is given"""
    return b_out(req, stored=_handler(req).serialize_data(v_in(req["value"]), cache_key=req["cache_key"]))


@op
def handler_deserialize(req):
    """stored, cache_key, and the options of handler_serialize -> value : CacheSerializationHandler.deserialize_data"""
    return {"value": v_out(_handler(req).deserialize_data(b_in(req, "stored"), cache_key=req["cache_key"]))}


# ----- keys
def _fake_func(module, qualname):
    def f(*args, **kwargs):  # pragma: no cover - identity only
        raise AssertionError
    f.__module__, f.__qualname__, f.__name__ = module, qualname, qualname.rsplit(".", 1)[-1]
    return f


@op
def cache_key(req):
    """module, qualname, args[], kwargs{}, namespace?, integrity=true, serializer_type="std" -> key, args_hash : CacheKeyGenerator"""
    g = CacheKeyGenerator()
    args, kwargs = tuple(v_in(req.get("args", []))), {k: v_in(v) for k, v in req.get("kwargs", {}).items()}
    key = g.generate_key(_fake_func(req.get("module", "__main__"), req.get("qualname", "f")), args, kwargs,
                         req.get("namespace"), req.get("integrity", True), req.get("serializer_type", "std"))
    return {"key": key, "args_hash": g._blake2b_hash(args, kwargs)}


@op
def interop_key(req):
    """namespace, operation, args[] (flat) -> key, args_hash, canonical_args : cachekit.interop"""
    args = v_in(req.get("args", []))
    return {"key": interop_mod.generate_interop_key(req["namespace"], req["operation"], args),
            "args_hash": interop_mod.args_hash(args), **b_out(req, canonical_args=interop_mod.canonical_args_bytes(args))}


@op
def interop_segment(req):
    """name (namespace|operation), segment -> ok or error : interop.validate_segment"""
    return {"segment": interop_mod.validate_segment(req["name"], req["segment"])}


@op
def interop_encode(req):
    """value -> data : interop.encode_interop_value"""
    return b_out(req, data=interop_mod.encode_interop_value(v_in(req["value"])))


@op
def interop_decode(req):
    """data -> value : interop.decode_interop_value"""
    return {"value": v_out(interop_mod.decode_interop_value(b_in(req, "data")))}


# ----- Redis through the real decorators
class _Miss(Exception):
    pass


def _redis(req):
    import redis

    return redis.Redis.from_url(req["redis_url"])


_IDENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _decorated(req, body):
    """A real @cache / @cache.secure function named as the request says.

    mode: "plain" | "secure" | "interop" | "interop_secure"
    backend: "redis" (RedisBackend, bare key) | "default" (env provider, key prefixed t:default:)
    params: the function's signature, for interop binding: ["a", ["b", default]]; else *args/**kwargs
    """
    from cachekit.config.singleton import reset_settings

    params = req.get("params")
    ns = {"_body": body}
    if params is None:
        sig = "*args, **kwargs"
    else:
        parts = []
        for i, p in enumerate(params):
            name = p if isinstance(p, str) else p[0]
            if not _IDENT.fullmatch(name):
                raise BadRequest(f"bad parameter name {name!r}")
            if isinstance(p, str):
                parts.append(name)
            else:
                ns[f"_d{i}"] = v_in(p[1])
                parts.append(f"{name}=_d{i}")
        sig = ", ".join(parts)
    exec(f"def fn({sig}):\n    return _body()", ns)  # noqa: S102 - names checked above, defaults bound
    fn = ns["fn"]
    fn.__module__ = req.get("module", "peer")
    fn.__qualname__ = req.get("qualname", "fn")
    fn.__name__ = fn.__qualname__.rsplit(".", 1)[-1]

    url = req["redis_url"]
    mode = req.get("mode", "secure")
    kw = {"ttl": req.get("ttl", 300), "l1_enabled": False}
    if req.get("namespace") is not None:
        kw["namespace"] = req["namespace"]
    if mode.startswith("interop"):
        kw["interop"] = req["operation"]
    elif "serializer" in req:
        kw["serializer"] = req["serializer"]
    if "integrity" in req and "secure" not in mode:
        kw["integrity_checking"] = req["integrity"]
    if req.get("backend", "redis") == "redis":
        from cachekit.backends.redis import RedisBackend

        kw["backend"] = RedisBackend(redis_url=url)
    else:
        os.environ["CACHEKIT_REDIS_URL"] = url
        reset_settings()
    if "secure" in mode:
        kw["master_key"] = req["master_key_hex"]
        for o in ("deployment_uuid", "fail_closed"):
            if o in req:
                kw[o] = req[o]
        if "tenant_arg" in req:
            from cachekit.decorators.tenant_context import ArgumentNameExtractor

            kw["tenant_extractor"] = ArgumentNameExtractor(req["tenant_arg"])
        return cache.secure(**kw)(fn)
    return cache(**kw)(fn)


def _call(f, req):
    return f(*[v_in(a) for a in req.get("args", [])], **{k: v_in(v) for k, v in req.get("kwargs", {}).items()})


@op
def redis_set(req):
    """run a real decorated function so that it stores value; args/kwargs/module/qualname/namespace/mode/... -> keys with the raw stored bytes"""
    r, want = _redis(req), v_in(req["value"])
    calls = []
    before = {k: r.get(k) for k in r.scan_iter("*") if r.type(k) == b"string"}
    f = _decorated(req, lambda: (calls.append(1), want)[1])
    got = _call(f, req)
    new = [k for k in r.scan_iter("*") if r.type(k) == b"string" and r.get(k) != before.get(k)]
    return {"called": bool(calls), "returned": v_out(got),
            "entries": [{"key": k.decode(), "ttl": r.ttl(k), **b_out(req, raw=r.get(k))} for k in sorted(new)]}


@op
def redis_get(req):
    """call the real decorated function; its body raises on a miss -> hit, value. Same options as redis_set"""
    def body():
        raise _Miss

    f = _decorated(req, body)
    try:
        return {"hit": True, "value": v_out(_call(f, req))}
    except _Miss:
        return {"hit": False}


@op
def redis_raw_set(req):
    """key, data, ttl? -> plain redis SET (plant an entry)"""
    _redis(req).set(req["key"], b_in(req, "data"), ex=req.get("ttl"))
    return {}


@op
def redis_raw_get(req):
    """key -> data|null, ttl : plain redis GET"""
    r = _redis(req)
    v = r.get(req["key"])
    return {"ttl": r.ttl(req["key"]), **b_out(req, data=v)}


@op
def redis_raw_del(req):
    """key -> n : plain redis DEL"""
    return {"n": _redis(req).delete(req["key"])}


@op
def redis_keys(req):
    """pattern="*" -> keys"""
    return {"keys": sorted(k.decode() for k in _redis(req).scan_iter(req.get("pattern", "*")))}


# ----- CachekitIO (SaaS) client, real class, pointed at a local plain-HTTP test server
def _io(req):
    """The real CachekitIOBackend. Only its transport is redirected: the config still demands an https
    URL on a public host, so the connection pool is swapped for one to 127.0.0.1:port."""
    import urllib3

    from cachekit.backends.cachekitio import client as io_client
    from cachekit.backends.cachekitio.backend import CachekitIOBackend

    port = int(req["port"])
    io_client.reset_global_client()
    io_client._connection_pool = lambda config: urllib3.HTTPConnectionPool("127.0.0.1", port, timeout=config.timeout, maxsize=4)
    return CachekitIOBackend(api_key=req.get("api_key", "ck_live_peer"), timeout=req.get("timeout", 5.0))


@op
def io_call(req):
    """port, method=get|set|delete|exists|health_check|get_with_freshness|get_ttl|refresh_ttl|lock, key, data?, ttl?, stale_ttl?, api_key? -> result of the real CachekitIOBackend against http://127.0.0.1:port"""
    import asyncio

    b, m, k = _io(req), req["method"], req.get("key")
    if m == "set":
        b.set(k, b_in(req, "data"), req.get("ttl"), req.get("stale_ttl"))
        return {}
    if m == "get":
        return b_out(req, data=b.get(k))
    if m == "get_with_freshness":
        r = b.get_with_freshness(k)
        return {"hit": False} if r is None else {"hit": True, "stale": r[1], "fresh_for": r[2], **b_out(req, data=r[0])}
    if m == "delete":
        return {"deleted": b.delete(k)}
    if m == "exists":
        return {"exists": b.exists(k)}
    if m == "health_check":
        ok, details = b.health_check()
        return {"healthy": ok, "details": details}
    if m == "get_ttl":
        return {"ttl": asyncio.run(b.get_ttl(k))}
    if m == "refresh_ttl":
        return {"updated": asyncio.run(b.refresh_ttl(k, req["ttl"]))}
    if m == "lock":
        async def go():
            async with b.acquire_lock(k, req.get("timeout_s", 5.0), req.get("blocking_timeout")) as got:
                return got
        return {"acquired": asyncio.run(go())}
    raise BadRequest(f"unknown io method {m}")


@op
def io_path(req):
    """key -> the percent-encoded path segment, or an error for a reserved key : CachekitIOBackend._encode_key"""
    from cachekit.backends.cachekitio.backend import CachekitIOBackend

    return {"segment": CachekitIOBackend._encode_key(req["key"])}


@op
def io_validate_url(req):
    """url, allow_custom_host=false -> ok or ConfigurationError : CachekitIOBackendConfig"""
    from cachekit.backends.cachekitio.config import CachekitIOBackendConfig

    c = CachekitIOBackendConfig(api_url=req["url"], api_key=req.get("api_key", "ck_live_x"),
                                allow_custom_host=req.get("allow_custom_host", False))
    return {"url": c.api_url}


# ----------------------------------------------------------------------------- loop
def reply(obj):
    _OUT.write(json.dumps(obj, ensure_ascii=True, separators=(",", ":")) + "\n")
    _OUT.flush()


def main():
    reply({"ready": True, "cachekit": VERSION, "python": sys.version.split()[0], "ops": sorted(OPS)})
    for line in sys.stdin:
        line = line.strip()
        if not line:
            continue
        rid = None
        try:
            req = json.loads(line)
            rid = req.get("id")
            name = req.get("op")
            if name == "exit":
                reply({"id": rid, "ok": True, "result": {}})
                return
            if name not in OPS:
                raise BadRequest(f"unknown op {name!r}")
            reply({"id": rid, "ok": True, "result": OPS[name](req)})
        except Exception as e:  # every failure is an answer; the caller tells them apart by type and mro
            if "--log" in sys.argv:
                traceback.print_exc()
            reply({"id": rid, "ok": False, "error": {
                "type": type(e).__name__,
                "mro": [c.__name__ for c in type(e).__mro__ if c.__name__ not in ("object", "BaseException")],
                "message": str(e)[:600]}})


if __name__ == "__main__":
    main()
