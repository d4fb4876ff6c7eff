"""Many clients at once. serve PORT: TCP and UDP, each line or datagram comes back with the address and port that it came from. ask
ADDR PORT FIRST COUNT: from FIRST and the COUNT - 1 addresses after it, all from one source port, by UDP and by TCP; all are open at once. Prints how
many got their own words back, and from how many addresses and ports the server heard them, for UDP and TCP."""
import ipaddress
import resource
import select
import socket
import sys
import time

resource.setrlimit(resource.RLIMIT_NOFILE, (20000, 20000))
SOURCE = 5000


def serve(port):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE
    udp.bind(("", int(port)))
    tcp = socket.create_server(("", int(port)), backlog=4096)
    poll = select.epoll()
    socks = {s.fileno(): s for s in (udp, tcp)}
    for fd in socks:
        poll.register(fd, select.EPOLLIN)
    print("ready", flush=True)
    while True:
        for fd, _ in poll.poll():
            s = socks[fd]
            if s is udp:
                data, peer = s.recvfrom(2000)
                s.sendto(b"%s %s %d" % (data, peer[0].encode(), peer[1]), peer)
            elif s is tcp:
                one, _ = s.accept()
                socks[one.fileno()] = one
                poll.register(one.fileno(), select.EPOLLIN)
            elif data := s.recv(2000):
                s.sendall(b"%s %s %d" % (data, s.getpeername()[0].encode(), s.getpeername()[1]))
            else:
                poll.unregister(fd)
                socks.pop(fd).close()


def asked(kind, to, first, count):
    """Each says its number until an answer has come: 20 s for all, again after a second each (a datagram may be lost)."""
    poll, socks, heard, failed = select.epoll(), {}, {}, 0
    for i in range(count):
        s = socket.socket(socket.AF_INET, kind)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((str(first + i), SOURCE))
        s.setblocking(False)
        s.connect_ex(to)
        socks[s.fileno()] = (s, i)
        poll.register(s.fileno(), select.EPOLLOUT)
    end, again = time.monotonic() + 20, time.monotonic() + 1
    while len(heard) + failed < count and time.monotonic() < end:
        for fd, events in poll.poll(0.1):
            s, i = socks[fd]
            if i in heard:
                continue
            try:
                if events & select.EPOLLIN:
                    heard[i] = s.recv(2000).decode().split()
                else:
                    s.send(str(i).encode())
                    poll.modify(fd, select.EPOLLIN)
            except OSError:
                failed += 1
                poll.unregister(fd)
        if kind == socket.SOCK_DGRAM and time.monotonic() > again:
            again += 1
            for s, i in socks.values():
                if i not in heard:
                    s.send(str(i).encode())
    right = sum(words[0] == str(i) for i, words in heard.items())
    return f"{right} {len({w[1] for w in heard.values()})} {len({w[2] for w in heard.values()})}"


def ask(address, port, first, count):
    to, first, count = (address, int(port)), ipaddress.ip_address(first), int(count)
    print(asked(socket.SOCK_DGRAM, to, first, count), asked(socket.SOCK_STREAM, to, first, count))


{"serve": serve, "ask": ask}[sys.argv[1]](*sys.argv[2:])
