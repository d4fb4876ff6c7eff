"""scan.py COUNT NETWORK [WINDOW]: echo requests to so many random addresses of it, each another, never more than WINDOW
unanswered at a time: 200, for a veth with XDP holds 256 frames and loses the rest. Prints how many were answered. What is not
answered within a second is given up."""
import ipaddress
import random
import selectors
import socket
import struct
import sys

WINDOW = int(sys.argv[3]) if len(sys.argv) > 3 else 200
count, network = int(sys.argv[1]), ipaddress.ip_network(sys.argv[2])
family, proto, request, reply = ((socket.AF_INET, socket.IPPROTO_ICMP, 8, 0) if network.version == 4 else
                                 (socket.AF_INET6, socket.IPPROTO_ICMPV6, 128, 129))
s = socket.socket(family, socket.SOCK_RAW, proto)
s.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
s.setblocking(False)
ident = 0x5CA4
first, size = int(network.network_address), network.num_addresses
text = (lambda n: str(ipaddress.IPv4Address(n))) if network.version == 4 else (lambda n: str(ipaddress.IPv6Address(n)))
body = struct.pack("!BBHHH", request, 0, 0, ident, 0)
total = sum(struct.unpack("!4H", body))
frame = body[:2] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + body[4:]
look = selectors.DefaultSelector()
look.register(s, selectors.EVENT_READ)
chosen = iter(random.Random(7).sample(range(1, size - 1), count))
sent = answered = given_up = 0


def take():
    global answered
    while True:
        try:
            got = s.recv(200)
        except BlockingIOError:
            return
        at = 4 * (got[0] & 15) if family == socket.AF_INET else 0
        if len(got) >= at + 8 and got[at] == reply and struct.unpack_from("!H", got, at + 4)[0] == ident:
            answered += 1


while sent < count or sent > answered + given_up:
    while sent < count and sent - answered - given_up < WINDOW:
        s.sendto(frame, (text(first + next(chosen)), 0))
        sent += 1
        if sent % 32 == 0:
            take()
    if not look.select(1):
        given_up = sent - answered
    take()
print(answered)
