"""HTTP servers that read loosely, each in a way of its own, and write down every head they see, by the address that
X-Forwarded-For names: origin.py FLAVOUR:PORT...

  loose    a line ends at LF; of several lengths the last counts; what holds `chunked` is chunked, whatever its name
  length   likewise, but Content-Length counts where both are there
  bodiless a GET, HEAD, OPTIONS or DELETE has no body, whatever its head says; what came with one is answered only
           when more comes
  early    the answer comes with the head, before the body is read

/report tells what was seen, as JSON: {"heads": {ADDRESS: [REQUEST LINE...]}, "unnamed": [REQUEST LINE...], "rest":
[BYTES...]}: heads that no proxy has marked, and what lay behind a message and was no head."""
import json
import re
import selectors
import socket
import sys

sel = selectors.DefaultSelector()


class Seen:
    def __init__(self):
        self.heads, self.unnamed, self.rest = {}, [], []


class Connection:
    def __init__(self, sock, flavour, seen):
        self.sock, self.flavour, self.seen = sock, flavour, seen
        self.data, self.left, self.chunked, self.tunnel, self.head = b"", 0, False, False, None

    def answer(self, body):
        self.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    def answers(self):
        method, _, rest = self.head.partition(b" ")
        target = rest.split(b" ")[0]
        if target == b"/report":
            self.answer(json.dumps(vars(self.seen)).encode())
        elif method == b"HEAD":
            self.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        elif method == b"CONNECT":
            self.tunnel = True
            self.sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            self.answer(target)

    def take_head(self):
        """The head at the beginning of what came. False: it is not whole."""
        end = re.search(rb"(?<=.)\r?\n\r?\n", self.data, re.S)
        if not end:
            return False
        lines = [line.rstrip(b"\r") for line in self.data[: end.end()].split(b"\n")]
        self.data = self.data[end.end() :]
        lines = lines[1:] if not lines[0] else lines
        self.head = lines[0]
        length, coding, named, expects = None, False, None, False
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            name, value = name.strip().lower(), value.strip().lower()
            if name == b"content-length":
                length = int(re.match(rb"\d*", value).group() or b"0")
            elif b"chunked" in value:
                coding = True
            elif name == b"x-forwarded-for":
                named = value.split(b",")[-1].strip()
            elif name == b"expect" and b"100" in value:
                expects = True
        line = self.head.decode("latin1")
        if not line.split(" ")[1:2] == ["/report"]:
            self.seen.heads.setdefault(named.decode(), []).append(line) if named else self.seen.unnamed.append(line)
        self.chunked = coding and not (self.flavour == "length" and length is not None)
        self.left = 0 if self.chunked else length or 0
        if self.flavour == "bodiless" and line.split(" ")[0] in ("GET", "HEAD", "OPTIONS", "DELETE"):
            self.chunked, self.left = False, 0
        if expects and (self.chunked or self.left):
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self.flavour == "early":
            self.answers()
        return True

    def take_body(self):
        """What came of the body. False: it is not whole."""
        if self.chunked:
            m = re.match(rb"([0-9a-fA-F]*)[^\n]*\n", self.data)
            if not m:
                return False
            size = int(m.group(1) or b"0", 16)
            if size:
                if len(self.data) < m.end() + size + 2:
                    return False
                self.data = self.data[m.end() + size :]
                self.data = self.data[re.match(rb"\r?\n?", self.data).end() :]
                return self.take_body()
            end = re.compile(rb"\n\r?\n").search(self.data, m.end() - 1)
            if not end:
                return False
            self.data, self.chunked = self.data[end.end() :], False
            return True
        taken = min(self.left, len(self.data))
        self.data, self.left = self.data[taken:], self.left - taken
        return self.left == 0

    def came(self, data):
        self.data += data
        while not self.tunnel:
            if self.head is None and not self.take_head():
                return
            if not self.take_body():
                return
            if self.flavour != "early":
                self.answers()
            self.head = None
            if self.flavour == "bodiless":
                return
        self.data = b""

    def ready(self):
        try:
            data = self.sock.recv(1 << 16)
            if data:
                self.came(data)
        except OSError:
            data = b""
        if not data:
            if self.head is None and self.data:
                self.seen.rest.append(self.data.decode("latin1"))
            sel.unregister(self.sock)
            self.sock.close()


def listen(flavour, port):
    s = socket.create_server(("", port), backlog=256)
    seen = Seen()

    def comes():
        sock = s.accept()[0]
        sel.register(sock, selectors.EVENT_READ, Connection(sock, flavour, seen).ready)

    sel.register(s, selectors.EVENT_READ, comes)


for word in sys.argv[1:]:
    listen(word.split(":")[0], int(word.split(":")[1]))
while True:
    for key, _ in sel.select():
        key.data()
