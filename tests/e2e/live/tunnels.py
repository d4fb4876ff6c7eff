"""Connections and tunnels that rest beside a flood: serve TCP UDP takes both, answers each datagram and each connection's first
line, and with each line on its standard input says something to all of them; rest ADDR TCP UDP COUNT opens COUNT of each (three
datagrams and their answers are a tunnel), prints `rest`, and then, when its standard input ends, which of them hear something;
pings DEVICE MAC ADDR asks from addresses of 198.51.100.0/22 until its standard input ends; forges tcp|udp DEVICE MAC ADDR PORT
SERVER says both sides of conversations with ADDR in the same way, which SERVER never says."""
import random
import select
import socket
import struct
import sys
import time


def serve(tcp, udp):
    listening, datagrams = socket.create_server(("", tcp), backlog=200), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("", udp))
    connections, peers = [], set()
    print("ready", flush=True)
    while True:
        for ready in select.select([listening, datagrams, sys.stdin], [], [])[0]:
            if ready is listening:
                connections.append(listening.accept()[0])
                connections[-1].sendall(connections[-1].recv(100))
            elif ready is datagrams:
                said, peer = datagrams.recvfrom(100)
                peers.add(peer)
                datagrams.sendto(said, peer)
            elif not sys.stdin.readline():
                return
            else:
                for one in connections:
                    one.sendall(b"still")
                for peer in peers:
                    datagrams.sendto(b"still", peer)


def rest(address, tcp, udp, count):
    connections, tunnels = [], []
    for _ in range(count):
        one = socket.create_connection((address, tcp), 10)
        one.sendall(b"here")
        one.recv(100)
        connections.append(one)
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.connect((address, udp))
        one.settimeout(10)
        for _ in range(3):
            one.send(b"here")
            one.recv(100)
        tunnels.append(one)
    print("rest", flush=True)
    sys.stdin.read()
    heard, left, end = set(), set(connections + tunnels), time.monotonic() + 10
    while left and (wait := end - time.monotonic()) > 0:
        for one in select.select(list(left), [], [], wait)[0]:
            if one.recv(100) == b"still":
                heard.add(one)
            left.discard(one)
    print("tcp", len(heard.intersection(connections)), "udp", len(heard.intersection(tunnels)), flush=True)


def folded(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ping(head, to):
    icmp = struct.pack("!BBHHH", 8, 0, 0, random.randrange(65536), 1)
    icmp = icmp[:2] + struct.pack("!H", folded(icmp)) + icmp[4:]
    source = bytes([198, 51, random.randrange(100, 104), random.randrange(1, 255)])
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 28, 1, 0, 64, 1, 0) + source + to
    return head + ip[:10] + struct.pack("!H", folded(ip)) + ip[12:] + icmp


def pings(device, mac, address):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    wire.bind((device, 0))
    head = bytes.fromhex(mac.replace(":", "")) + wire.getsockname()[4] + b"\x08\x00"
    while not select.select([sys.stdin], [], [], 0.002)[0]:
        for _ in range(20):
            wire.send(ping(head, socket.inet_aton(address)))


def forged(head, proto, source, to, rest):
    pseudo = source + to + struct.pack("!HH", proto, len(rest))
    at = 16 if proto == 6 else 6
    rest = rest[:at] + struct.pack("!H", folded(pseudo + rest)) + rest[at + 2:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(rest), 1, 0, 64, proto, 0) + source + to
    return head + ip[:10] + struct.pack("!H", folded(ip)) + ip[12:] + rest


def segment(ports, seq, ack, flags):
    return struct.pack("!HHIIBBHHH", *ports, seq, ack, 0x50, flags, 65000, 0, 0)


def conversation(proto, port):
    """The rounds of one: (the opener speaks, what it says), each to be followed by the other side's word."""
    opener = random.randrange(1024, 65536)
    there, back = (opener, port), (port, opener)
    if proto == 6:
        return [(True, segment(there, 1000, 0, 2)), (False, segment(back, 9000, 1001, 18)),
                (True, segment(there, 1001, 9001, 16)), (False, segment(back, 9001, 1001, 16))]
    return [(True, struct.pack("!HHHH", *there, 8, 0)), (False, struct.pack("!HHHH", *back, 8, 0))] * 3


def forges(kind, device, mac, address, port, server):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    wire.bind((device, 0))
    head, proto = bytes.fromhex(mac.replace(":", "")) + wire.getsockname()[4] + b"\x08\x00", 6 if kind == "tcp" else 17
    aimed, by = socket.inet_aton(address), socket.inet_aton(server)
    while not select.select([sys.stdin], [], [], 0)[0]:
        many = [(bytes([198, 51, random.randrange(100, 104), random.randrange(1, 255)]), conversation(proto, int(port)))
                for _ in range(50)]
        for turn in range(len(many[0][1])):
            for stranger, said in many:
                opens, rest = said[turn]
                wire.send(forged(head, proto, *((stranger, aimed) if opens else (by, stranger)), rest))
            time.sleep(0.005)


what, *of = sys.argv[1:]
if what == "serve":
    serve(*map(int, of))
elif what == "rest":
    rest(of[0], *map(int, of[1:]))
elif what == "pings":
    pings(*of)
else:
    forges(*of)
