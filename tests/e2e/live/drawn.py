"""Drawn conversations over TCP: drawn.py serve HOST PORT | talk HOST PORT FIRST COUNT AT_ONCE [BYTES]. The number of a conversation
says all of it: who speaks, how much, in what pieces, where it pauses, which half ends first. `talk` begins those from FIRST on and
prints how many of them went well at both ends, byte by byte, and the first that did not. With EARLY=1 in the environment of both, servers
speak from the beginning, and clients say who they are some time later, in pieces."""
import os
import random
import socket
import struct
import sys
import threading
import time

KIND, HOST, PORT = sys.argv[1], sys.argv[2], int(sys.argv[3])
MOST = int(sys.argv[7]) if len(sys.argv) > 7 else 300_000
FAMILY = socket.AF_INET6 if ":" in HOST else socket.AF_INET
HELLO = struct.Struct("!4sIII")  # a word by which services choose, number, bytes at most, zero


def stream(number, side, count):
    return random.Random(f"{number} {side}").randbytes(count)


class Half:
    """What one side of a conversation sends: pieces, and a pause before some of them."""

    def __init__(self, number, side, most):
        draw = random.Random(f"{number} {side} pieces")
        self.count = draw.choice([0, 1, draw.randrange(2000), draw.randrange(most), draw.randrange(most)])
        self.bytes = stream(number, side, self.count)
        self.pieces, at = [], 0
        size = draw.choice([100, 1448, 9000, 65536])
        while at < self.count:
            step = 1 + draw.randrange(size)
            self.pieces.append((at, step, draw.random() < 0.02 and draw.random() * 0.05))
            at += step
        self.waits = draw.random() < 0.3  # ends its half only once the other side has
        self.reads_late = draw.random() < 0.2 and draw.random() * 0.3


EARLY = bool(os.environ.get("EARLY"))


class Early(Half):
    """What a server says before it knows the number of the conversation: the client's port says it."""

    def __init__(self, port):
        if EARLY:
            super().__init__(f"port {port}", "early", MOST)
        else:
            self.count, self.bytes, self.pieces = 0, b"", []


def write(s, half):
    for at, step, pause in half.pieces:
        if pause:
            time.sleep(pause)
        s.sendall(half.bytes[at : at + step])


def say_hello(s, number):
    hello = HELLO.pack(b"DRAW", number, MOST, 0)
    if EARLY:
        draw = random.Random(f"{number} hello")
        time.sleep(draw.random() * 0.04)
        part = draw.choice([0, 0, 2, 4, 9])
        s.sendall(hello[:part])
        time.sleep(part and draw.random() * 0.02)
        hello = hello[part:]
    s.sendall(hello)


def send(s, half, over, number=None):
    if number is not None:
        say_hello(s, number)
    write(s, half)
    if half.waits:
        over.wait(30)
    s.shutdown(socket.SHUT_WR)


def hold(s, mine, theirs, number=None, early=b""):
    """Both ways at once, a client's number first. True if all that the other side sends has come, and nothing else; early: before that."""
    over = threading.Event()
    sender = threading.Thread(target=send, args=(s, mine, over, number), daemon=True)
    sender.start()
    if mine.reads_late:
        time.sleep(mine.reads_late)
    parts, count = [], -len(early)
    while part := s.recv(1 << 16):
        parts.append(part)
        count += len(part)
        if count >= theirs.count:
            over.set()
    over.set()
    sender.join(60)
    return b"".join(parts) == early + theirs.bytes and not sender.is_alive()


def exactly(s, count):
    got = b""
    while len(got) < count:
        part = s.recv(count - len(got))
        if not part:
            raise EOFError
        got += part
    return got


def both(number, most):
    """Halves of client and server. One that waits for the other to end must not meet its like."""
    client, server = Half(number, "client", most), Half(number, "server", most)
    server.waits = server.waits and not client.waits
    return client, server


def serve():
    listener = socket.create_server((HOST, PORT), family=FAMILY, backlog=512)
    print("listens", flush=True)

    def one(s):
        try:
            s.settimeout(60)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            early = threading.Thread(target=write, args=(s, Early(s.getpeername()[1])), daemon=True)
            early.start()
            _, number, most, _ = HELLO.unpack(exactly(s, HELLO.size))
            early.join(60)
            client, server = both(number, most)
            good = hold(s, server, client)
            sys.stdout.write(f"{number} whole\n" if good else f"{number} torn\n")
            sys.stdout.flush()
        except (OSError, EOFError) as e:
            print("failed", e, flush=True)
        s.close()

    while True:
        threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()


def talk():
    first, count, at_once = (int(a) for a in sys.argv[4:7])
    numbers, good, bad, lock = iter(range(first, first + count)), [], [], threading.Lock()

    def conversation(number):
        client, server = both(number, MOST)
        with socket.socket(FAMILY, socket.SOCK_STREAM) as s:
            s.settimeout(60)
            s.connect((HOST, PORT))
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return hold(s, client, server, number, Early(s.getsockname()[1]).bytes)

    def work():
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            try:
                whole, why = conversation(number), "bytes differ"
            except OSError as e:
                whole, why = False, e
            with lock:
                (good if whole else bad).append((number, why))

    threads = [threading.Thread(target=work) for _ in range(at_once)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    print(f"{len(good)} of {count}", *(f"{n}: {why}" for n, why in sorted(bad)[:3]))


{"serve": serve, "talk": talk}[KIND]()
