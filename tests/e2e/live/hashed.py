"""Bytes that are the same each time and everywhere different, and their hash: what transfers are made of."""
import hashlib

BLOCK = hashlib.shake_256(b"prey").digest(1 << 20)


def stream(count, at=0):
    """Parts of a stream of so many bytes, another one for each `at`; each MiB begins at another byte of the block."""
    while count > 0:
        part = (BLOCK[at % 65521 :] + BLOCK[: at % 65521])[:count]
        yield part
        at, count = at + 4099, count - len(part)


def hash_of(count):
    hashed = hashlib.sha256()
    for part in stream(count):
        hashed.update(part)
    return hashed.hexdigest()
