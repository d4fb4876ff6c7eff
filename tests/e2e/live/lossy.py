"""Both directions of a connection at once, and ends that close one half first: lossy.py serve NAME; lossy.py ask ADDRESS PORT BYTES.
A client's port is the one that is said. `ask` prints the server's name, and for each kind of connection whether all bytes came."""
import hashlib
import os
import socket
import sys
import threading

TIMEOUT = 600
heard, whole = {}, threading.Event()  # whole: the client that went on behind the server's end has ended


def digest(data):
    return hashlib.sha256(data).hexdigest().encode()


def read_all(s):
    got = bytearray()
    while part := s.recv(65536):
        got += part
    return bytes(got)


def handle(c, name):
    c.settimeout(TIMEOUT)
    kind, size = c.makefile("rb", buffering=0).readline().split()
    size = int(size)
    if kind == b"name":
        whole.wait(TIMEOUT)
        c.sendall(name.encode() + b" " + heard.get("last", b""))
    elif kind == b"both":  # the client ends first; it is told what was heard of it
        content = os.urandom(size)
        sends = threading.Thread(target=c.sendall, args=(content,))
        sends.start()
        got = read_all(c)
        sends.join()
        c.sendall(digest(content) + digest(got))
    elif kind == b"last":  # the server ends first, and goes on listening
        whole.clear()
        content = os.urandom(size)
        c.sendall(content + digest(content))
        c.shutdown(socket.SHUT_WR)
        heard["last"] = digest(read_all(c))
        whole.set()
    c.close()


def serve():
    try:
        listener = socket.create_server(("::", 7), family=socket.AF_INET6, backlog=100, dualstack_ipv6=True)
    except (OSError, ValueError):  # a kernel without IPv6
        listener = socket.create_server(("", 7), backlog=100)
    print("listens", flush=True)
    while True:
        threading.Thread(target=handle, args=(listener.accept()[0], sys.argv[2]), daemon=True).start()


def connected(port, first):
    s = socket.socket(socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.settimeout(TIMEOUT)
    s.bind(("", port))
    s.connect((sys.argv[2], 7))
    s.sendall(first)
    return s


def ask():
    port, size = int(sys.argv[3]), int(sys.argv[4])
    content = os.urandom(size)
    s = connected(port, b"both %d\n" % size)
    sends = threading.Thread(target=lambda: (s.sendall(content), s.shutdown(socket.SHUT_WR)))
    sends.start()
    got = read_all(s)
    sends.join()
    both = len(got) == size + 128 and got[size:size + 64] == digest(got[:size]) and got[size + 64:] == digest(content)
    s = connected(port + 1, b"last %d\n" % size)
    got = read_all(s)
    after = len(got) == size + 64 and got[size:] == digest(got[:size])
    s.sendall(content)
    s.shutdown(socket.SHUT_WR)
    read_all(s)
    name, told = read_all(connected(port + 2, b"name 0\n")).split(b" ")
    print(name.decode(), both, after and told == digest(content))


serve() if sys.argv[1] == "serve" else ask()
