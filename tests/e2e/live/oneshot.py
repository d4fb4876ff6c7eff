"""Connections one after the other, each from a new port: how many had their answer at once, how many only after a second, as who
repeats a SYN, and how many none.
  serve FIRST LAST                    on these ports. TCP: c: answers, and waits for the client's end; p: the same, with the port that it hears;
                                      s: answers, and ends first. UDP: answers with the port that it hears
  tcp WHO COUNT ADDRESS PORT FROM...  WHO ends first: client, server, or reset (the client, by a reset); from these addresses in turn
  held COUNT ADDRESS PORT FROM...     so many at once, from these addresses in turn: the port of each that the server hears
  udp COUNT ADDRESS PORT [BUSY]       so many questions; BUSY sockets that asked three times before ask once more after them, and should be
                                      heard by the same port"""
import selectors, socket, struct, sys, time

SLOW, LATEST = 1, 20

def serve(first, last):
    ports = range(first, last + 1)
    tcp = [socket.create_server(("", port), backlog=512) for port in ports]
    udp = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in ports]
    for s, port in zip(udp, ports):
        s.bind(("", port))
    heard = selectors.DefaultSelector()
    for s in [*tcp, *udp]:
        heard.register(s, selectors.EVENT_READ)
    while True:
        for s in [key.fileobj for key, _ in heard.select()]:
            if s in udp:
                _, peer = s.recvfrom(100)
                s.sendto(str(peer[1]).encode(), peer)
                continue
            if s in tcp:
                s, _ = s.accept()
                heard.register(s, selectors.EVENT_READ)
            try:
                asked = s.recv(100)
                if asked:
                    s.send(str(s.getpeername()[1]).encode() if asked == b"p" else b"answer")
            except OSError:
                asked = b""
            if asked not in (b"c", b"p"):
                heard.unregister(s)
                s.close()

def tcp(who, count, address, port, *sources):
    told, slow, none = 0, 0, 0
    for i in range(count):
        began = time.monotonic()
        try:
            with socket.create_connection((address, port), LATEST, (sources[i % len(sources)], 0)) as s:
                s.send(b"s" if who == "server" else b"c")
                had = s.recv(100)
                if who == "server":
                    while s.recv(100):
                        pass
                if who == "reset":
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            late = time.monotonic() - began >= SLOW
            told, slow, none = told + (had == b"answer" and not late), slow + late, none + (had != b"answer")
        except OSError:
            none += 1
        if none > 3:
            break
    print(told, slow, none)

def held(count, address, port, *sources):
    all, told = [], 0
    for i in range(count):
        try:
            s = socket.create_connection((address, port), 4, (sources[i % len(sources)], 0))
            all.append(s)
            s.send(b"p")
            had = s.recv(100).decode()
            told += had.isdigit()
            print(had)
        except OSError:
            pass
        if len(all) - told > 3:
            break

def ask(s, tries=1):
    for _ in range(tries):
        s.send(b"question")
        try:
            return s.recv(100)
        except (TimeoutError, ConnectionRefusedError):
            pass

def udp(count, address, port, busy=0):
    def opened():
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.connect((address, port))
        s.settimeout(2)
        return s
    lasting = [opened() for _ in range(busy)]
    heard = [[ask(s, 5) for _ in range(3)][-1] for s in lasting]
    told = 0
    for _ in range(count):
        with opened() as s:
            told += ask(s) is not None
    kept = sum(ask(s, 5) == before for s, before in zip(lasting, heard))
    print(told, *[kept] if busy else [])

if sys.argv[1] == "serve":
    serve(int(sys.argv[2]), int(sys.argv[3]))
elif sys.argv[1] == "tcp":
    tcp(sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5]), *sys.argv[6:])
elif sys.argv[1] == "held":
    held(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), *sys.argv[5:])
else:
    udp(int(sys.argv[2]), sys.argv[3], *map(int, sys.argv[4:]))
