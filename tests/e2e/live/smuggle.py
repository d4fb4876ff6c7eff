"""Every request of a table (tests/http/smuggling.t), each from an address of its own:

  smuggle.py TABLE HOST PORT NET SERVER [LOG]

NET: `10.9`, of which all addresses are ours. SERVER: a flavour of origin.py, or nginx with its LOG, whose lines begin
with X-Forwarded-For. Behind each row a victim asks, whose answer must be its own; at the end what the server has seen
is looked at: never more heads than requests.

Prints what is wrong, and at the end the numbers of rows, of requests that went on, and of faults."""
import json
import re
import socket
import sys

table, host, port, net, server = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5]
faults = 0
BODY = ("http-bad-chunk", "http-bad-trailer")  # refused behind a head that has gone on


def wrong(*what):
    global faults
    faults += 1
    print(*what)


def unescape(text):
    out = b""
    while text:
        if text[0] != "\\":
            out, text = out + text[0].encode("latin1"), text[1:]
        elif text[1] == "x":
            out, text = out + bytes([int(text[2:4], 16)]), text[4:]
        elif text[1] == "{":
            times, _, rest = text[2:].partition(":")
            once, _, text = rest.partition("}")
            out += int(times) * unescape(once)
        else:
            out, text = out + {"r": b"\r", "n": b"\n", "t": b"\t"}.get(text[1], text[1].encode()), text[2:]
    return out


def rows():
    for line in open(table, encoding="latin1"):
        parts = line.rstrip("\n").split(" | ", 2)
        if not line.startswith("#") and len(parts) == 3:
            yield parts[0], parts[1].split(", "), unescape(parts[2])


def answers(data, head_of):
    """Statuses of the answers in the bytes, interim ones left out; None: they are cut."""
    statuses = []
    while data.startswith(b"HTTP/"):
        head, found, data = data.partition(b"\r\n\r\n")
        status = int(head[9:12])
        if not found:
            return None
        if status < 200:
            continue
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        size = int(length.group(1)) if length and not head_of(len(statuses)) else 0
        if len(data) < size:
            return None
        data = data[size:]
        statuses.append(status)
    return statuses


def ask(data, address):
    """All that comes back; None: a reset."""
    s = socket.socket()
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.settimeout(30)
    s.bind((address, 0))
    s.connect((host, port))
    got = b""
    try:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # it was refused before it was whole
    try:
        while more := s.recv(1 << 16):
            got += more
    except ConnectionError:
        return None
    finally:
        s.close()
    return got


class Victim:
    def __init__(self):
        self.n, self.sock = 0, None

    def asks(self):
        if not self.sock:
            self.sock = socket.create_connection((host, port), 30)
        self.n += 1
        self.sock.sendall(b"GET /victim/%d HTTP/1.1\r\nHost: victim\r\n\r\n" % self.n)
        got = b""
        while not got.endswith(b"/victim/%d" % self.n):
            try:
                more = self.sock.recv(1 << 16)
            except TimeoutError:
                more = b""
            got += more
            if not more or len(got) > 1000:
                self.sock = None
                return got
        return None if len(re.findall(rb"HTTP/1.1 200", got)) == 1 else got


def heads_seen():
    """How many, by address."""
    if server == "nginx":
        lines = [line.rstrip("\n") for line in open(sys.argv[6], encoding="latin1")]
        named = [line.split(" ")[0] for line in lines if not line.startswith("- ") or not line.endswith(" 400")]
        return {a: named.count(a) for a in set(named)}
    report = json.loads(ask(b"GET /report HTTP/1.1\r\nHost: a\r\n\r\n", net + ".255.1").partition(b"\r\n\r\n")[2])
    # Who takes the body of a GET for requests has seen two by its own fault, and harmed nobody else.
    for what in [] if server == "bodiless" else report["unnamed"] + report["rest"]:
        wrong("the server has seen", repr(what))
    return {a: len(lines) for a, lines in report["heads"].items()}


def as_wanted(statuses, want, more):
    if statuses is None:
        return False
    # Of a request that never ends nginx may think something (413), and who answers with the head has answered, before its
    # end is known to be missing.
    if more and len(statuses) == len(want) + 1 and (statuses[-1] == 400 or server in ("nginx", "early")):
        statuses = statuses[:-1]
    if server == "early":  # it may end the connection behind any answer
        return statuses == want[: len(statuses)] and len(statuses) >= min(1, len(want))
    if server == "nginx" and want == [200] and statuses[0] != 200:  # what it refuses is no tunnel
        return True
    if server == "nginx":  # what it thinks of a request that went on is its own
        statuses = [w if w == 200 else s for s, w in zip(statuses, want)] + statuses[len(want) :]
    return statuses == want


victim = Victim()
most, least, names = {}, {}, {}
for i, (name, outcomes, data) in enumerate(rows()):
    address = f"{net}.{i // 250}.{i % 250 + 1}"
    names[address] = name
    oks = outcomes.count("ok")
    least[address] = oks
    most[address] = oks + (outcomes[-1] == "more" or outcomes[-1].endswith(BODY))
    try:
        got = ask(data, address)
    except TimeoutError:
        wrong(name, "is never over")
        got = b""
    first = data.lstrip(b"\r\n")
    statuses = None if got is None else answers(got, lambda n: n == 0 and first.startswith(b"HEAD "))
    want = [200 if o == "ok" else int(o.split()[0]) for o in outcomes if o != "more" and not o.startswith("0 ")]
    if not as_wanted(statuses, want, outcomes[-1] == "more"):
        wrong(name, "wants", want, "hears", statuses if statuses is not None else got)
    said = victim.asks()
    if said is not None:
        wrong(name, "and then a victim hears", said)
seen = heads_seen()
for address in set(seen) - set(names) - {host, net + ".255.1", "10.1.0.1"}:
    wrong(seen[address], "heads of", address)
for address, name in names.items():
    n = seen.get(address, 0)
    if n > most[address] or (n < least[address] and server not in ("early", "nginx")):
        wrong(name, "was seen as", n, "requests, is", least[address])
print(len(names), "rows", faults, "faults")
