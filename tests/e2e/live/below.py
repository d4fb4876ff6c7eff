"""Flows and probes for live-ports-below.sh.
  serve PORT [SECONDS]     TCP and UDP, both families: answers with the port that it hears, and once more to each question; says how many
                           datagrams it had at its end (SIGTERM)
  many COUNT ADDRESS PORT FROM...    so many UDP flows at once, from these addresses in turn; after all had an answer each asks again: the port of
                           each that was heard both times
  probe ADDRESS PORT...    what comes back from these: TCP and UDP: open, closed (by a reset, an ICMP error), or silence"""
import selectors, signal, socket, sys

def sockets(port):
    for family, any in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            s = socket.socket(family, kind)
            if family == socket.AF_INET6:
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((any, port))
            if kind == socket.SOCK_STREAM:
                s.listen(64)
            yield s

def serve(port):
    had = 0
    heard = selectors.DefaultSelector()
    for s in sockets(port):
        heard.register(s, selectors.EVENT_READ)
    def end(*_):
        print("datagrams", had, flush=True)
        sys.exit(0)
    signal.signal(signal.SIGTERM, end)
    print("serves", flush=True)
    while True:
        for key, _ in heard.select():
            s = key.fileobj
            if s.type == socket.SOCK_STREAM:
                with s.accept()[0] as c:
                    c.send(str(c.getpeername()[1]).encode())
            else:
                _, peer = s.recvfrom(100)
                had += 1
                s.sendto(str(peer[1]).encode(), peer)

def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET

def ask(s, tries=10):
    for _ in range(tries):
        try:
            s.send(b"question")
            return s.recv(100).decode()
        except TimeoutError:
            pass
        except ConnectionRefusedError:
            return "refused"
    return "nothing"

def many(count, address, port, *sources):
    flows = []
    for i in range(count):
        s = socket.socket(family_of(address), socket.SOCK_DGRAM)
        s.bind((sources[i % len(sources)], 0))
        s.connect((address, port))
        s.settimeout(1)
        flows.append((s, ask(s)))
        if sum(not first.isdigit() for _, first in flows) > 3:
            break
    for s, first in flows:
        again = ask(s)
        print(first if first == again else f"{first} then {again}")

def probe(address, ports):
    for port in ports:
        said = []
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(family_of(address), kind) as s:
                s.settimeout(4)
                try:
                    s.connect((address, port))
                    if kind == socket.SOCK_DGRAM:
                        s.send(b"question")
                    said.append("open" if s.recv(100) else "ended")
                except TimeoutError:
                    said.append("silence")
                except ConnectionRefusedError:
                    said.append("closed")
        print(*said)

if sys.argv[1] == "serve":
    serve(int(sys.argv[2]))
elif sys.argv[1] == "many":
    many(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), *sys.argv[5:])
else:
    probe(sys.argv[2], map(int, sys.argv[3:]))
