#!/usr/bin/env python3
"""The words of a resolver that was taken over: by its own socket to preyrun, which root takes from the process (pidfd_getfd(2)).

resolver.py PID flood SECONDS: as many answers as go through, each with another address of the first name. Prints how many.
resolver.py PID lie: one about a name that was never asked for."""
import ctypes
import os
import socket
import struct
import sys
import time

TELLS, PIDFD_GETFD = 3, 438


def told(name, *addresses):
    """struct dns_told (runtime/parent/dns/dns.h) of addresses of IPv4"""
    head = struct.pack("=IBBHI84s", name, 4, 0, len(addresses), 1, b"")
    return head + b"".join(struct.pack("=4I", int.from_bytes(socket.inet_aton(a), "big"), 0, 0, 0) for a in addresses)


def main():
    fd = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, os.pidfd_open(int(sys.argv[1])), TELLS, 0)
    if fd < 0:
        sys.exit(os.strerror(ctypes.get_errno()))
    s = socket.socket(fileno=fd)
    s.setblocking(True)
    if sys.argv[2] == "lie":
        s.send(told(1 << 20, "198.51.100.1"))
        return
    until, sent, two = time.monotonic() + float(sys.argv[3]), 0, [told(0, "198.51.100.1"), told(0, "198.51.100.2")]
    while time.monotonic() < until:
        for _ in range(100):
            s.send(two[sent & 1])
            sent += 1
    print(sent)


main()
