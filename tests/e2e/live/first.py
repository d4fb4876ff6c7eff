"""What clients may say first, and what becomes of them: first.py TABLE. Each row of a table is a connection of its own, all rows
at once and for both families; it sends its bytes, ends (or is silent, or resets), and reads to the end. Prints a line of TAP for
each row, and at last `counted`, a JSON object: how many connections are to be counted by which reason.

A row: SENTENCE, PORT, bytes or their parts, WANTED, and maybe how the client ends and the reasons. WANTED: the name of a server,
which must have heard the bytes (all of them, or those behind HEARD), a status of HTTP with a word of the body, or `reset`."""
import asyncio
import collections
import errno
import hashlib
import json
import resource
import socket
import ssl
import struct
import sys

most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

HOSTS = {4: "10.1.0.2", 6: "fd00:1::2"}
ENDS, SILENT, RESETS = "ends", "silent", "resets"
counted = collections.Counter()


def hello(name=None, alpn=()):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    out = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def records(hello, size):
    """The same hello in records of so many bytes."""
    body = hello[5:]
    return b"".join(b"\x16\x03\x01" + struct.pack("!H", len(body[i : i + size])) + body[i : i + size] for i in range(0, len(body), size))


def longer(hello, by):
    """The same hello with an extension that nobody knows, of so many bytes, in records of 16 KiB."""
    body = bytearray(hello[5:])
    at = 38 + 1 + body[38]
    at += 2 + int.from_bytes(body[at : at + 2], "big")
    at += 1 + body[at]
    body[at : at + 2] = (len(body) - at - 2 + 4 + by).to_bytes(2, "big")
    body += b"\x5a\x5a" + by.to_bytes(2, "big") + bytes(by)
    body[1:4] = (len(body) - 4).to_bytes(3, "big")
    return records(hello[:5] + bytes(body), 1 << 14)


def instruction(target, check=None):
    length = len(target) + 4
    said = b"%02d%s" % (length, target)
    return said + (check or b"%02d" % (sum(said) % 100))


def get(host="a.example", path="/", fields="", method="GET", ends="Connection: close\r\n"):
    return f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{fields}{ends}\r\n".encode()


class Row:
    def __init__(self, says, port, parts, wanted, ends=ENDS, heard=None, why=None, family=None, source=None):
        source = source or {4: "10.1.0.1", 6: "fd00:1::1"}
        self.says, self.port, self.wanted, self.ends, self.why, self.family, self.source = says, port, wanted, ends, why, family, source
        self.parts = [parts] if isinstance(parts, bytes) else parts
        self.heard = b"".join(self.parts) if heard is None else heard


async def talk(row, family):
    """What came back, as WANTED is written."""
    reader, writer = await asyncio.open_connection(HOSTS[family], row.port, local_addr=(row.source[family], 0))
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        for at, part in enumerate(row.parts):
            if at:
                await asyncio.sleep(0.1 if len(row.parts) == 2 else 0.02)
            writer.write(part)
            await writer.drain()
        if row.ends == RESETS:
            await asyncio.sleep(0.1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return "reset"
        if row.ends == ENDS:
            writer.write_eof()
        got = await asyncio.wait_for(reader.read(), 30)
    except OSError as e:  # a reset that came before the end was sent: ENOTCONN
        return "reset" if isinstance(e, ConnectionError) or e.errno == errno.ENOTCONN else str(e)
    finally:
        writer.close()
    if got.startswith(b"HTTP/1."):
        return f"{got[9:12].decode()} {got.split()[-1].decode()}" if row.wanted.startswith("200") else got[9:12].decode()
    if got.startswith(b"\x00\x00"):
        return "goaway" if b"\x00\x00\x00\x0d" in got else "frames"
    if got.endswith(b"%d %s\n" % (len(row.heard), hashlib.sha256(row.heard).hexdigest().encode())):
        return got.split()[0].decode()
    return repr(got[:60])


async def run(rows):
    """Those with many pieces or of the same sentence are one line."""
    jobs = [(row, family) for row in rows for family in (4, 6) if row.family in (None, family)]
    got = await asyncio.gather(*(talk(*job) for job in jobs), return_exceptions=True)
    said = {}
    for (row, family), answer in zip(jobs, got):
        for reason in row.why or []:
            counted[reason] += 1
        key = f"{row.says}, IPv{family}"
        said.setdefault(key, [])
        if answer != row.wanted:
            said[key].append((answer, row.wanted))
    for sentence, wrong in said.items():
        for answer, wanted in wrong[:3]:
            print(f"# got:    {answer}\n# wanted: {wanted}")
        print(f"{'not ok' if wrong else 'ok'} - {sentence}")
    return any(wrong for wrong in said.values())


SNI, ALPN, BYTES, ASKS, HTTP, SHORT, TRUST, ASKS_OR, HTTP_SHORT = 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009


def keys():
    a, b, none = hello("a.example"), hello("x.b.example"), hello()
    yield Row("sni", SNI, a, "one")
    yield Row("sni, by a glob", SNI, b, "two")
    yield Row("sni that nobody asks for", SNI, hello("c.example"), "else")
    yield Row("no sni", SNI, none, "else")
    yield Row("sni in records of 40 bytes", SNI, records(a, 40), "one")
    yield Row("sni of a hello of 17 KiB", SNI, longer(a, 17000), "one")
    yield Row("sni of a hello of 60 KB", SNI, longer(b, 60000), "two")
    yield Row("sni in records of one byte", SNI, records(b, 1), "two")
    yield Row("sni, a byte at a time", SNI, [a[i : i + 1] for i in range(40)] + [a[40:]], "one")
    yield Row("sni with what follows it", SNI, a + b"x" * 100000, "one")
    yield Row("alpn, whatever else is offered", ALPN, hello("a", ["http/1.1", "h2"]), "two")
    yield Row("alpn that nobody asks for", ALPN, hello("a", ["http/1.1"]), "else")
    yield Row("bytes", BYTES, b"SSH-2.0-client\r\n", "one")
    yield Row("bytes with a mask", BYTES, b"\x45\x67rest", "two")
    yield Row("other bytes", BYTES, b"EHLO a.example\r\n", "else")
    yield Row("fewer bytes than are asked", BYTES, b"SS", "else")
    yield Row("an address", BYTES, b"anything", "two", source={4: "10.1.0.8", 6: "fd00:1::8"})
    for family, target in (4, b"10.2.0.2:9"), (6, b"[fd00:2::2]:9"):
        wide = b"%-32s" % (b"2 " + target.replace(b"]:", b"] ").replace(b".2:", b".2 "))
        yield Row("an instruction", ASKS, instruction(target) + b"and more", "one", heard=b"and more", family=family)
        yield Row("an instruction, a byte at a time", ASKS, [bytes([c]) for c in instruction(target)] + [b"and"], "one", heard=b"and", family=family)
        yield Row("an instruction of 32 bytes", ASKS, wide + b"and more", "one", heard=b"and more", family=family)
    yield Row("no instruction", ASKS_OR, b"hello", "else")
    yield Row("an instruction that isn't allowed, where there is an `else`", ASKS_OR, instruction(b"10.1.0.1:22"), "else")
    yield Row("host", HTTP, get("b.example"), "200 two")
    yield Row("host with a port, in other letters", HTTP, get("B.Example:1005"), "200 two")
    yield Row("host in the target", HTTP, b"GET http://b.example/ HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n", "200 two")
    yield Row("path", HTTP, get(path="/two/x"), "200 two")
    yield Row("path in normal form", HTTP, get(path="/x/../%74wo/y?z"), "200 two")
    yield Row("method", HTTP, get(method="DELETE"), "200 two")
    yield Row("a header", HTTP, get(fields="x-to: two\r\n"), "200 two")
    yield Row("nothing of that", HTTP, get(), "200 one")


def cut():
    """Every byte of a hello, and of a request, is once the first of a later segment."""
    whole = hello("a.example", ["h2"])
    for at in range(1, len(whole)):
        yield Row("a hello cut at every byte", SNI, [whole[:at], whole[at:] + b"x"], "one")
    request = get("b.example", "/x")
    for at in range(1, len(request)):
        yield Row("a request cut at every byte", HTTP, [request[:at], request[at:]], "200 two")


def bad():
    whole = hello("a.example")
    lying = whole[:9] + b"\x00\x00" + whole[11:]
    yield Row("garbage goes to `else`, as it is", SNI, bytes(range(255, 0, -1)) * 20, "else")
    yield Row("half a hello, and silence", SHORT, whole[:100], "reset", SILENT, why=["first-late", "first-bytes-late"])
    yield Row("half a hello, and the end", SNI, whole[:100], "reset", why=["first-bad", "first-bytes-cut"])
    yield Row("half a hello, and a reset", SNI, whole[:100], "reset", RESETS, why=["client-gone"])
    yield Row("a hello whose lengths lie", SNI, b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03" + b"r" * 32 + b"\x40" + b"s" * 10, "reset",
              why=["first-bad", "hello-malformed"])
    yield Row("a hello of a MiB", SNI, b"\x16\x03\x01\x40\x00\x01\x10\x00\x00\x03\x03" + b"x" * 16373, "reset", why=["first-bad", "hello-too-long"])
    yield Row("an instruction to a forbidden target", ASKS, instruction(b"10.1.0.1:22"), "reset", why=["instruction", "instruction-refused"])
    yield Row("an instruction to this machine", ASKS, instruction(b"127.0.0.1:22"), "reset", why=["instruction", "instruction-refused"])
    for what, said in (
        ("a wrong sum", instruction(b"10.2.0.2:9", b"00")),
        ("a wrong length", b"16" + instruction(b"10.2.0.2:9")[2:]),
        ("a length over 64", b"99" + b"1" * 97),
        ("no port", instruction(b"10.2.0.2")),
        ("a port that is none", instruction(b"10.2.0.2:99999")),
        ("an address that is none", instruction(b"10.2.0.256:9")),
        ("a v6 address without brackets", instruction(b"fd00:2::2:9")),
    ):
        yield Row(f"an instruction with {what}", ASKS, said + b"x" * 64, "reset", why=["instruction", "instruction-malformed"])
    known = {4: b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", 6: b"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n"}
    two = b"\r\n\r\n\0\r\nQUIT\n"
    lie = two + b"\x21\x11\x00\x02" + b"x" * 40
    for family in 4, 6:
        yield Row("a PROXY header of a trusted source", TRUST, known[family] + b"hello", "one", heard=b"hello", family=family)
        trusted = {"family": family, "source": {4: "10.1.0.8", 6: "fd00:1::8"}}
        yield Row("a PROXY header of another source", TRUST, known[family] + b"hello", "reset", why=["proxy-header", "proxy-header-untrusted"], **trusted)
        yield Row("another source without one", TRUST, b"hello", "one", **trusted)
    yield Row("a trusted source without a PROXY header", TRUST, b"hello, hello", "reset", why=["proxy-header", "proxy-header-missing"])
    yield Row("a PROXY header whose length lies", TRUST, lie, "reset", why=["proxy-header", "proxy-header-malformed"])
    yield Row("a PROXY header of nonsense", TRUST, b"PROXY TCP4 1 2 3 4\r\nx", "reset", why=["proxy-header", "proxy-header-malformed"])
    yield Row("a request of 70 KB of headers", HTTP, get(fields="".join(f"X-{i}: {'y' * 1000}\r\n" for i in range(70))), "431",
              why=["request-bad", "http-head-too-long"])
    yield Row("two Host headers", HTTP, get(fields="Host: b.example\r\n"), "400", why=["request-bad", "http-two-hosts"])
    yield Row("two lengths", HTTP, get(fields="Content-Length: 1\r\nContent-Length: 2\r\n") + b"xy", "400", why=["request-bad", "http-two-lengths"])
    yield Row("garbage for a request", HTTP, b"\x16\x03\x01\x02\x00\r\n\r\n", "400", why=["request-bad", "http-request-line"])
    yield Row("the preface of HTTP/2", HTTP, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "goaway", why=["request-bad", "http2"])
    yield Row("half a request, and silence", HTTP_SHORT, b"GET / HTTP/1.1\r\nHo", "408", SILENT, why=["request-bad", "first-bytes-late"])
    yield Row("no request, and silence", HTTP_SHORT, b"", "b''", SILENT, why=["first-late"])


async def slow():
    """300 that send a byte each 100 ms; how long until the last one was closed, in half seconds."""
    whole, begun = hello("a.example"), asyncio.get_running_loop().time()

    async def one():
        try:
            reader, writer = await asyncio.open_connection(HOSTS[4], SHORT)
            for c in whole:
                writer.write(bytes([c]))
                await writer.drain()
                await asyncio.sleep(0.1)
        except ConnectionError:
            return "reset"
        return "served"

    got = collections.Counter(await asyncio.gather(*(one() for _ in range(300))))
    print(f"# the last of 300 slow ones was closed after {asyncio.get_running_loop().time() - begun:.1f} s")
    print(f"{'ok' if got == {'reset': 300} else 'not ok'} - 300 that send a byte each 100 ms are closed in time: {dict(got)}")
    counted["first-late"] += 300
    counted["first-bytes-late"] += 300


async def rests():
    """Behind its first request a connection may rest for longer than its first bytes may take."""
    reader, writer = await asyncio.open_connection(HOSTS[4], HTTP_SHORT)
    got = []
    for _ in range(2):
        writer.write(get(ends=""))
        got.append((await reader.readuntil(b"\r\n")).split()[1])
        await reader.readuntil(b"one\n")
        await asyncio.sleep(1.5)
    writer.close()
    print(f"{'ok' if got == [b'200'] * 2 else 'not ok'} - a connection rests between requests for longer than before its first")


async def storm():
    """200 that reset in the middle of a hello, and 200 in the middle of what their server says."""

    async def one(said, hear):
        reader, writer = await asyncio.open_connection(HOSTS[4], SNI if hear == 0 else BYTES, local_addr=("10.1.0.8", 0))
        writer.write(said)
        await writer.drain()
        await (reader.readexactly(hear) if hear else asyncio.sleep(0.2))
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    half = hello("a.example")[:100]
    await asyncio.gather(*(one(half, 0) for _ in range(200)), *(one(b"give 10000000\n", 100000) for _ in range(200)))
    print("ok - a storm of resets")
    counted["client-gone"] += 200
    counted["client-reset"] += 200


tables = {"keys": keys, "cut": cut, "bad": bad}
if sys.argv[1] in ("slow", "rests", "storm"):
    failed = bool(asyncio.run({"slow": slow, "rests": rests, "storm": storm}[sys.argv[1]]()))
else:
    failed = asyncio.run(run(list(tables[sys.argv[1]]())))
json.dump(counted, open(f"counted.{sys.argv[1]}", "w"))
sys.exit(failed)
