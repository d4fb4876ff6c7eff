"""Both ends of proxied connections across takeovers, for live-takeover-proxy.sh:
takeover_proxy.py serve               port 9000: who says a number and a line end gets as many bytes that are known, any other line comes
                                      back; port 9001: HTTP/1.1, each answer with what the path says
takeover_proxy.py talk SECONDS HOST   until the file `enough` is there: downloads and questions over connections that last, by TCP and TLS, HTTP
                                      kept alive, and short connections one after the other. Prints what failed, and what was done
takeover_proxy.py plain SECONDS HOST PORT...   the same of such services without TLS or HTTP: a download, one that lasts, short ones
takeover_proxy.py hold N HOST PORT    holds so many connections, each asked once and answered, until the file `let-go` is there;
                                      says `open` then, at each line of the file `ask` asks again, and prints how many answered
takeover_proxy.py late N HOST PORT FIRST   opens so many connections that say nothing until the file `say` is there, then FIRST, which is no answer's
                                      (to:ADDRESS:PORT: an instruction), and ask; how many were answered. `open` once all are connected
takeover_proxy.py queue N HOST PORT   so many connections that ask and wait: `waits` once all are connected; how many were answered"""
import collections
import os
import socket
import ssl
import sys
import threading
import time
import traceback

ECHO, WEB = 9000, 9001  # of the server; the services have 1000 (plain), 1001 (http), 1002 (tls), 1003 (https)
LENGTH = 40 << 20
BLOCK = bytes(range(251)) * 1024  # a prime, so that no shift by a buffer looks alike


def known(at, n):
    at %= len(BLOCK)
    return (BLOCK[at:] + BLOCK * (n // len(BLOCK) + 1))[:n]


# ---- the server ----


def serve_one(s):
    try:
        f = s.makefile("rb")
        for line in f:
            if not line.strip().isdigit():
                s.sendall(line)
                continue
            left, at = int(line), 0
            while left:
                part = known(at, min(left, 1 << 18))
                s.sendall(part)
                at, left = at + len(part), left - len(part)
    except OSError:
        pass
    s.close()


def serve_web(s):
    try:
        f = s.makefile("rb")
        while first := f.readline():
            while f.readline().strip():
                pass
            body = first.split()[1][1:]
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    except OSError:
        pass
    s.close()


def serve():
    def accepts(port, does):
        listener = socket.create_server(("", port), backlog=1000)
        while True:
            threading.Thread(target=does, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accepts, args=(WEB, serve_web), daemon=True).start()
    print("listens", flush=True)
    accepts(ECHO, serve_one)


# ---- clients ----

done, failed = collections.Counter(), []
ready = threading.Semaphore(0)


def stops():
    return os.path.exists("enough")


def connect(host, port):
    s = socket.create_connection((host, port), 60)
    if port not in (1002, 1003):
        return s
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(s, server_hostname="a.example")


def exactly(s, n):
    got = b""
    while len(got) < n:
        part = s.recv(n - len(got))
        if not part:
            raise OSError(f"it ended after {len(got)} of {n} bytes")
        got += part
    return got


def echo(s):
    data = os.urandom(40).hex().encode() + b"x\n"
    s.sendall(data)
    assert exactly(s, len(data)) == data, "another answer"


def download(host, port):
    """As slow as the takeovers are: the last bytes are read after them."""
    s = connect(host, port)
    s.sendall(b"%d\n" % LENGTH)
    at = 0
    while at < LENGTH:
        n = min(LENGTH - at, 1 << 16 if stops() else 1 << 12)
        assert exactly(s, n) == known(at, n), f"another byte within {n} after {at}"
        if not at:
            ready.release()
        at += n
        if not stops():
            time.sleep(0.01)
    s.close()
    done["downloads"] += 1


def lasting(host, port):
    s = connect(host, port)
    while not stops():
        echo(s)
        if not done["asked", threading.get_ident()]:
            ready.release()
        done["asked", threading.get_ident()] += 1
        time.sleep(0.005)
    done["lasting"] += 1
    s.close()


def head_of(s):
    head = b""
    while b"\r\n\r\n" not in head:
        head += exactly(s, 1)
    return head.lower()


def kept(host, port):
    """A connection is used until an answer says that it is the last."""
    s = n = 0
    while not stops():
        s = s or connect(host, port)
        n += 1
        s.sendall(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % n)
        head = head_of(s)
        assert head.startswith(b"http/1.1 200"), head
        assert exactly(s, len(str(n))) == b"%d" % n, "another answer"
        if n == 1:
            ready.release()
        done["requests"] += 1
        if b"connection: close" in head:
            assert s.recv(1) == b"", "it goes on"
            done["closed"] += 1
            s = 0
        time.sleep(0.005)
    done["kept"] += 1


def short(host, port):
    first = True
    while not stops():
        s = connect(host, port)
        if port in (1001, 1003):
            s.sendall(b"GET /short HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert head_of(s).startswith(b"http/1.1 200")
            assert exactly(s, 5) == b"short"
        else:
            echo(s)
        s.close()
        done["short"] += 1
        if first:
            ready.release()
        first = False


TALKS = [(download, 1000), (download, 1002), (lasting, 1000), (lasting, 1002), (kept, 1001), (kept, 1003)] * 2
TALKS += [(short, port) for port in (1000, 1001, 1002, 1003)] * 2


def talk(seconds, host, ways):

    def one(does, port):
        try:
            does(host, port)
        except Exception as e:  # pylint: disable=broad-except
            at = " < ".join(f"{f.name}:{f.lineno}" for f in reversed(traceback.extract_tb(e.__traceback__)))
            failed.append(f"{does.__name__} at {port}: {type(e).__name__}: {e}: {at}")
            ready.release()

    threads = [threading.Thread(target=one, args=way, daemon=True) for way in ways]
    for t in threads:
        t.start()
    for t in threads:
        ready.acquire(timeout=seconds)
    print("open", flush=True)
    end = time.monotonic() + seconds
    for t in threads:
        t.join(max(0, end - time.monotonic()))
    for line in failed:
        print(line)
    print(f"{done['downloads']} downloads, {done['lasting']} lasting, {done['kept']} kept")
    print(f"{len(failed)} failed, {sum(t.is_alive() for t in threads)} under way")
    print(f"# {done['short']} short connections, {done['requests']} requests, {done['closed']} connections closed with an answer")


def hold(n, host, port):
    all_of = [connect(host, port) for _ in range(n)]
    for s in all_of:
        s.settimeout(60)
        echo(s)
    print("open", flush=True)
    asked = 0
    while not os.path.exists("let-go"):
        time.sleep(0.02)
        if asked < (os.path.getsize("ask") if os.path.exists("ask") else 0):
            asked += 1
            answered = 0
            for s in all_of:
                try:
                    echo(s)
                    answered += 1
                except (OSError, AssertionError):
                    pass
            print(f"{answered} answered", flush=True)


def queue(n, host, port):
    all_of = [socket.create_connection((host, port), 60) for _ in range(n)]
    for s in all_of:
        s.sendall(b"hello\n")
    print("waits", flush=True)
    answered = 0
    for s in all_of:
        try:
            answered += exactly(s, 6) == b"hello\n"
        except OSError as e:
            print(e)
    print(f"{answered} answered", flush=True)


def instruction(said):
    """An instruction with a checksum, of a word to:ADDRESS:PORT."""
    target = said[3:].encode()
    text = b"%02d" % (len(target) + 4) + target
    return text + b"%02d" % (sum(text) % 100)


def late(n, host, port, first):
    all_of = [socket.create_connection((host, port), 60) for _ in range(n)]
    print("open", flush=True)
    while not os.path.exists("say"):
        time.sleep(0.02)
    answered = 0
    for s in all_of:
        s.sendall(instruction(first) if first.startswith("to:") else b"")
        try:
            echo(s)
            answered += 1
        except (OSError, AssertionError) as e:
            print(e)
    print(f"{answered} answered", flush=True)


if sys.argv[1] == "serve":
    serve()
elif sys.argv[1] == "talk":
    talk(float(sys.argv[2]), sys.argv[3], TALKS)
elif sys.argv[1] == "plain":
    talk(float(sys.argv[2]), sys.argv[3], [(does, int(port)) for port in sys.argv[4:] for does in (download, lasting, short)])
elif sys.argv[1] == "hold":
    hold(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
elif sys.argv[1] == "late":
    late(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5])
else:
    queue(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
