"""A transfer whose bytes are known (hashed.py), through a proxy to hasher.py: transfer.py WAY HOST PORT BYTES [stall]. WAY: `down`,
`up`, `http-down`, `http-up`, `chunked-down`; in TLS `tls-down`, `tls-http-down`, `tls-http-up`. Prints `whole` where all came as it was, or what did not. `stall`:
he who is to read rests until nothing moves any more; then it prints `stalled N`, the bytes on their way, and goes on once
there is a file `go`."""
import array
import fcntl
import hashlib
import os
import select
import socket
import ssl
import sys
import time

from hashed import hash_of, stream

way, host, port, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
stalls = sys.argv[5:] == ["stall"]


def connect():
    s = socket.create_connection((host, port), 60)
    if not way.startswith("tls-"):
        return s
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(s, server_hostname="a.example")


def rest_until_full(s):
    """Nothing is read. The server is stalled when no byte more comes for half a second."""
    waits, before = array.array("i", [0]), -1
    while waits[0] != before or not before:
        before = waits[0]
        time.sleep(0.5)
        fcntl.ioctl(s, 0x541B, waits)  # FIONREAD
    rest(waits[0])


def rest(moved):
    print("stalled", moved, flush=True)
    while not os.path.exists("go"):
        time.sleep(0.05)


def heads(s, data):
    while b"\r\n\r\n" not in data:
        data += s.recv(65536)
    return data.partition(b"\r\n\r\n")[2]


class Chunks:
    """Takes the sizes of chunks out of a stream."""

    def __init__(self):
        self.left, self.line, self.over = 0, b"", False

    def body(self, data):
        out = []
        while data and not self.over:
            if self.left:
                out.append(data[: self.left])
                data, self.left = data[self.left :], self.left - len(out[-1])
                continue
            line, found, rest = (self.line + data).partition(b"\n")
            self.line, data = (b"", rest) if found else (line, b"")
            if found and line.strip():
                self.left = int(line, 16)
                self.over = self.left == 0
        return b"".join(out)


def down(s):
    kind = way.replace("tls-", "")
    asks = {"down": b"give %d\n", "http-down": b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n", "chunked-down": b"GET /chunked/%d HTTP/1.1\r\nHost: a\r\n\r\n"}
    s.sendall(asks[kind] % count)
    if stalls:
        rest_until_full(s)
    data = s.recv(65536)
    if kind != "down":
        data = heads(s, data)
    chunks, hashed, heard = Chunks() if kind == "chunked-down" else None, hashlib.sha256(), 0
    buffer = bytearray(1 << 18)
    while True:
        data = chunks.body(data) if chunks else data
        hashed.update(data)
        heard += len(data)
        if heard >= count:
            break
        n = s.recv_into(buffer)
        if not n:
            break
        data = bytes(buffer[:n]) if chunks else memoryview(buffer)[:n]
    return heard, hashed.hexdigest()


def send_all(s, part):
    """Or says that it is stalled, after half a second in which nothing could be sent."""
    global stalls, sent
    if not stalls:
        s.sendall(part)
        sent += len(part)
        return
    s.setblocking(False)
    view = memoryview(part)
    while view:
        if not select.select([], [s], [], 0.5)[1]:
            stalls = False
            rest(sent)
            s.settimeout(60)
            s.sendall(view)
            sent += len(view)
            return
        n = s.send(view)
        view, sent = view[n:], sent + n


def up(s):
    global sent
    sent = 0
    first = b"nap" if stalls else b""
    if "http-" in way:
        s.sendall(b"POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % count)
    hashed = hashlib.sha256(first)
    send_all(s, first)
    for part in stream(count - len(first)):
        hashed.update(part)
        send_all(s, part)
    if "http-" not in way:
        s.shutdown(socket.SHUT_WR)
    data = s.recv(65536)
    if "http-" in way:
        data = heads(s, data) or s.recv(65536)
    while not data.endswith(b"\n") and (more := s.recv(65536)):
        data += more
    words = data.split()
    return int(words[-2]), words[-1].decode(), hashed.hexdigest()


with connect() as s:
    if way.endswith("down"):
        heard, got = down(s)
        wanted = hash_of(count)
    else:
        heard, got, wanted = up(s)
print("whole" if (heard, got) == (count, wanted) else f"{heard} of {count}, hash {'equal' if got == wanted else 'other'}")
