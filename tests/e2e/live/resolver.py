#!/usr/bin/env python3
"""The words of a resolver that was taken over: by its own socket to preyrun, which root takes from the process (pidfd_getfd(2)).

resolver.py PID flood SECONDS: for that time, and until there are 8,000, as many answers as go through, each with 256 other addresses of the first name. Prints `floods` once it
does, and how many at the end.
resolver.py PID lie: one about a name that was never asked for; short: one that is cut; noise: 500 bytes of chance."""
import ctypes
import os
import socket
import struct
import sys
import time

TELLS, PIDFD_GETFD, SO_SNDBUFFORCE = 3, 438, 32
LEAST = 8000  # answers of a flood, however slow the machine


def told(name, *addresses):
    """struct dns_told (runtime/parent/dns/dns.h) of addresses of IPv4"""
    head = struct.pack("=IBBHI84s", name, 4, 0, len(addresses), 1, b"")
    return head + b"".join(struct.pack("=4I", int.from_bytes(socket.inet_aton(a), "big"), 0, 0, 0) for a in addresses)


class Part(ctypes.Structure):  # struct iovec
    _fields_ = [("at", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class Header(ctypes.Structure):  # struct msghdr
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint), ("iov", ctypes.POINTER(Part)), ("iovlen", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t), ("flags", ctypes.c_int)]


class Message(ctypes.Structure):  # struct mmsghdr of sendmmsg(2)
    _fields_ = [("header", Header), ("sent", ctypes.c_uint)]


def main():
    fd = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, os.pidfd_open(int(sys.argv[1])), TELLS, 0)
    if fd < 0:
        sys.exit(os.strerror(ctypes.get_errno()))
    s = socket.socket(fileno=fd)
    s.setblocking(True)
    s.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 1 << 25)  # the queue is never empty, however the processes are scheduled
    if sys.argv[2] != "flood":
        s.send({"lie": told(1 << 20, "198.51.100.1"), "short": told(0, "198.51.100.1")[:-1], "noise": os.urandom(500)}[sys.argv[2]])
        return
    two = [told(0, *(f"198.51.{net}.{i}" for i in range(256))) for net in (100, 101)]
    keep = [ctypes.create_string_buffer(t, len(t)) for t in two]
    parts = [Part(ctypes.addressof(k), len(t)) for k, t in zip(keep, two)]
    many = (Message * 64)(*(Message(Header(iov=ctypes.pointer(parts[i & 1]), iovlen=1)) for i in range(64)))
    began, sent = time.monotonic(), 0
    while time.monotonic() < began + float(sys.argv[3]) or (sent < LEAST and time.monotonic() < began + 120):
        if sent == 4 * len(many):
            print("floods", flush=True)
        sent += max(0, ctypes.CDLL(None).sendmmsg(fd, many, len(many), 0))
    print(sent)


main()
