"""Two TUN devices, each in a network namespace, and all that one sends arrives at the other: a point-to-point link without Ethernet, as
WireGuard and PPP have it. It carries super-packets and partial checksums (virtio_net_hdr), unless `plain` is said. cord.py SPACE DEVICE
SPACE DEVICE [plain]: prints `ready`, and goes on until it is ended. While the first is down, SIGUSR1 makes it a device of a CAN bus by its
kind, and SIGUSR2 one of bare IP again."""
import ctypes
import fcntl
import os
import select
import signal
import struct
import sys

TUNSETIFF, TUNSETLINK, TUNSETOFFLOAD, IFF_TUN, IFF_NO_PI, IFF_VNET_HDR = 0x400454CA, 0x400454CD, 0x400454D0, 1, 0x1000, 0x4000
CSUM_TSO4_TSO6, CLONE_NEWNET = 7, 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def end(space, device, plain):
    with open(f"/run/netns/{space}", "rb") as at:
        if libc.setns(at.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    flags = IFF_TUN | IFF_NO_PI | (0 if plain else IFF_VNET_HDR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", device.encode(), flags))
    if not plain:
        fcntl.ioctl(tun, TUNSETOFFLOAD, CSUM_TSO4_TSO6)
    return tun


def carry(source, to):
    for _ in range(64):
        try:
            packet = os.read(source, 70000)
        except BlockingIOError:
            return
        try:
            os.write(to, packet)
        except OSError:
            pass  # the device is down, or refuses what is malformed: lost, as on any line


plain = sys.argv[5:] == ["plain"]
ends = [end(sys.argv[1], sys.argv[2], plain), end(sys.argv[3], sys.argv[4], plain)]
for number, kind in (signal.SIGUSR1, 280), (signal.SIGUSR2, 65534):
    signal.signal(number, lambda *_, kind=kind: fcntl.ioctl(ends[0], TUNSETLINK, kind))
print("ready", flush=True)
while True:
    for ready in select.select(ends, [], [])[0]:
        carry(ready, ends[1] if ready == ends[0] else ends[0])
