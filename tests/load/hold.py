"""Connections that are all open at once. serve PORT: echoes; several may serve one port. ask ADDR PORT COUNT SOURCE FIRST: COUNT connections
from the ports FIRST and on, at most 500 begun at a time; prints `open N`; when there is a file `go`, asks once on each: `answered N`. Ends
with its input."""
import os
import resource
import select
import socket
import sys
import time

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
                data and socks[fd].send(data)
            except OSError:
                data = b""
            if not data:
                socks.pop(fd).close()


class Asker:
    def __init__(self, to):
        self.to, self.poll, self.socks = to, select.epoll(), {}

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
        """At most 500 questions under way."""
        answered, waiting, todo = 0, set(), list(self.socks)
        end = time.monotonic() + 120
        while (todo or waiting) and time.monotonic() < end:
            while todo and len(waiting) < 500:
                fd = todo.pop()
                waiting.add(fd)
                try:
                    self.socks[fd].send(b"?")
                except OSError:
                    waiting.discard(fd)
            for fd, _ in self.poll.poll(1, 512):
                try:
                    answered += fd in waiting and self.socks[fd].recv(10) == b"?"
                except OSError:
                    self.poll.unregister(fd)
                waiting.discard(fd)
        return answered


def ask(address, port, count, source, first):
    asker = Asker((address, int(port)))
    print("open", asker.open(int(count), source, int(first)), flush=True)
    while not os.path.exists("go"):
        time.sleep(0.1)
    print("answered", asker.ask(), flush=True)
    sys.stdin.read()


{"serve": serve, "ask": ask}[sys.argv[1]](*sys.argv[2:])
