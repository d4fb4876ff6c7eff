"""Who is reached by which ports: serve NAME ADDRESS,ADDRESS PORT...: each datagram is answered with the name; ask SOURCE ADDRESS PORT...: a word a
port, the name, or `refused` (an ICMP error), or `nothing`; send SOURCE ADDRESS PORT COUNT: datagrams that nobody answers."""
import select
import socket
import sys


def udp(address):
    return socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)


def serve(name, addresses, *ports):
    sockets = []
    for address in addresses.split(","):
        for port in ports:
            s = udp(address)
            s.bind((address, int(port)))
            sockets.append(s)
    while True:
        for s in select.select(sockets, [], [])[0]:
            data, who = s.recvfrom(100)
            s.sendto(name.encode(), who)


def asked(source, address, port):
    s = udp(address)
    s.bind((source, 0))
    s.connect((address, int(port)))
    s.settimeout(2)
    for _ in range(4):
        try:
            s.send(b"who")
            return s.recv(100).decode()
        except ConnectionRefusedError:
            return "refused"
        except TimeoutError:
            pass
    return "nothing"


def ask(source, address, *ports):
    print(*[asked(source, address, port) for port in ports])


def send(source, address, port, count):
    s = udp(address)
    s.bind((source, 0))
    for _ in range(int(count)):
        s.sendto(b"x", (address, int(port)))


{"serve": serve, "ask": ask, "send": send}[sys.argv[1]](*sys.argv[2:])
