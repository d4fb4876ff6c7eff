"""Ends of connections with a program in their middle, for live-inline-program.sh.

    middle.py serve                  port 7: says who came, and gives back what it hears, to the end
    middle.py echo TEXT ADDRESS      what comes back of it, or what went wrong
    middle.py file NAME ADDRESS      True if it comes back in upper case
    middle.py lasts ADDRESS          a word twenty times a second, and what comes back, until that fails"""
import contextlib
import hashlib
import socket
import socketserver
import sys
import threading
import time


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        print(self.client_address[0].removeprefix("::ffff:") + "\n", end="", flush=True)  # whole, beside other threads
        with contextlib.suppress(OSError):
            while piece := self.request.recv(1 << 16):
                self.request.sendall(piece)


class Server(socketserver.ThreadingTCPServer):
    address_family, request_queue_size, daemon_threads, allow_reuse_address = socket.AF_INET6, 100, True, True


def connected(address):
    return socket.create_connection((address, 7), 10)


def send(s, data):
    with contextlib.suppress(OSError):  # where it is reset already, the next read says so
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)


def pieces(s):
    while piece := s.recv(1 << 16):
        yield piece


def echo(text, address):
    try:
        s = connected(address)
        send(s, text.encode())
        print(b"".join(pieces(s)).decode())
    except OSError as e:
        print(e.strerror or e)


def whole(name, address):
    with open(name, "rb") as f:
        data = f.read()
    s, got = connected(address), hashlib.sha256()
    threading.Thread(target=send, args=(s, data)).start()
    for piece in pieces(s):
        got.update(piece)
    print(got.digest() == hashlib.sha256(data.upper()).digest())


def lasts(address):
    s = connected(address)
    try:
        while True:
            s.sendall(b"tick")
            print(s.recv(100).decode(), flush=True)
            time.sleep(0.05)
    except OSError as e:
        print(e.strerror, flush=True)


match sys.argv[1:]:
    case ["serve"]:
        Server(("::", 7), Echo).serve_forever()
    case ["echo", text, address]:
        echo(text, address)
    case ["file", name, address]:
        whole(name, address)
    case ["lasts", address]:
        lasts(address)
