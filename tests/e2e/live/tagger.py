"""A cable that tags: what a device here sends comes out of a TAP with VLAN tags in front, and what goes into the TAP must have
them and comes out without. tagger.py DEVICE TAP TPID:VID...; says `ready`; `untagged N` at SIGTERM: frames that had not these tags."""
import contextlib
import fcntl
import os
import select
import signal
import socket
import struct
import sys

device, tap_name = sys.argv[1:3]
tags = b"".join(struct.pack("!HH", int(t.split(":")[0], 16), int(t.split(":")[1])) for t in sys.argv[3:])
tap = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tap, 0x400454CA, struct.pack("16sH22x", tap_name.encode(), 0x1002))  # TUNSETIFF, IFF_TAP | IFF_NO_PI
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
wire.bind((device, 3))
wire.setsockopt(263, 23, 1)  # SOL_PACKET, PACKET_IGNORE_OUTGOING
untagged = 0


def end(*_):
    print(f"untagged {untagged}", flush=True)
    sys.exit(0)


signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
while True:
    for s in select.select([tap, wire], [], [])[0]:
        if s is wire:
            frame = wire.recv(65535)
            with contextlib.suppress(OSError):  # the TAP is not up yet
                os.write(tap, frame[:12] + tags + frame[12:])
        else:
            frame = os.read(tap, 65535)
            if frame[12:12 + len(tags)] == tags:
                wire.send(frame[:12] + frame[12 + len(tags):])
            else:
                untagged += 1
