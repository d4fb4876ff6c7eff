"""hostile.py OUT COUNT SEED MAC ADDRESS4 ADDRESS6 [untagged]: a capture of frames to that station that no sound machine sends: cut, with
lengths that lie, tags in tags, chains of headers, options, errors that quote errors, and bits that fell over. None is longer
than 1,514 bytes, none begins a datagram in fragments, and none says that it comes from those addresses."""
import random
import socket
import struct
import sys

out, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
mac = bytes.fromhex(sys.argv[4].replace(":", ""))
own4, own6 = socket.inet_aton(sys.argv[5]), socket.inet_pton(socket.AF_INET6, sys.argv[6])
tagged = len(sys.argv) < 8
r = random.Random(seed)
some = r.randbytes


def csum(data):
    total = sum(struct.unpack(f"!{len(data + b'0') // 2}H", data + b"\0" * (len(data) % 2)))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def upper():
    """Protocol and bytes of what lies in an IP packet."""
    kind = r.randrange(6)
    port = r.choice((22, 53, 80, 99, r.randrange(65536)))
    body = some(r.randrange(40))
    if kind == 0:
        return 6, struct.pack("!HHIIBBHHH", r.randrange(65536), port, r.getrandbits(32), r.getrandbits(32),
                              r.choice((5, 5, 5, 0, 15, 6)) << 4, r.randrange(256), 1000, 0, 0) + body
    if kind == 1:
        return 17, struct.pack("!HHHH", r.randrange(65536), port, r.choice((8 + len(body), 0, 7, 65535)), 0) + body
    if kind == 2:
        return 1, struct.pack("!BBHI", r.choice((0, 3, 5, 8, 11, 12)), r.randrange(16), 0, r.getrandbits(32)) + ip4(False)
    if kind == 3:
        return 58, struct.pack("!BBHI", r.choice((1, 2, 3, 4, 128, 133, 135, 136)), 0, 0, r.getrandbits(32)) + body
    if kind == 4:
        return 132, struct.pack("!HHII", r.randrange(65536), port, 0, 0) + body
    return r.randrange(256), body


def ip4(outer=True):
    proto, body = upper() if outer else (r.choice((6, 17)), some(r.randrange(28)))
    options = some(4 * r.randrange(11)) if r.random() < 0.1 else b""
    words = 5 + len(options) // 4 if r.random() < 0.95 else r.randrange(16)
    length = 20 + len(options) + len(body) if r.random() < 0.9 else r.randrange(65536)
    source = bytes((198, 18)) + some(2) if r.random() < 0.9 else some(4)
    head = struct.pack("!BBHHHBBH", r.choice((4, 4, 4, 4, 4, 4, 4, r.randrange(16))) << 4 | words, r.randrange(256), length,
                       r.randrange(65536), 0, r.randrange(256), proto, 0) + source + own4 + options
    sound = csum(head) if r.random() < 0.95 else r.randrange(65536)
    return head[:10] + struct.pack("!H", sound) + head[12:] + body


def ip6():
    proto, body = upper()
    for _ in range(r.choice((0, 0, 0, 1, 2, 5, 20))):
        kind = r.choice((0, 43, 60, 51, 135))
        more = r.randrange(2)
        body = struct.pack("!BB", proto, more) + some(6 + 8 * more) + body
        proto = kind
    length = len(body) if r.random() < 0.9 else r.randrange(65536)
    source = bytes.fromhex("20010db8") + some(12)
    return struct.pack("!IHBB", r.choice((6, 6, 6, 6, 6, r.randrange(16))) << 28, length, proto, r.randrange(256)) + source + own6 + body


def frame():
    kind = r.random()
    tags = b"".join(struct.pack("!HH", r.choice((0x8100, 0x88A8)), r.randrange(65536)) for _ in range(r.choice((0, 0, 0, 0, 1, 2, 3, 17, 40) if tagged else (0,))))
    if kind < 0.55:
        body = b"\x08\0" + ip4()
    elif kind < 0.9:
        body = b"\x86\xdd" + ip6()
    elif kind < 0.93:
        body = b"\x08\x06" + struct.pack("!HHBBH", 1, 0x800, r.choice((6, 6, 200)), 4, 3 + r.randrange(9)) + some(20)
    else:
        body = some(2 + r.randrange(60))
    all_of_it = tags + body
    if r.random() < 0.2:
        all_of_it = all_of_it[:r.randrange(2, len(all_of_it) + 1)]
    if r.random() < 0.2:
        at = r.randrange(len(all_of_it))
        all_of_it = all_of_it[:at] + bytes((all_of_it[at] ^ 1 << r.randrange(8),)) + all_of_it[at + 1:]
    return (mac + b"\x02\0\0\0\0\x01" + all_of_it)[:1514]


def is_left_out(f):
    """Pieces and own sources: their fate hangs on more than the frame. And what a card would take for its own control."""
    at = 12
    if not tagged and f[at:at + 2] in (b"\x81\0", b"\x88\xa8"):
        return True
    while f[at:at + 2] in (b"\x81\0", b"\x88\xa8"):
        at += 4
    kind, ip = f[at:at + 2], f[at + 2:]
    if kind == b"\x08\0":
        return ip[6:8] not in (b"", b"\0", b"\0\0", b"\x40\0") or ip[12:16] == own4
    return kind == b"\x86\xdd" and (44 in ip or ip[8:24] == own6) or kind == b"\x08\x06" or len(f) < 14


with open(out, "wb") as to:
    to.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    n = 0
    while n < count:
        f = frame()
        if is_left_out(f):
            continue
        to.write(struct.pack("<IIII", n // 1000000, n % 1000000, len(f), len(f)) + f)
        n += 1
