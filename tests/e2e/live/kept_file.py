"""The file of members that preyrun keeps (runtime/live/rules/members/kept_members.c), edited, with its digest set right:

    kept_file.py FILE older      as a version before wrote it, without what is kept beside members
    kept_file.py FILE OLD NEW    with these bytes in the place of a comment of the same length, as Python writes them
"""
import ast
import hashlib
import struct
import sys

DIGEST, VERSION, SETS = 8, 92, 96  # where these stand
SET, MEMBER, RANGE4, RANGE6 = 280, 32, 8, 32  # bytes


def older(b):
    (count,), at = struct.unpack_from("<I", b, SETS), SETS + 4
    for _ in range(count):
        members, r4, r6 = struct.unpack_from("<QII", b, at + 256)
        at += SET + members * MEMBER + r4 * RANGE4 + r6 * RANGE6
    assert at < len(b)
    struct.pack_into("<I", b, VERSION, 0)
    return b[:at]


def main(name, *words):
    with open(name, "rb") as f:
        b = bytearray(f.read())
    if words == ("older",):
        b = older(b)
    else:
        old, new = (ast.literal_eval(f"b'{word}'") for word in words)
        assert len(old) == len(new) and b.count(old) == 1
        b = b.replace(old, new)
    b[DIGEST:DIGEST + 32] = hashlib.blake2b(b[DIGEST + 32:], digest_size=32).digest()
    with open(name, "wb") as f:
        f.write(b)


main(*sys.argv[1:])
