"""Clients that break off, stall or never read, in the wire: wire_broken.py CASE ADDRESS [ARGUMENT]; says what became of them."""
import contextlib
import socket
import sys
import time

TO = (sys.argv[2], 80)


def connected():
    s = socket.create_connection(TO, 60)
    s.settimeout(60)
    return s


def everything(s):
    got = b""
    try:
        while part := s.recv(65536):
            got += part
    except ConnectionResetError:
        return "reset"
    return got


def sum_of(text):
    return b"%02d" % (sum(text) % 100)


def instructed():
    """An instruction in two pieces, cut at each byte: it reaches the pool, and is taken off. One that ends there reaches nothing."""
    target = sys.argv[3].encode()
    said = b"%02d" % (len(target) + 4) + target
    said += sum_of(said)
    request = b"GET /at HTTP/1.0\r\n\r\n"
    whole, broken = set(), set()
    ends = []
    for cut in range(1, len(said)):
        s = connected()
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.sendall(said[:cut])
        t = connected()
        t.sendall(said[:cut])
        with contextlib.suppress(OSError):  # it may be reset already
            t.shutdown(socket.SHUT_WR)
        ends.append((s, t, said[cut:] + request))
    time.sleep(0.3)  # none of them waits for it: what they have said is no whole instruction
    for s, t, rest in ends:
        s.sendall(rest)
    for s, t, _ in ends:
        got = everything(s)
        whole.add(got if got == "reset" else got.split(b"\r\n")[-1].decode().strip())
        got = everything(t)
        broken.add(got if got == "reset" else got.decode()[:20])
    return f"{sorted(whole)} {sorted(broken)}"


def shouts():
    """A client that sends as long as somebody takes it."""
    s = connected()
    sent = 0
    try:
        while True:
            sent += s.send(bytes(65536))
    except ConnectionResetError:
        return f"reset {sent < 30_000_000}"
    except TimeoutError:
        return "late"


def silent():
    """One that does not read for a while, and then so much, and closes."""
    s = connected()
    time.sleep(1)
    got = 0
    while got < 5_000_000:
        part = s.recv(65536)
        if not part:
            return "closed"
        got += len(part)
    return "enough"


def hears():
    try:
        s = connected()
        s.sendall(b"hello")
        got = everything(s)
        return got if got == "reset" else got.decode()
    except ConnectionResetError:
        return "reset"


print(globals()[sys.argv[1]]())
