"""A server of HTTP that dies where it is told to, and its client.

  dying.py serve PORT              each connection is a process; the path says what it does, and where it dies
  dying.py ask HOST PORT WORD...   METHOD:PATH, one after the other, on one connection as long as that lasts: a line
                                   each with the statuses heard, and how the connection ended if it did

Paths are /WHERE-HOW. HOW: `kill` (-9), `reset`, `end` (of the connection, in order), `hang`. WHERE: `answer` (all of it,
then HOW when the next request comes), `body` (in that of the request), `head` (nothing is said), `half` (of the answer's
head), `interim` (behind a 103), `length`, `chunked`, `until` (in the answer's body, of that framing). /seen tells how
many requests were heard of, of each path."""
import collections
import fcntl
import os
import re
import signal
import socket
import struct
import sys
import termios
import time

PART = {
    "half": b"HTTP/1.1 200 OK\r\nContent-",
    "interim": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n",
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\npart",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
    "until": b"HTTP/1.1 200 OK\r\n\r\npart",
}


def die(s, how):
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "hang":
        signal.pause()
    if how == "reset":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
    os._exit(0)


def serve(s, seen):
    data, dies = b"", None
    while True:
        while b"\r\n\r\n" not in data:
            more = s.recv(1 << 16)
            if not more:
                return
            data += more
        head, _, data = data.partition(b"\r\n\r\n")
        where, _, how = head.split(b" ")[1].decode().strip("/").partition("-")
        seen.write(f"{where}-{how}\n".encode())
        seen.flush()
        if dies:
            die(s, dies)
        length = re.search(rb"(?i)content-length: (\d+)", head)
        left = int(length.group(1)) if length else 0
        if where == "body":
            die(s, how)
        while len(data) < left:
            data += s.recv(1 << 16)
        data = data[left:]
        if where in ("answer", "seen"):
            text = b"ok" if where == "answer" else told()
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))
            dies = how or None
            continue
        s.sendall(PART.get(where, b""))
        while struct.unpack("i", fcntl.ioctl(s, termios.TIOCOUTQ, b"    "))[0]:
            time.sleep(0.001)  # it has arrived: a piece of its own
        if how == "hang":
            seen.write(b"hangs\n")
            seen.flush()
        die(s, how)


def told():
    seen = collections.Counter(open(log).read().split())
    return " ".join(f"{n} {path}" for path, n in sorted(seen.items()) if path != "seen-").encode()


def listen(port):
    listener = socket.create_server(("", port), backlog=64)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        s = listener.accept()[0]
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                serve(s, open(log, "ab"))
            except OSError:
                pass
            os._exit(0)
        s.close()


class Ended(Exception):
    pass


class Client:
    def __init__(self, host, port):
        self.to, self.s = (host, port), None

    def more(self):
        try:
            got = self.s.recv(1 << 16)
        except ConnectionError:
            got = None
        if not got:
            self.s = None
            raise Ended("end" if got == b"" else "reset")
        self.data += got

    def until(self, n):
        while len(self.data) < n:
            self.more()
        taken, self.data = self.data[:n], self.data[n:]
        return taken

    def head(self):
        while b"\r\n\r\n" not in self.data:
            self.more()
        head, _, self.data = self.data.partition(b"\r\n\r\n")
        return head

    def answer(self, said):
        head = self.head()
        status = int(head[9:12])
        said.append(str(status))
        if status < 200:
            self.answer(said)
            return
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if length:
            self.text = self.until(int(length.group(1)))
            if b"\r\nConnection: close" in head:
                self.s = None
        else:
            while True:
                self.more()

    def ask(self, method, path):
        if not self.s:
            self.s, self.data = socket.create_connection(self.to, 30), b""
        body = b"x" * 300000 if method == "POST" else b""
        said = []
        try:
            self.s.sendall(b"%s %s HTTP/1.1\r\nHost: a\r\n" % (method.encode(), path.encode()))
            self.s.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body if body else b"\r\n")
        except ConnectionError:
            pass
        try:
            self.answer(said)
        except Ended as e:
            said.append(str(e))
        return " ".join(said)


log = "seen.log"
if sys.argv[1] == "serve":
    open(log, "w").close()
    listen(int(sys.argv[2]))
client = Client(sys.argv[2], int(sys.argv[3]))
for word in sys.argv[4:]:
    method, _, path = word.partition(":")
    said = client.ask(method, path)
    print(word, said if path != "/seen" else client.text.decode(), flush=True)
