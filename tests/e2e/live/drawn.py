"""Drawn conversations over TCP: drawn.py serve HOST PORT | talk HOST PORT FIRST COUNT AT_ONCE [BYTES]. The number of a conversation
says all of it: who speaks, how much, in what pieces, where it pauses, which half ends first. `talk` begins those from FIRST on and
prints how many of them went well at both ends, byte by byte, and the first that did not."""
import hashlib
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


def send(s, half, over):
    for at, step, pause in half.pieces:
        if pause:
            time.sleep(pause)
        s.sendall(half.bytes[at : at + step])
    if half.waits:
        over.wait(30)
    s.shutdown(socket.SHUT_WR)


def hold(s, mine, theirs, got=b""):
    """Both ways at once. True if all that the other side sends has come, and nothing else."""
    over = threading.Event()
    sender = threading.Thread(target=send, args=(s, mine, over), daemon=True)
    sender.start()
    if mine.reads_late:
        time.sleep(mine.reads_late)
    parts, count = [got], len(got)
    while part := s.recv(1 << 16):
        parts.append(part)
        count += len(part)
        if count >= theirs.count:
            over.set()
    over.set()
    sender.join(60)
    return b"".join(parts) == theirs.bytes and not sender.is_alive()


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
            _, number, most, _ = HELLO.unpack(exactly(s, HELLO.size))
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
            s.sendall(HELLO.pack(b"DRAW", number, MOST, 0))
            return hold(s, client, server)

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
