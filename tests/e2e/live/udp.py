"""A UDP server that answers with its name and whom it hears, and a client: serve PORT NAME; ask ADDR PORT
[SOURCE-PORT [BYTES,…]], one question a length; flows ADDR PORT FIRST COUNT, one from each source port."""
import socket
import sys


def serve(port, name):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind(("::", int(port)))
    while True:
        # Answers leave from the address that was asked, also where that is one of several.
        data, ancillary, _, peer = receive(s)
        s.sendmsg([f"{name} {peer[0].removeprefix('::ffff:')} {len(data)}".encode()], ancillary, 0, peer)


def receive(s):
    s.setsockopt(socket.IPPROTO_IPV6, 49, 1)  # IPV6_RECVPKTINFO
    data, ancillary, flags, peer = s.recvmsg(65535, 256)
    return data, [(level, 50, value[:16] + bytes(4)) for level, kind, value in ancillary if kind == 50], flags, peer


def ask(address, port, source="0", size="5"):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("", int(source)))
    s.connect((address, int(port)))
    s.settimeout(1)
    return 0 if all([answered(s, int(n)) for n in size.split(",")]) else 1


def flows(address, port, first, count):
    for source in range(int(first), int(first) + int(count)):
        ask(address, port, source)


def answered(s, size):
    for _ in range(5):
        s.send(b"x" * size)
        try:
            print(s.recv(65535).decode())
            return True
        except (TimeoutError, ConnectionRefusedError):
            pass
    return False


sys.exit({"serve": serve, "ask": ask, "flows": flows}[sys.argv[1]](*sys.argv[2:]))
