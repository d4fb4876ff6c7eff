"""heard.py DEVICE PORT MARK: how often a socket of packets there (of IPv4 and of IPv6, behind traffic control) has heard a datagram to
PORT, as `SOURCE > DESTINATION N` each, until one to port MARK has come. Prints `ready` first."""
import collections
import select
import socket
import struct
import sys

device, port, mark = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sockets = []
for kind in 0x0800, 0x86dd:
    s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(kind))
    s.bind((device, kind))
    sockets.append(s)
print("ready", flush=True)
heard, done = collections.Counter(), False
while not done:
    readable = select.select(sockets, [], [], 60)[0]
    if not readable:
        print("nothing more comes")
        break
    for s in readable:
        p, where = s.recvfrom(2000)
        if where[2] == socket.PACKET_OUTGOING or len(p) < 28:
            continue
        v6 = p[0] >> 4 == 6
        at = 40 if v6 else 20
        if (p[6] if v6 else p[9]) != 17:
            continue
        to = struct.unpack("!H", p[at + 2:at + 4])[0]
        family, ends = (socket.AF_INET6, (p[8:24], p[24:40])) if v6 else (socket.AF_INET, (p[12:16], p[16:20]))
        done |= to == mark
        if to == port:
            heard["%s > %s" % tuple(socket.inet_ntop(family, e) for e in ends)] += 1
for ends, count in sorted(heard.items()):
    print(ends, count)
