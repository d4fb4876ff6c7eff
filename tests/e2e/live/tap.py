"""A TAP device that sends datagrams: tap.py DEVICE MAC. Each line of standard input is one: `plain`; `ufo`, a super-packet of
UDP's old fragmentation offload, of 4,000 bytes; or `odd`, one of the new one (Linux 6.2) whose checksum is said to be
elsewhere. What the kernel does not take is answered by `refused LINE`."""
import fcntl
import struct
import sys

TUNSETIFF, IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x400454CA, 2, 0x1000, 0x4000


def total(data):
    words = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while words >> 16:
        words = (words & 0xFFFF) + (words >> 16)
    return words


def frame(to, payload):
    source, target, udp = bytes([10, 9, 0, 2]), bytes([10, 9, 0, 1]), 8 + payload
    pseudo = total(source + target + struct.pack("!HH", 17, udp))  # the rest of the checksum is left open
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + udp, 1, 0, 64, 17, 0) + source + target
    ip = ip[:10] + struct.pack("!H", ~total(ip) & 0xFFFF) + ip[12:]
    return to + bytes.fromhex("020000000909") + b"\x08\x00" + ip + struct.pack("!HHHH", 999, 7, udp, pseudo) + bytes(payload)


tap = open("/dev/net/tun", "r+b", buffering=0)
fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", sys.argv[1].encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
print("ready", flush=True)
mac = bytes.fromhex(sys.argv[2].replace(":", ""))
for line in sys.stdin:
    kind, sizes, start = {"ufo": (3, 1448, 34), "odd": (5, 1448, 26)}.get(line.strip(), (0, 0, 34))
    offload = struct.pack("=BBHHHH", 1, kind, 42, sizes, start, 6)
    try:
        tap.write(offload + frame(mac, 4000 if kind else 10))
    except OSError:
        print("refused", line.strip(), flush=True)
