"""Sessions that end in odd ways. serve PORT: a server that does as each client's first line says: `hold`: says `held`, then how much
it heard, once the client has ended; `silent`: says `held` and never more, nor ends; `reset N`: N bytes, then a reset; `half`: `held`
and the end, then writes into the file `heard` how much it heard after that. talk HOST PORT WORDS [then CHAR...]: says that line, and
tells `held` and how it ended: `eof TEXT` or `reset`. What it does once `held` came: `e` ends, `m` waits for the server's end and says
`more`; `i` waits for a file `go`, then ends. crowd HOST PORT N: N connections that say nothing, until it is
killed."""
import os
import socket
import struct
import sys
import threading
import time


def serve_one(c):
    try:
        words = c.makefile("rb").readline().split()
        if words[:1] == [b"reset"]:
            c.sendall(b"x" * int(words[1]))
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            c.close()
            return
        c.sendall(b"held\n")
        if words[:1] == [b"half"]:
            c.shutdown(socket.SHUT_WR)
        heard = 0
        while part := c.recv(65536):
            heard += len(part)
        if words[:1] == [b"half"]:
            open("heard.new", "w").write(str(heard))
            os.rename("heard.new", "heard")
        while words[:1] == [b"silent"]:
            time.sleep(60)
        c.sendall(b"heard %d\n" % heard) if words[:1] == [b"hold"] else None
        c.close()
    except OSError:
        pass


def serve(port):
    s = socket.create_server(("::", int(port)), family=socket.AF_INET6, dualstack_ipv6=True, backlog=4096)
    print("ready", flush=True)
    while True:
        threading.Thread(target=serve_one, args=(s.accept()[0],), daemon=True).start()


def heard_to_the_end(s):
    got = b""
    while part := s.recv(65536):
        got += part
        if got == b"held\n":
            break
    return got


def talk(host, port, words, source=None, then=""):
    try:
        s = socket.create_connection((host, int(port)), 30, (source, 0) if source else None)
        s.sendall(words.encode() + b"\n")
        got = heard_to_the_end(s)
        print(got.decode().strip() if got == b"held\n" else f"eof {len(got)}", flush=True)
        if got != b"held\n":
            return
        if then == "m":
            assert not s.recv(1)
            s.sendall(b"more\n")
        while then == "i" and not os.path.exists("go"):
            time.sleep(0.05)
        if then:
            s.shutdown(socket.SHUT_WR)
        print("eof", s.recv(1000).decode().strip(), flush=True)
    except ConnectionError:
        print("reset", flush=True)


def crowd(host, port, n):
    held = [socket.create_connection((host, int(port)), 30) for _ in range(int(n))]
    print("all", len(held), flush=True)
    time.sleep(600)


{"serve": serve, "talk": talk, "crowd": crowd}[sys.argv[1]](*sys.argv[2:])
