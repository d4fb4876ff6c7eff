"""Connections that are all open at once. serve PORT: echoes, and answers requests of HTTP with one byte; several may serve one port. ask ADDR
PORT COUNT SOURCE FIRST [http]: COUNT connections from the ports FIRST and on, at most 500 begun at a time (`http`: each asks once); prints
`open N`; when there is a file `go`, asks once on each: `answered N`. Ends with its input. short ADDR PORT COUNT SOURCES [http]: COUNT
connections from these addresses in turn (commas between them), 64 at a time, each asks once, ends, and reads to the end: `answered N`."""
import os
import resource
import select
import socket
import sys
import time

QUESTION = {"plain": b"?", "http": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"}
ANSWER = {"plain": b"?", "http": b"HTTP/1.1 200 "}
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def serve(port):
    listening = socket.create_server(("::", int(port)), family=socket.AF_INET6, dualstack_ipv6=True, backlog=4096, reuse_port=True)
    poll, socks = select.epoll(), {}
    poll.register(listening.fileno(), select.EPOLLIN)
    print("ready", flush=True)
    while True:
        for fd, _ in poll.poll(maxevents=512):
            if fd == listening.fileno():
                one, _ = listening.accept()
                socks[one.fileno()] = one
                poll.register(one.fileno(), select.EPOLLIN)
                continue
            try:
                data = socks[fd].recv(2000)
                answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n?" if data.startswith(b"GET ") else data
                answer and socks[fd].send(answer)
            except OSError:
                data = b""
            if not data:
                socks.pop(fd).close()


class Asker:
    def __init__(self, to, kind):
        self.to, self.kind, self.poll, self.socks = to, kind, select.epoll(), {}

    def begin(self, source, port):
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((source, port))
        s.setblocking(False)
        s.connect_ex(self.to)
        self.poll.register(s.fileno(), select.EPOLLOUT)
        return s

    def open(self, count, source, port):
        begun, pending = 0, {}
        end = time.monotonic() + 300
        while (begun < count or pending) and time.monotonic() < end:
            while begun < count and len(pending) < 500:
                s = self.begin(source, port + begun)
                pending[s.fileno()] = s
                begun += 1
            for fd, events in self.poll.poll(1, 512):
                s = pending.pop(fd)
                if events & (select.EPOLLERR | select.EPOLLHUP):
                    self.poll.unregister(fd)
                    continue
                self.poll.modify(fd, select.EPOLLIN)
                self.socks[fd] = s
        return len(self.socks)

    def ask(self):
        """At most 64 questions under way."""
        answered, waiting, todo = 0, set(), list(self.socks)
        end = time.monotonic() + 120
        while (todo or waiting) and time.monotonic() < end:
            while todo and len(waiting) < 64:
                fd = todo.pop()
                waiting.add(fd)
                try:
                    self.socks[fd].send(QUESTION[self.kind])
                except OSError:
                    waiting.discard(fd)
            for fd, _ in self.poll.poll(1, 512):
                try:
                    answered += fd in waiting and self.socks[fd].recv(4096).startswith(ANSWER[self.kind])
                except OSError:
                    self.poll.unregister(fd)
                waiting.discard(fd)
        return answered


def ask(address, port, count, source, first, kind="plain"):
    asker = Asker((address, int(port)), kind)
    opened = asker.open(int(count), source, int(first))
    print("open", min(opened, asker.ask()), flush=True)
    while not os.path.exists("go"):
        time.sleep(0.1)
    print("answered", asker.ask(), flush=True)
    sys.stdin.read()


class Short:
    def __init__(self, to, sources, kind):
        self.to, self.sources, self.kind, self.poll, self.open = to, sources, kind, select.epoll(), {}
        self.begun = self.answered = 0

    def begin(self):
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        s.bind((self.sources[self.begun % len(self.sources)], 0))
        s.setblocking(False)
        s.connect_ex(self.to)
        self.begun += 1
        self.open[s.fileno()] = [s, False, b""]
        self.poll.register(s.fileno(), select.EPOLLOUT)

    def step(self, fd):
        one = self.open[fd]
        s, asked, heard = one
        data = b""
        try:
            if not asked:
                s.send(QUESTION[self.kind])
                s.shutdown(socket.SHUT_WR)
                one[1] = True
                self.poll.modify(fd, select.EPOLLIN)
                return
            data = s.recv(4096)
        except OSError:
            heard = b""
        one[2] = heard + data
        if not data:
            self.answered += heard.startswith(ANSWER[self.kind])
            self.open.pop(fd)[0].close()

    def run(self, count):
        while self.begun < count or self.open:
            while self.begun < count and len(self.open) < 64:
                self.begin()
            for fd, _ in self.poll.poll(20, 64):
                self.step(fd)
        return self.answered


def short(address, port, count, sources, kind="plain"):
    print("answered", Short((address, int(port)), sources.split(","), kind).run(int(count)), flush=True)


{"serve": serve, "ask": ask, "short": short}[sys.argv[1]](*sys.argv[2:])
