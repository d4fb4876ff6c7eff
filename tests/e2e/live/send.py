"""send.py DEVICE CAPTURE [TIMES [MAC]]: the frames of a pcap leave by that device as they are, or to that MAC, unless they are
dropped there. Prints how many."""
import contextlib
import socket
import struct
import sys

wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind((sys.argv[1], 0))
data = open(sys.argv[2], "rb").read()
order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
to = bytes.fromhex(sys.argv[4].replace(":", "")) if len(sys.argv) > 4 else b""
at, frames = 24, []
while at < len(data):
    length = struct.unpack(order + "4I", data[at:at + 16])[2]
    frames.append(data[at + 16:at + 16 + length])
    at += 16 + length
for _ in range(int(sys.argv[3]) if len(sys.argv) > 3 else 1):
    for frame in frames:
        with contextlib.suppress(OSError):
            wire.send(to + frame[len(to):])
print(len(frames))
