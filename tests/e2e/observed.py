"""Writes drawn.pcap, six connections to port 80, and body, what the server says in each."""
import random
import struct
random.seed(7)
def csum(b):
    b += b"\0" * (len(b) % 2); s = sum(struct.unpack(f">{len(b)//2}H", b))
    while s >> 16: s = (s & 0xffff) + (s >> 16)
    return s ^ 0xffff
def seg(src, dst, sport, dport, seq, ack, flags, data=b"", vlan=None):
    ip = lambda a: bytes(map(int, a.split(".")))
    tcp = struct.pack(">HHIIBBHHH", sport, dport, seq & 0xffffffff, ack & 0xffffffff, 0x50, flags, 65535, 0, 0) + data
    pseudo = ip(src) + ip(dst) + struct.pack(">BBH", 0, 6, len(tcp))
    tcp = tcp[:16] + struct.pack(">H", csum(pseudo + tcp)) + tcp[18:]
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + ip(src) + ip(dst)
    head = head[:10] + struct.pack(">H", csum(head)) + head[12:]
    tag = struct.pack(">HH", 0x8100, vlan) if vlan else b""
    return b"\2\0\0\0\0\2\2\0\0\0\0\1" + tag + b"\x08\0" + head + tcp
C, S = "10.0.0.1", "192.0.2.1"
SYN, ACK, FIN, RST, PSH = 2, 16, 1, 4, 8
frames = []
def talk(port, client, server, order, isn=4294967000, vlan=None, fin=True, skip=(), differ=None):
    up = lambda seq, ack, f, d=b"": frames.append(seg(C, S, port, 80, seq, ack, f, d, vlan))
    down = lambda seq, ack, f, d=b"": frames.append(seg(S, C, 80, port, seq, ack, f, d, vlan))
    up(isn, 0, SYN); down(77, isn + 1, SYN | ACK); up(isn + 1, 78, ACK)
    up(isn + 1, 78, ACK | PSH, client)
    pieces = [(i, server[i:i + 100]) for i in range(0, len(server), 100)]
    for i in order(list(range(len(pieces)))):
        at, piece = pieces[i]
        if i in skip: continue
        down(78 + at, isn + 1 + len(client), ACK, piece)
        if i == differ: down(78 + at, isn + 1 + len(client), ACK, b"X" * len(piece))
    up(isn + 1 + len(client), 78 + len(server), ACK)
    if fin:
        up(isn + 1 + len(client), 78 + len(server), FIN | ACK); down(78 + len(server), isn + 2 + len(client), FIN | ACK)
        up(isn + 2 + len(client), 79 + len(server), ACK)
body = bytes(random.randrange(256) for _ in range(3000))
open("body", "wb").write(body)
def shuffled(l): random.shuffle(l); return l
talk(1001, b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n", body, lambda l: l)
talk(1002, b"GET /b HTTP/1.1\r\nHost: a.example\r\n\r\n", body, lambda l: shuffled(l + l))
talk(1003, b"hello", body, lambda l: l, vlan=7, fin=False, skip=(5,))
talk(1004, b"hello", body, lambda l: [1, 0] + l[2:], differ=1)
talk(1005, b"GET /secret HTTP/1.1\r\nHost: bank.example\r\n\r\n", body, lambda l: l)
# The last segment of one, which nobody acknowledges, comes in three fragments.
talk(1006, b"hello", body, lambda l: l, fin=False)
whole, parts = seg(S, C, 80, 1006, 78 + len(body), 4294967006, ACK, body[:400]), []
for at, n, more in ((0, 160, 0x2000), (320, 100, 0), (160, 160, 0x2000)):
    head = whole[14:16] + struct.pack(">HHHBBH", 20 + n, 99, more | at // 8, 64, 6, 0) + whole[26:34]
    frames.append(whole[:14] + head[:10] + struct.pack(">H", csum(head)) + head[12:] + whole[34 + at:34 + at + n])
with open("drawn.pcap", "wb") as f:
    f.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 65535, 1))
    for i, x in enumerate(frames): f.write(struct.pack("<IIII", 1700000000 + i // 1000, i % 1000 * 1000000, len(x), len(x)) + x)
