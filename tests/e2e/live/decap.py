"""A tunnel's far end: what comes by IP in IP, or by GUE on a UDP port, goes into a tun device as it was.

decap.py ipip|gue PORT DEVICE. Both families outside and inside. Says `ready` when it listens."""
import fcntl
import os
import select
import socket
import struct
import sys

kind, port, device = sys.argv[1], int(sys.argv[2]), sys.argv[3]
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH22x", device.encode(), 0x1001))  # TUNSETIFF, IFF_TUN | IFF_NO_PI
if kind == "gue":
    socks = [socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)]
    socks[0].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    socks[0].setsockopt(socket.IPPROTO_UDP, 102, 1)  # UDP_NO_CHECK6_RX: a zero checksum is good (RFC 6935)
    socks[0].bind(("::", port))
else:
    socks = [socket.socket(family, socket.SOCK_RAW, proto)
             for family, proto in ((socket.AF_INET, 4), (socket.AF_INET, 41), (socket.AF_INET6, 4), (socket.AF_INET6, 41))]
print("ready", flush=True)
while True:
    for s in select.select(socks, [], [])[0]:
        data = s.recv(65535)
        if kind == "gue":
            # Variant 0: four bytes, the protocol in the second (draft-ietf-intarea-gue-09).
            if data[0] != 0 or data[1] not in (4, 41):
                continue
            data = data[4:]
        elif s.family == socket.AF_INET:
            data = data[(data[0] & 15) * 4:]
        try:
            os.write(tun, data)
        except OSError:
            pass
