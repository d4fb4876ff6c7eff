"""Clients and servers of live-inline*.sh and live-proxy-ends.sh: inline.py WHAT HOST PORT [ARGUMENT]; one word says what became of it."""
import errno
import hashlib
import os
import signal
import socket
import struct
import sys
import time

WHAT, HOST, PORT = sys.argv[1], sys.argv[2], int(sys.argv[3])
REQUEST = f"GET /from HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()
FAMILY = socket.AF_INET6 if ":" in HOST else socket.AF_INET


def connected(timeout=60, port=0):
    s = socket.socket(FAMILY, socket.SOCK_STREAM)
    s.settimeout(timeout)
    s.bind(("", port))
    s.connect((HOST, PORT))
    return s


def everything(s):
    got = b""
    while part := s.recv(65536):
        got += part
    return got


def answer(s):
    try:
        return "answered" if everything(s) else "closed"
    except ConnectionResetError:
        return "reset"


def sends():
    """So many bytes, which `receives` gets; both say their digest."""
    content = os.urandom(int(sys.argv[4]))
    s = connected()
    s.sendall(content)
    s.shutdown(socket.SHUT_WR)
    everything(s)
    return hashlib.sha256(content).hexdigest()


def receives():
    s = socket.create_server((HOST, PORT))
    print("listens", flush=True)
    return hashlib.sha256(everything(s.accept()[0])).hexdigest()


def marked():
    s = socket.socket(FAMILY, socket.SOCK_STREAM)
    s.settimeout(60)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0xB8)
    s.connect((HOST, PORT))
    s.sendall(REQUEST)
    return answer(s)


def connects():
    try:
        connected(float(sys.argv[4]))
        return "connected"
    except TimeoutError:
        return "late"
    except OSError as e:
        return errno.errorcode[e.errno]


def hops():
    """A client whose packets have so many hops."""
    s = socket.socket(FAMILY, socket.SOCK_STREAM)
    s.settimeout(60)
    if FAMILY == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, int(sys.argv[4]))
    else:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, int(sys.argv[4]))
    try:
        s.connect((HOST, PORT))
        return "connected"
    except TimeoutError:
        return "late"
    except OSError as e:
        return errno.errorcode[e.errno]


def hello():
    """The first message of TLS, with a name."""
    name = sys.argv[4].encode()
    sni = struct.pack(">HBH", len(name) + 3, 0, len(name)) + name
    extensions = struct.pack(">HH", 0, len(sni)) + sni
    body = b"\x03\x03" + bytes(32) + b"\0" + b"\0\x02\x13\x01" + b"\x01\0" + struct.pack(">H", len(extensions)) + extensions
    shake = b"\x01" + struct.pack(">I", len(body))[1:] + body
    s = connected()
    s.sendall(b"\x16\x03\x01" + struct.pack(">H", len(shake)) + shake)
    return answer(s)


def short():
    """So many connections, one after the other."""
    count = int(sys.argv[4])
    good = 0
    for i in range(count):
        try:
            s = connected()
            s.sendall(REQUEST.replace(b"/from", b"/nth") if i % 2 else REQUEST)
            good += b" 200 OK" in everything(s)[:100]
            s.close()
        except OSError as e:
            print(e, file=sys.stderr)
    return f"{good} of {count}"


def bound():
    """The same as `holds`, from a port that hangs on the server's."""
    return holds(5000 + PORT)


def holds(port=0):
    """A connection that asks only when it is told to."""
    signal.signal(signal.SIGUSR1, lambda *_: None)
    s = connected(port=port)
    print("open", flush=True)
    signal.pause()
    s.sendall(REQUEST)
    return answer(s)


def rests():
    """A connection that says nothing."""
    return answer(connected())


def tells():
    """A server that speaks only when it is told to."""
    signal.signal(signal.SIGUSR1, lambda *_: None)
    listener = socket.create_server((HOST, PORT), family=FAMILY)
    print("listens", flush=True)
    s = listener.accept()[0]
    print("accepted", flush=True)
    signal.pause()
    s.sendall(b"told")
    return answer(s)


def talks():
    """A connection that says something again and again, until somebody else ends it."""
    s = connected()
    try:
        while True:
            s.sendall(b"more")
            if not s.recv(65536):
                return "closed"
            time.sleep(0.02)
    except ConnectionResetError:
        return "reset"


def echoes():
    """A server of one connection, which gives back what it gets."""
    listener = socket.create_server((HOST, PORT), family=FAMILY)
    print("listens", flush=True)
    s = listener.accept()[0]
    try:
        while part := s.recv(65536):
            s.sendall(part)
        return "closed"
    except ConnectionResetError:
        return "reset"


def floods():
    """So many datagrams with a descriptor each, of another user, to the process that answers interrupted connections."""
    os.setgroups([])
    os.setresuid(65534, 65534, 65534)
    name = next(line.split()[-1] for line in open("/proc/net/unix") if "@prey-resets/" in line)
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.connect("\0" + name[1:])
    for _ in range(PORT):
        socket.send_fds(s, [b"x"], [s.fileno()])
    return "sent"


print(globals()[WHAT]())
