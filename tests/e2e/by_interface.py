"""The frames of ways.pcap as a pcapng whose interfaces are eth0, br-lan, `a b` and `any`: FILE INTERFACE..."""
import struct, sys
def block(kind, body): return struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))
def padded(b): return b + bytes(-len(b) % 4)
out = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1))
for name in (b"eth0", b"br-lan", b"a b", b"any"):
    out += block(1, struct.pack("<HHI", 1, 0, 0) + struct.pack("<HH", 2, len(name)) + padded(name) + bytes(4))
raw, at = open("ways.pcap", "rb").read(), 24
for iface in sys.argv[2:]:
    sec, frac, cap, wire = struct.unpack("<IIII", raw[at:at + 16])
    us = sec * 1000000 + frac // 1000
    out += block(6, struct.pack("<IIIII", int(iface), us >> 32, us & 0xffffffff, cap, wire) + padded(raw[at + 16:at + 16 + cap]))
    at += 16 + cap
open(sys.argv[1], "wb").write(out)
