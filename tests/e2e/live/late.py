"""Answers each UDP datagram until an ICMP error says that nobody hears it, then says `refused`: late.py PORT."""
import socket
import sys
import time


def listen(port):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind(("::", port))
    return s


def answer(s, data):
    try:
        for _ in range(200):
            s.send(data)
            time.sleep(0.05)
        return "unheard"
    except ConnectionRefusedError:
        return "refused"


print("ready", flush=True)
while True:
    with listen(int(sys.argv[1])) as s:
        data, peer = s.recvfrom(65535)
        s.connect(peer)  # only who is connected is told
        said = answer(s, data)
    print(said, flush=True)
