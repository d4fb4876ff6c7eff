"""Streams whose segments overlap and differ, drawn and put before a Linux socket by a TUN device:
overlaps.py SEED STREAMS CAPTURE DIR: the frames become a capture, what the socket of each stream read the file DIR/PORT.
No segment begins where another ends: whether Linux joins such two hangs on its buffers."""
import fcntl
import os
import random
import socket
import struct
import subprocess
import sys

US, THEM, PORT, FROM, LONGEST = "10.77.0.1", "10.77.0.2", 7000, 20000, 6000


def folded(data):
    total = sum(struct.unpack("!%dH" % (len(data + b"\0") // 2), data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(port, seq, ack, flags, data=b""):
    ends = socket.inet_aton(THEM) + socket.inet_aton(US)
    tcp = struct.pack("!HHIIBBHHH", port, PORT, seq & 0xFFFFFFFF, ack, 0x50, flags, 65535, 0, 0)
    total = folded(ends + struct.pack("!BBH", 0, 6, len(tcp + data)) + tcp + data)
    tcp = tcp[:16] + struct.pack("!H", total) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp + data), 0, 0x4000, 64, 6, 0) + ends
    return ip[:10] + struct.pack("!H", folded(ip)) + ip[12:] + tcp + data


def drawn(r):
    """Segments behind a first byte, in any order, that cover all in the end: begins are 0 and ends 1 modulo 4."""
    size = 4 * r.randint(20, LONGEST // 4)
    longest = r.choice([3, 20, 300])
    parts = []
    for _ in range(r.randint(3, 60)):
        at = 4 * r.randint(1, size // 4 - 1)
        parts.append((at, min(at + 4 * r.randint(0, longest) + 1, size + 1)))
    # What fills the holes comes in the end, from the front
    parts += [(at, at + 5) for at in range(4, size, 4)] if r.random() < 0.2 else [(4, size + 1)]
    return [(at, bytes(r.randrange(256) for _ in range(end - at))) for at, end in parts], size + 1


def main():
    seed, streams, capture, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH", b"overlaps", 0x1001))  # TUNSETIFF: IFF_TUN, IFF_NO_PI
    for command in ("addr add %s/24 dev overlaps" % US, "link set overlaps up", "link set lo up"):
        subprocess.run(["ip"] + command.split(), check=True)
    listener = socket.socket()
    listener.bind((US, PORT))
    listener.listen()
    out = open(capture, "wb")
    out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
    now = 0

    def note(data):
        nonlocal now
        now += 100
        out.write(struct.pack("<IIII", 1700000000 + now // 1000000, now % 1000000, len(data), len(data)) + data)

    def send(data):
        note(data)
        os.write(tun, data)

    def answer(port):
        while True:
            data = os.read(tun, 65536)
            if data[0] >> 4 == 4 and data[9] == 6 and struct.unpack("!H", data[22:24])[0] == port:
                note(data)
                return struct.unpack("!I", data[24:28])[0]

    for n in range(streams):
        r = random.Random(seed * 1000 + n)
        port, isn = FROM + n, r.randrange(1 << 32)
        parts, size = drawn(r)
        send(packet(port, isn, 0, 2))
        ack = (answer(port) + 1) & 0xFFFFFFFF
        send(packet(port, isn + 1, ack, 16))
        conn, _ = listener.accept()
        for at, data in parts:
            send(packet(port, isn + 1 + at, ack, 24, data))
        send(packet(port, isn + 1, ack, 24, b"...."))  # the first bytes: all that waits goes on
        conn.settimeout(20)
        got = b""
        while len(got) < size:
            more = conn.recv(65536)
            if not more:
                break
            got += more
        with open("%s/%d" % (folder, port), "wb") as f:
            f.write(got)
        conn.close()


main()
