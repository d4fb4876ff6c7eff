"""Bytes that are compared one by one: move.py serve PORT; move.py fetch ADDRESS PORT MIB down|up. A connection carries MIB each, from the
server or to it; who takes them compares. `fetch` prints `same`, and how the server saw it named; or what differed, where."""
import os
import random
import socket
import struct
import sys
import threading

SILENT = int(os.environ.get("SILENT", "60"))  # seconds
# A block is repeated; its length divides no power of two, so that a piece that is doubled, lost or moved shows.
BLOCK = {way: random.Random(way).randbytes((1 << 20) + 7) * 2 for way in ("down", "up")}
PERIOD = (1 << 20) + 7


def send(s, way, size):
    block, at = BLOCK[way], 0
    while at < size:
        begin = at % PERIOD
        at += s.send(memoryview(block)[begin : begin + min(1 << 18, size - at)])


def take(s, way, size):
    """Whether they are as they were sent, in words."""
    block, at, into = memoryview(BLOCK[way]), 0, bytearray(1 << 18)
    view = memoryview(into)
    while at < size:
        n = s.recv_into(view[: min(len(into), size - at)])
        if n == 0:
            return f"ended after {at} of {size} bytes"
        begin = at % PERIOD
        if view[:n] != block[begin : begin + n]:
            first = next(i for i in range(n) if into[i] != block[begin + i])
            return f"differs at byte {at + first}"
        at += n
    return "same"


def line_of(s):
    line = b""
    while not line.endswith(b"\n"):
        more = s.recv(1)
        if not more:
            return "the end"
        line += more
    return line.decode().strip()


def answer(s, peer):
    s.settimeout(SILENT)
    try:
        way, size = struct.unpack("!4sQ", s.recv(12, socket.MSG_WAITALL))
        if way == b"down":
            send(s, "down", size)
            said = line_of(s)
        else:
            said = take(s, "up", size)
        s.sendall(f"{said} {peer[0]}\n".encode())
    except (OSError, struct.error) as e:
        print(f"{peer}: {e}", flush=True)
    s.close()


def serve(port):
    listener = socket.create_server(("0.0.0.0", int(port)), backlog=64)
    while True:
        s, peer = listener.accept()
        threading.Thread(target=answer, args=(s, peer), daemon=True).start()


def fetch(address, port, mib, way):
    size = int(mib) << 20
    try:
        with socket.create_connection((address, int(port)), timeout=SILENT) as s:
            s.settimeout(SILENT)
            s.sendall(struct.pack("!4sQ", way.encode(), size))
            if way == "down":
                said = take(s, "down", size)
                s.sendall(f"{said}\n".encode())
            else:
                send(s, "up", size)
            print(line_of(s))
    except OSError as e:
        print(f"failed: {e}")


{"serve": serve, "fetch": fetch}[sys.argv[1]](*sys.argv[2:])
