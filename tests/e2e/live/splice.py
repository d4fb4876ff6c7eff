"""A server and clients of live-splice.sh.

splice.py serve HOST PORT...          answers a line with what it asks for, until its client ends; says how each connection ended
splice.py moves HOST PORT N UP DOWN [FIRST]   N connections at once carry so many bytes each way, with pauses; FIRST goes before all else
splice.py speaks HOST PORT PAUSE TIMES        says a line after each pause
splice.py holds HOST PORT THEN [FIRST]        one that is silent until SIGUSR1, and then does THEN: ping, half, reset or where;
                                              move:UP:DOWN carries so much, says `exact`, and waits for its end
"""
import hashlib
import os
import random
import signal
import socket
import struct
import sys
import threading
import time

GREETED = 80  # at this port the server speaks first


def first_of(words):
    """What goes before all else: a line, or an instruction, to:ADDRESS:PORT."""
    if not words:
        return b""
    if not words[0].startswith("to:"):
        return words[0].encode() + b"\n"
    target = words[0][3:].encode()
    said = b"%02d" % (len(target) + 4) + target
    return said + b"%02d" % (sum(said) % 100)


def connected(host, port, first=b""):
    s = socket.create_connection((host, port), 60)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if first:
        s.sendall(first)
    if port == GREETED and s.recv(3, socket.MSG_WAITALL) != b"hi\n":
        raise ValueError("not greeted")
    return s


def send_all(s, count, seed):
    """Pieces of any length, some after a pause."""
    r, digest = random.Random(seed), hashlib.sha256()
    while count:
        piece = r.randbytes(min(count, r.choice([1, 100, 1448, 20000, 200000])))
        s.sendall(piece)
        digest.update(piece)
        count -= len(piece)
        if r.random() < 0.1:
            time.sleep(r.random() * 0.05)
    return digest.hexdigest()


def take_all(f, count):
    digest = hashlib.sha256()
    while count:
        piece = f.read(min(count, 65536))
        if not piece:
            raise ValueError(f"cut, {count} bytes before the end")
        digest.update(piece)
        count -= len(piece)
    return digest.hexdigest()


def both_ways(s, f, take, give, seed):
    """Send and take at once. Return the digests of what was sent and of what came."""
    sent = []
    sender = threading.Thread(target=lambda: sent.append(send_all(s, give, seed)))
    sender.start()
    came = take_all(f, take)
    sender.join()
    return sent[0], came


def serve_one(s, peer, port):
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if port == GREETED:
        s.sendall(b"hi\n")
    f, how = s.makefile("rb"), "ended"
    try:
        for line in f:
            words = line.split()
            if words[0] == b"move":
                sent, came = both_ways(s, f, int(words[1]), int(words[2]), peer[1])
                s.sendall(f"{sent} {came}\n".encode())
            elif words[0] == b"pool":
                continue
            elif words[0] == b"where":
                s.sendall(s.getsockname()[0].replace("::ffff:", "").encode() + b"\n")
            else:
                s.sendall(line)
        s.sendall(b"bye\n")
        s.close()
    except ConnectionError:
        how = "reset"
    print(f"{port} {how}\n", end="", flush=True)  # whole, beside other threads


def serve(ports):
    for port in ports:
        listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=100)

        def run(listener=listener, port=port):
            while True:
                s, peer = listener.accept()
                threading.Thread(target=serve_one, args=(s, peer, port), daemon=True).start()

        threading.Thread(target=run, daemon=True).start()
    print("listens", flush=True)
    while True:
        signal.pause()


def moves(host, port, count, up, down, first):
    good = []

    def one(i):
        s = connected(host, port, first)
        f = s.makefile("rb")
        s.sendall(f"move {up} {down}\n".encode())
        sent, came = both_ways(s, f, down, up, i)
        same = f.readline().split() == [came.encode(), sent.encode()]
        s.shutdown(socket.SHUT_WR)
        good.append(same and f.read() == b"bye\n")

    all_of = [threading.Thread(target=one, args=(i,)) for i in range(count)]
    for t in all_of:
        t.start()
    for t in all_of:
        t.join()
    return f"{sum(good)} of {count} exact"


def moved(s, f, up, down):
    s.sendall(f"move {up} {down}\n".encode())
    sent, came = both_ways(s, f, down, up, up)
    print("exact" if f.readline().split() == [came.encode(), sent.encode()] else "other bytes", flush=True)
    s.settimeout(300)
    try:
        return "spoken to" if s.recv(1) else "closed"
    except ConnectionResetError:
        return "reset"


def holds(host, port, then, first):
    told = []
    signal.signal(signal.SIGUSR1, lambda *_: told.append(1))
    s = connected(host, port, first)
    f = s.makefile("rb")
    print("open", flush=True)
    s.settimeout(0.05)
    while not told:
        try:
            return "closed" if not s.recv(1) else "spoken to"
        except TimeoutError:
            continue
        except ConnectionResetError:
            return "reset"
    s.settimeout(60)
    if then.startswith("move:"):
        return moved(s, f, *(int(n) for n in then.split(":")[1:]))
    s.sendall(b"where\n" if then == "where" else b"ping\n")
    got = f.readline().decode().strip()
    if then == "half":
        s.shutdown(socket.SHUT_WR)
        return f"{got} {f.readline().decode().strip()} {f.read(1)}"
    if then == "reset":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return got
    s.shutdown(socket.SHUT_WR)
    f.read()
    return got


def speaks(host, port, pause, times):
    s = connected(host, port)
    f = s.makefile("rb")
    answered = 0
    for _ in range(times):
        s.sendall(b"ping\n")
        answered += f.readline() == b"ping\n"
        time.sleep(pause)
    s.shutdown(socket.SHUT_WR)
    f.read()
    return f"answered {answered}"


def main(what, *words):
    if what == "serve":
        serve([int(w) for w in words])
    elif what == "moves":
        host, port, count, up, down, *first = words
        print(moves(host, int(port), int(count), int(up), int(down), first_of(first)))
    elif what == "speaks":
        host, port, pause, times = words
        print(speaks(host, int(port), float(pause), int(times)))
    else:
        host, port, then, *first = words
        print(holds(host, int(port), then, first_of(first)))


if len(sys.argv) < 3:
    sys.exit(os.EX_USAGE)
main(*sys.argv[1:])
