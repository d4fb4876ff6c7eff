#!/usr/bin/env python3
"""Sets an option of a team device, as teamd does:  team.py DEVICE mode NAME  |  team.py DEVICE activeport PORT

By generic netlink, family `team`. A team takes its mode while it has no ports. Status 1: the kernel refuses it, or has none.
"""
import socket
import struct
import sys

GENL_CTRL, GET_FAMILY = 16, 3
ACK = 1 | 4  # NLM_F_REQUEST | NLM_F_ACK
NLA_U32, NLA_STRING, NESTED = 3, 5, 0x8000


def attr(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def message(family, command, attrs):
    body = struct.pack("=BBH", command, 1, 0) + attrs
    return struct.pack("=IHHII", 16 + len(body), family, ACK, 1, 0) + body


def ask(sock, what):
    """Send a message; return the attributes of what it is answered with, up to its end."""
    sock.send(what)
    answer = b""
    while True:
        raw = sock.recv(65536)
        while raw:
            size, kind = struct.unpack_from("=IH", raw)
            if kind == 2:  # NLMSG_ERROR, which an acknowledgement is, too
                error = struct.unpack_from("=i", raw, 16)[0]
                if error not in (0, -3):  # ESRCH: it was done, and no daemon has listened for that
                    sys.exit(1)
                return answer
            answer, raw = raw[20:size], raw[(size + 3) & ~3 :]


def family_of(sock, name):
    attrs = ask(sock, message(GENL_CTRL, GET_FAMILY, attr(2, name + b"\0")))
    while attrs:
        size, kind = struct.unpack_from("=HH", attrs)
        if kind == 1:
            return struct.unpack_from("=H", attrs, 4)[0]
        attrs = attrs[(size + 3) & ~3 :]
    sys.exit(1)


def main():
    device, option, value = sys.argv[1:]
    kind, data = (NLA_STRING, value.encode() + b"\0") if option == "mode" else (NLA_U32, struct.pack("=I", socket.if_nametoindex(value)))
    item = attr(1, option.encode() + b"\0") + attr(3, bytes([kind])) + attr(4, data)
    options = attr(2 | NESTED, attr(1 | NESTED, item))
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16) as sock:
        ask(sock, message(family_of(sock, b"team"), 1, attr(1, struct.pack("=I", socket.if_nametoindex(device))) + options))


main()
