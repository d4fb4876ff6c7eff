"""bad_day.py DEVICE MAC: frames by a packet socket, as lines on standard input say: SOURCE PORT COUNT [LENGTH [TO]], UDP to 10.1.0.100. SOURCE
`forged`: each of another source of 198.18.0.0/15. LENGTH: of UDP, 8 where it is right."""
import random
import socket
import struct
import sys

device, mac = sys.argv[1:]
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((device, 0))
own = s.getsockname()[4][:6]
link = bytes.fromhex(mac.replace(":", "")) + own + b"\x08\x00"


def frame(source, port, length, to):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28, 0, 0, 64, 17, 0, source, to)
    total = sum(struct.unpack("!10H", head))
    total = (total >> 16) + (total & 0xFFFF)
    head = head[:10] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + head[12:]
    return link + head + struct.pack("!HHHH", 4000, port, length, 0)


dice = random.Random(61)
for line in sys.stdin:
    source, port, count, length, to = [*line.split(), *["8", "10.1.0.100"][len(line.split()) - 3:]]
    for i in range(int(count)):
        forged = struct.pack("!I", 0xC6120000 | dice.randrange(1 << 17))
        given = forged if source == "forged" else socket.inet_aton(source)
        s.send(frame(given, int(port), int(length), socket.inet_aton(to)))
