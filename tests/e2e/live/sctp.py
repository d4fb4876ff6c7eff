"""SCTP by raw sockets, for this kernel may have none: serve PORT NAME answers each INIT with an INIT ACK that quotes its tag; ask ADDR PORT
prints who answered, or what was wrong. The CRC32c of what arrives is checked, and made of what leaves."""
import os
import socket
import struct
import sys

TABLE = []
for n in range(256):
    for _ in range(8):
        n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
    TABLE.append(n)


def crc(data):
    c = 0xFFFFFFFF
    for byte in data:
        c = c >> 8 ^ TABLE[(c ^ byte) & 255]
    return struct.pack("<I", c ^ 0xFFFFFFFF)


def packet(source, port, tag, kind, body):
    chunk = struct.pack("!BBH", kind, 0, 4 + len(body)) + body
    head = struct.pack("!HHI", source, port, tag)
    return head + crc(head + bytes(4) + chunk) + chunk


def unpacked(family, data):
    if family == socket.AF_INET:
        data = data[(data[0] & 15) * 4:]
    source, port, tag = struct.unpack("!HHI", data[:8])
    good = crc(data[:8] + bytes(4) + data[12:]) == data[8:12]
    return source, port, tag, good, data[12], data[16:]


def serve(port, name):
    import select
    socks = [socket.socket(f, socket.SOCK_RAW, 132) for f in (socket.AF_INET, socket.AF_INET6)]
    print("ready", flush=True)
    while True:
        for s in select.select(socks, [], [])[0]:
            data, peer = s.recvfrom(65535)
            source, to, _, good, kind, body = unpacked(s.family, data)
            if to == int(port) and kind == 1:
                said = f"{name} {peer[0]} {'good' if good else 'bad'}".encode()
                s.sendto(packet(to, source, struct.unpack("!I", body[:4])[0], 2, said), (peer[0], 0))


def ask(address, port):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_RAW, 132)
    mine, tag = 20000 + os.getpid() % 10000, 0x12345678
    s.settimeout(1)
    for _ in range(5):
        s.sendto(packet(mine, int(port), 0, 1, struct.pack("!IIHHI", tag, 65535, 1, 1, 1)), (address, 0))
        try:
            data, peer = s.recvfrom(65535)
        except TimeoutError:
            continue
        source, to, back, good, kind, body = unpacked(s.family, data)
        right = (source, to, back, kind, peer[0], good) == (int(port), mine, tag, 2, address, True)
        print(body.decode() if right else f"wrong: {peer[0]}:{source} to {to}, tag {back:x}, chunk {kind}, sum {good}")
        return 0
    return 1


if __name__ == "__main__":
    sys.exit({"serve": serve, "ask": ask}[sys.argv[1]](*sys.argv[2:]))
