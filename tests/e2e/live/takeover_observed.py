"""Observed connections across takeovers, for live-takeover-observe.sh:
takeover_observed.py serve              HTTP on ports 80, 8080 and 8081, of connections that are kept alive: /bytes/N answers N bytes
takeover_observed.py talk FOLDER ADDRESS GUARDED
    keeps twelve connections busy, opens others for one request each, and where the file `step-K` is there sends half a request line by
    three (HOLDS=no: one, to a service that holds nothing back), whose rest follows with the file `over-K`, until the file `enough` is there (PAUSE: seconds between the requests of a busy one). What each end has sent lies in FOLDER then.
takeover_observed.py check FOLDER       is that what was written down? prints `all: N connections`, or what is missing"""
import collections
import glob
import json
import os
import random
import socket
import struct
import sys
import threading
import time

STREAMED, CAPTURED, GUARDED = 80, 8080, 8081


# ---- the server ----


def request(f):
    """Return a request's path, without its body; None: there is no more."""
    line = f.readline()
    length = 0
    while line and (head := f.readline().strip()):
        if head.lower().startswith(b"content-length:"):
            length = int(head.split(b":")[1])
    if not line or len(f.read(length)) < length:
        return None
    return line.split()[1]


def serve():
    def one(s):
        f = s.makefile("rb")
        try:
            while (path := request(f)) is not None:
                body = os.urandom(int(path.split(b"/")[-1])) if path.startswith(b"/bytes/") else b"good\n"
                s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        except OSError:
            pass  # it was reset
        f.close()
        s.close()

    def accept(port):
        listener = socket.create_server(("", port), backlog=100)
        while True:
            threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()

    for port in (STREAMED, CAPTURED, GUARDED):
        threading.Thread(target=accept, args=(port,), daemon=True).start()
    time.sleep(0.2)
    print("listens", flush=True)
    threading.Event().wait()


# ---- clients ----


class Connection:
    def __init__(self, folder, address, port):
        self.s = socket.create_connection((address, port), 60)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # the rest follows though nothing is acknowledged
        self.name = os.path.join(folder, f"{self.s.getsockname()[1]}-{port}")
        self.f = self.s.makefile("rb")
        self.sent, self.got = [], []

    def send(self, data):
        self.s.sendall(data)
        self.sent.append(data)

    def answer(self):
        length = 0
        while line := self.f.readline():
            self.got.append(line)
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
            if line == b"\r\n":
                break
        body = self.f.read(length)
        self.got.append(body)
        assert line and len(body) == length, f"{self.name}: it ended in an answer"

    def ask(self):
        body = os.urandom(random.choice((0, 50, 5000)))
        self.send(b"POST /bytes/%d HTTP/1.1\r\nHost: a.test\r\nContent-Length: %d\r\n\r\n" % (random.choice((0, 100, 30000)), len(body)) + body)
        self.answer()

    def end(self):
        self.f.close()
        self.s.shutdown(socket.SHUT_WR)
        assert not self.s.recv(1)
        self.s.close()
        for half, data in ("client", self.sent), ("server", self.got):
            with open(f"{self.name}.{half}", "wb") as f:
                f.write(b"".join(data))


def until(name):
    end = time.monotonic() + 300
    while not os.path.exists(name) and not os.path.exists("enough"):
        assert time.monotonic() < end, name
        time.sleep(0.01)
    return os.path.exists(name)


def talk(folder, address, guarded_at):
    faults, said = [], collections.Counter()

    def guarded(work):
        def run(*args):
            try:
                work(*args)
            except (OSError, AssertionError) as e:
                faults.append(repr(e))
                print("#", repr(e), flush=True)

        return run

    @guarded
    def busy(port):
        c = Connection(folder, address, port)
        said["busy"] += 1
        while not os.path.exists("enough"):
            c.ask()
            time.sleep(float(os.environ.get("PAUSE", "0.002")))
        c.end()

    @guarded
    def short(port):
        while not os.path.exists("enough"):
            c = Connection(folder, address, port)
            c.ask()
            c.end()
            said["short"] += 1
            time.sleep(0.05)

    @guarded
    def halves():
        k = 1
        while until(f"step-{k}"):
            ends = (address, STREAMED), (guarded_at, GUARDED), (guarded_at, GUARDED)
            three = [Connection(folder, a, p) for a, p in ends[: 1 if os.environ.get("HOLDS") == "no" else 3]]
            paths = b"/half", b"/good", b"/bad"
            for c, path in zip(three, paths):
                c.send(b"GET " + path[:-1])
            print(f"half {k}", flush=True)
            until(f"over-{k}")
            for c, path in zip(three, paths):
                c.send(path[-1:] + b" HTTP/1.1\r\nHost: h.test\r\n\r\n")
            for c in three[:2]:
                c.answer()
                c.end()
            k += 1
            if len(three) == 1:
                continue
            try:
                assert not three[2].s.recv(1), "a bad one was answered"
                raise AssertionError("a bad one was closed")
            except ConnectionResetError:
                said["reset"] += 1

    threads = [threading.Thread(target=busy, args=((STREAMED, CAPTURED)[i % 2],)) for i in range(12)]
    threads += [threading.Thread(target=short, args=(p,)) for p in (STREAMED, CAPTURED)] + [threading.Thread(target=halves)]
    for t in threads:
        t.start()
    while said["busy"] < 12 and not faults:
        time.sleep(0.01)
    print("open", flush=True)
    for t in threads:
        t.join()
    print(f"{len(faults)} faults, {said['reset']} were reset, short: {said['short'] > 10}")


# ---- what was written down ----


def blocks(path):
    """Return the frames of a capture."""
    with open(path, "rb") as f:
        data = f.read()
    at, frames = 0, []
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        if kind == 6:
            captured = struct.unpack_from("<I", data, at + 20)[0]
            frames.append(data[at + 28 : at + 28 + captured])
        assert length >= 12 and length % 4 == 0, path
        at += length
    return frames


def captured(folder):
    """Return the bytes and the number of SYNs of each half, by the client's port and the half."""
    halves, syns = collections.defaultdict(dict), collections.Counter()
    for path in glob.glob(os.path.join(folder, "*.pcapng")):
        for frame in blocks(path):
            ip = frame[14:]
            tcp = ip[(ip[0] & 15) * 4 : struct.unpack_from("!H", ip, 2)[0]]
            source, target, seq = struct.unpack_from("!HHI", tcp)
            half = "client" if target == CAPTURED else "server"
            port = source if half == "client" else target
            syns[port, half] += tcp[13] >> 1 & 1
            if bytes_of := tcp[(tcp[12] >> 4) * 4 :]:
                halves[port, half][seq] = bytes_of
    joined = {}
    for key, parts in halves.items():
        at, whole = 1, []
        for seq in sorted(parts):
            if seq != at:
                whole.append(b"a hole")
            whole.append(parts[seq])
            at = seq + len(parts[seq])
        joined[key] = b"".join(whole)
    return joined, syns


def part_of(path):
    name = path.split(".part")
    return int(name[1].split(".")[0]) if len(name) > 1 else 1


def check(folder):
    lines = collections.defaultdict(list)
    for path in glob.glob("*.jsonl*"):
        for line in open(path):
            s = json.loads(line)
            lines[s["client_port"], s["server_port"]].append(s)
    joined, syns = captured("captured")
    faults, count, most = [], 0, 0
    for path in glob.glob(os.path.join(folder, "*.client")):
        port, to = (int(n) for n in os.path.basename(path).split(".")[0].split("-"))
        count += 1
        here = lines[port, to]
        if [s["why"] for s in here] != ["closed"]:
            faults.append(f"{port}-{to}: {[s['why'] for s in here]}")
            continue
        s = here[0]
        with open(path, "rb") as f:
            first = f.readline().split()
        if s.get("path", "").encode() != first[1] or s.get("method", "").encode() != first[0] or s.get("status") != 200 or s.get("midstream"):
            faults.append(f"{port}-{to}: {s}")
        for half in "client", "server":
            with open(f"{path[:-7]}.{half}", "rb") as f:
                said = f.read()
            told = s[f"from_{half}"]
            if told["bytes"] != len(said) or told["holes"] or "gaps" in s or "lost_bytes" in s:
                faults.append(f"{port}-{to}, {half}: {len(said)} bytes, but {s}")
            if to == STREAMED:
                parts = sorted(glob.glob(f"bytes/*-{port}-*-{to}*.{half}"), key=part_of)
                most = max(most, len(parts))
                if b"".join(open(p, "rb").read() for p in parts) != said:
                    faults.append(f"{port}-{to}, {half}: other bytes in {parts}")
            if to == CAPTURED and (joined.get((port, half)) != said or syns[port, half] != 1):
                faults.append(f"{port}-{to}, {half}: other bytes in captures, {syns[port, half]} SYN")
    for (port, to), here in lines.items():
        if len(here) > 1:
            faults.append(f"{port}-{to}: {len(here)} lines")
    bad = [s for (_, to), all_of in lines.items() for s in all_of if to == GUARDED and s["why"] == "rejected" and s["path"] == "/bad"]
    for f in faults[:20]:
        print("#", f)
    print(f"{'all' if count > 20 and not faults else len(faults)}: parts: {most}, rejected: {len(bad)}, of {count > 20}")


if sys.argv[1] == "serve":
    serve()
elif sys.argv[1] == "talk":
    talk(*sys.argv[2:])
else:
    check(sys.argv[2])
