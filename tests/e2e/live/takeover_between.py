"""One between two instances of a takeover, for live-takeover.sh: it listens in the place of the control socket SOCKET, which it names
SOCKET.real meanwhile, and passes on what the two say, descriptors too.
takeover_between.py damage SEED ROUNDS SOCKET COMMAND…   in each round changes bytes, lengths, numbers, descriptors or the file: COMMAND,
                                                          which takes over, has to end with a line and status 2
takeover_between.py kill WHO STEP SOCKET COMMAND…        once that step is reached, kills -9: new, new-service, old, old-service; stop:
                                                          old-service, whose parent was stopped before it could hear that YOURS is said
Who is between the two says what it wants in a message, and sometimes no message: the head of a damaged one is another, too. With LENT in the environment LENT messages follow hello, with WIRE those of connections in the wire. Steps are what has passed: begin, hello, kernel, parts, part, early, count, more, advance, now, luggage, ready, yours. Prints COMMAND's exit status; `runs`: it goes on."""
import array
import contextlib
import mmap
import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

MORE, EARLY, PARTS = (struct.pack("<I", word) for word in (4, 5, 6))
LENT = "LENT" in os.environ  # LENT messages follow hello, not KERNEL
WIRE = "WIRE" in os.environ  # the same of WIRE messages
SPECIAL = (0, 1, 2, 0x7F, 0xFF, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 33, 1 << 63, (1 << 64) - 1)


def send(to, data, fds=()):
    if data:
        with_fds = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        sent = to.sendmsg([data], with_fds)
        to.sendall(data[sent:])
    for fd in fds:
        os.close(fd)


def receive(of):
    data, fds, _, _ = socket.recv_fds(of, 1 << 16, 64)
    return data, list(fds)


class Raw(bytes):
    """Bytes that are sent without a head."""


def message(data):
    return data if isinstance(data, Raw) or not data else struct.pack("<I", len(data)) + data


def hear_message(of):
    """Return a message's body and descriptors, which come with its head; nothing: it has ended."""
    head, fds, _, _ = socket.recv_fds(of, 4, 128)
    while len(head) < 4:
        more = of.recv(4 - len(head))
        if not more:
            return b"", list(fds)
        head += more
    left, data = struct.unpack("<I", head)[0], b""
    while left:
        some = of.recv(left)
        if not some:
            return b"", list(fds)
        data += some
        left -= len(some)
    return data, list(fds)


def flip(r, data):
    """Return other bytes: one of them, a number, fewer or more; or no message: another length, or cut."""
    raw, data = isinstance(data, Raw), bytearray(data)
    if not data:
        return b"\0"
    how, at = r.randrange(6 if raw else 8), r.randrange(len(data))
    if how < 2:
        data[at] ^= 1 << r.randrange(8)
    elif how < 4 and len(data) >= 8:
        at = at // 8 * 8 if at // 8 * 8 + 8 <= len(data) else 0
        data[at : at + 8] = struct.pack("<Q", r.choice(SPECIAL))
    elif how == 4:
        data = data[: r.randrange(len(data))]
    elif how == 6:
        return Raw(struct.pack("<I", r.choice((0, 1 << 16, (1 << 20) + 1, 1 << 31, (1 << 32) - 1))) + data)
    elif how == 7:
        return Raw(message(bytes(data))[: r.randrange(4 + len(data))])
    else:
        data[at:at] = os.urandom(r.choice((8, 1 << 14)))
    return Raw(data) if raw else bytes(data)


def other_descriptor(r, fd):
    kind = r.randrange(4)
    made = [lambda: os.memfd_create("other"), lambda: os.open("/dev/null", os.O_RDWR), lambda: os.dup(0),
            lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).detach()][kind]()
    if kind == 0:
        os.ftruncate(made, 1 << 16)
    os.close(fd)
    return made


class Between:
    """Passes on what the new one and the old one say; hear() is asked at each step with what was said, and may change it."""

    def __init__(self, path, hear):
        self.path, self.hear, self.ended, self.file = path, hear, False, None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            self.pass_on()
        except (OSError, struct.error, ValueError, IndexError):
            pass
        for s in self.all:
            s.close()
        if self.file is not None:
            os.close(self.file)
        self.ended = True

    def say(self, to, said, data, fds):
        """Pass it on as hear() wants it; who gets less waits no longer than for the end."""
        changed, fds = self.hear(said, data, fds)
        send(to, message(changed), fds)
        if len(changed) < len(data) or isinstance(changed, Raw) > isinstance(data, Raw):
            raise ValueError

    def pass_on(self):
        self.all = [self.listener]
        ask, _ = self.listener.accept()
        self.all.append(ask)
        question, fds = receive(ask)
        new = socket.socket(fileno=fds[0])
        real = socket.socket(socket.AF_UNIX)
        real.connect(self.path + ".real")
        old, its = socket.socketpair()
        self.all += [new, real, old]
        self.old = old
        send(real, question, [its.detach()])
        self.say(ask, "answer", Raw(receive(real)[0]), [])
        begin, fds = hear_message(new)
        self.file = os.dup(fds[0])
        self.say(old, "begin", begin, fds)
        hello, fds = hear_message(old)
        self.say(new, "hello", hello, fds)
        while old in select.select([new, old], [], [])[0]:  # what follows HELLO, if it judges in the kernel, or with --io xdp
            data, fds = hear_message(old)
            if not data:
                return
            self.say(new, "lent" if LENT else "wire" if WIRE else "kernel", data, fds)
        steps = {MORE: "more", EARLY: "early", PARTS: "parts"}
        while (word := hear_message(new))[0] in steps:
            self.say(old, steps[word[0]], *word)
            if word[0] == MORE:
                self.say(new, "advance", *hear_message(old))
                continue
            if word[0] == PARTS:  # rules without proxies: two numbers, no descriptors behind them
                self.say(new, "part", *hear_message(old))
                continue
            count = hear_message(old)[0]
            self.say(new, "count", count, [])
            for _ in range(struct.unpack("<I", count)[0]):
                self.say(new, "early-port", *hear_message(old))
        self.say(old, "now", *word)
        said = "luggage"
        while True:
            for s in select.select([new, old], [], [])[0]:
                data, fds = hear_message(s)
                if not data:
                    return
                if s is new:
                    said = "yours"
                    self.say(old, "ready", data, fds)
                else:
                    self.say(new, said, data, fds)
                    if said == "luggage":
                        said = "port"


class Damage:
    TARGETS = ("answer", "hello", "hello", "hello-fds", "program", "hops", "part", "advance", "flows", "flows", "count", "early-port", "early-port-fds", "luggage", "luggage", "port", "port", "port-fds",
               "state", "state", "state", "changing")
    IN_KERNEL = ("kernel", "kernel-fds", "kernel", "kernel-fds", "port-fds", "hello", "state", "state")
    WHOLE = ("hello", "hello-fds", "program", "hops", "luggage", "state", "state", "state", "state", "state", "changing")
    XDP = ("lent", "lent-fds", "lent-fds", "port", "port-fds", "port-fds", "hello", "state", "state", "state", "changing")

    WIRED = ("wire", "wire-fds", "wire-fds", "wire-fds", "hello", "state", "state", "state", "state", "changing")

    def __init__(self, seed):
        self.r = random.Random(seed)
        in_kernel = {"kernel": self.IN_KERNEL, "whole": self.WHOLE}
        targets = in_kernel.get(os.environ.get("AS", os.environ.get("EXEC")), self.XDP if LENT else self.WIRED if WIRE else self.TARGETS)
        self.target = targets[seed % len(targets)]
        self.chosen = self.r.randrange(3)

    def in_file(self, parts, changes=1):
        file = self.between.file
        parts = [(at, length) for at, length in parts if length]
        for _ in range(changes if parts else 0):
            at, length = self.r.choice(parts)
            at += self.r.randrange(length)
            if self.r.randrange(2):
                os.pwrite(file, struct.pack("<Q", self.r.choice(SPECIAL))[: self.r.choice((1, 2, 4, 8))], at)
            else:
                os.pwrite(file, bytes([os.pread(file, 1, at)[0] ^ 1 << self.r.randrange(8)]), at)

    def while_read(self, parts):
        def change():
            end = time.monotonic() + 0.2
            try:
                while time.monotonic() < end:
                    self.in_file(parts)
            except OSError:
                pass

        threading.Thread(target=change, daemon=True).start()

    def hear(self, said, data, fds):
        r = self.r
        if said == "ready":  # it has taken all of it: the other one is not told
            return b"", []
        if said == "hello":
            self.program, former, hops = struct.unpack_from("<QQQ", data, 16 + 304 + 32)
            if self.target == "program":
                self.in_file([(0, self.program)], r.randrange(1, 4))
            if self.target == "hops":
                self.in_file([(self.program, former + hops)], r.randrange(1, 4))
        if said == "advance" and self.target == "flows":
            numbers = struct.unpack_from("<4Q", data, 8)
            self.in_file(list(zip(numbers[::2], numbers[1::2])), r.randrange(1, 6))
        if said == "luggage":
            numbers = struct.unpack_from("<2Q", data) + struct.unpack_from("<4Q", data, 32)
            parts = list(zip(numbers[::2], numbers[1::2]))
            if self.target == "state":
                self.in_file(parts, r.randrange(1, 6))
            if self.target == "changing":
                self.while_read(parts)
        if self.target == said and (said != "port" or not self.chosen):
            data = flip(r, data)
        if self.target == said + "-fds" and fds:
            at = r.randrange(len(fds))
            if r.randrange(4):
                fds[at] = other_descriptor(r, fds[at])
            elif r.randrange(2):
                fds.append(os.dup(fds[at]))
            else:
                os.close(fds.pop(at))
        if said == "port":
            self.chosen -= 1
        return data, fds


def damage(seed, rounds, path, command):
    left = 0
    for one in range(seed, seed + rounds):
        d = Damage(one)
        d.between = Between(path, d.hear)
        p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        late = threading.Timer(60, p.kill)
        late.start()
        said = p.communicate()[0]
        late.cancel()
        os.unlink(path)
        if p.returncode != 2 or not said or "Sanitizer" in said or "runtime error" in said:
            print(f"{one} {d.target}: status {p.returncode}: {said}")
        else:
            left += 1
            if os.environ.get("SAY"):
                print(f"# {one} {d.target}: {said.splitlines()[-1]}")
    print(f"{left} of {rounds}")


def service_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return int(f.read().split()[0])


def service_runs(pid):
    """A process whose main thread has ended has its descriptors until the last thread has."""
    with open(f"/proc/{pid}/stat") as f:
        return f.read().rsplit(")", 1)[1].split()[0] != "Z" or len(os.listdir(f"/proc/{pid}/task")) > 1


def kill(who, step, path, command):
    with open(path.replace(".sock", ".state")) as f:
        old = int(f.readline().split()[1])
    service = service_of(old)
    done = threading.Event()

    def end(pid):
        os.kill(pid, signal.SIGKILL)
        done.set()

    def hear(said, data, fds):
        if who == "stop" and said == "ready":
            os.kill(old, signal.SIGSTOP)

            def later():
                time.sleep(0.3)
                end(service)
                while service_runs(service):
                    time.sleep(0.01)
                os.kill(old, signal.SIGCONT)

            threading.Thread(target=later, daemon=True).start()
        if said == step and not done.is_set():
            send_it = {"new": lambda: p.pid, "new-service": lambda: service_of(p.pid), "old": lambda: old, "old-service": lambda: service}
            if who in send_it:
                if step == "ready" and who.startswith("new"):
                    b.old.shutdown(socket.SHUT_RD)  # YOURS finds nobody, as where nobody stands between the two
                end(send_it[who]())
                time.sleep(0.05)
        return data, fds

    b = Between(path, hear)
    p = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    until = time.monotonic() + 60
    while p.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
        if b.ended and done.is_set():
            with open(path.replace(".sock", ".state")) as f:
                if f.readline().split()[1] == str(p.pid):
                    break
    print(p.poll() if p.poll() is not None else "runs")
    b.listener.close()
    with open(path.replace(".sock", ".state")) as f:
        judges = p.poll() is None and f.readline().split()[1] == str(p.pid)
    if p.poll() is None and not judges:  # a machine that is too busy
        p.kill()
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path + ".real" if judges else path)


what, rest = sys.argv[1], sys.argv[2:]
at = rest[2]
os.rename(at, at + ".real")
if what == "damage":
    damage(int(rest[0]), int(rest[1]), at, rest[3:])
else:
    kill(rest[0], rest[1], at, rest[3:])
if not os.path.exists(at) and os.path.exists(at + ".real"):
    os.rename(at + ".real", at)
