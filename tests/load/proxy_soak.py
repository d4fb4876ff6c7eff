"""Clients of all kinds at once through a proxy, for SECONDS: proxy_soak.py SECONDS RESULT [sure]. Each asks for bytes that are its own, and
compares what comes. To a server that stays up nothing may fail; to others a connection may end early, but none may hear
what is not its own; `sure`: without those others. Writes how often each kind did what, and the first faults, as JSON."""
import asyncio
import collections
import hashlib
import json
import os
import random
import socket
import ssl
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../e2e/live"))
from hashed import stream

V4, V6 = "10.1.0.2", "fd00:1::2"
PLAIN, HTTP, TLS, HTTPS, ASKS, PROXY, SHAKY, SHAKY_HTTP = 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
done, broken, faults = collections.Counter(), collections.Counter(), []


class Wrong(Exception):
    """Bytes of somebody else, or of nobody."""


def check(got, wanted, what):
    if got != wanted:
        raise Wrong(f"{what}: {got[:60]!r} for {wanted[:60]!r}, {len(got)} and {len(wanted)} bytes")


async def connect(host, port, tls=False):
    source = "10.1.0.%d" % random.randint(60, 67) if host == V4 else None
    return await asyncio.open_connection(host, port, ssl=context if tls else None, server_hostname="a.example" if tls else None,
                                         local_addr=(source, 0) if source else None)


async def says(host, port, prefix=b""):
    """Its bytes arrive at a server, which tells their hash."""
    body = b"\0" + random.randbytes(random.randint(1, 200000))
    reader, writer = await connect(host, port)
    try:
        writer.write(prefix + body)
        writer.write_eof()
        got = await reader.read()
    finally:
        writer.close()
    if not got:
        raise ConnectionError("nothing came")
    check(got.partition(b" ")[2], b"%d %s\n" % (len(body), hashlib.sha256(body).hexdigest().encode()), "the hash of what was said")


async def hears(host, port, tls=False):
    count, at = random.randint(1, 300000), random.randint(0, 65000)
    reader, writer = await connect(host, port, tls)
    try:
        writer.write(b"give %d %d\n" % (count, at))
        got = await reader.read()
    finally:
        writer.close()
    wanted = b"".join(stream(count, at))
    check(got, wanted[: len(got)], "what was given")
    if len(got) < count:
        raise ConnectionError("cut short")


async def answer(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split()[0])
    return int(head.split()[1]), await reader.readexactly(length)


async def requests(host, port, tls=False):
    reader, writer = await connect(host, port, tls)
    try:
        for _ in range(random.randint(1, 8)):
            if random.random() < 0.5:
                count, at = random.randint(1, 100000), random.randint(0, 65000)
                writer.write(b"GET /%d/%d HTTP/1.1\r\nHost: a.example\r\n\r\n" % (at, count))
                wanted = b"".join(stream(count, at))
            else:
                body = random.randbytes(random.randint(1, 100000))
                writer.write(b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
                wanted = b"%d %s\n" % (len(body), hashlib.sha256(body).hexdigest().encode())
            status, got = await answer(reader)
            if status in (502, 503, 504):
                raise ConnectionError(f"answered with {status}")
            check(got, wanted, f"a body of status {status}")
    finally:
        writer.close()


async def aborts(port, first):
    """Resets, wherever it is."""
    reader, writer = await connect(V4, port)
    writer.write(first)
    await asyncio.sleep(random.random() / 50)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


target = b"10.2.0.2:9"
asked = b"%02d%s" % (len(target) + 4, target)
asked += b"%02d" % (sum(asked) % 100)
SURE = {
    "plain": lambda: says(V4, PLAIN),
    "plain6": lambda: says(V6, PLAIN),
    "given": lambda: hears(V4, PLAIN),
    "given6": lambda: hears(V6, PLAIN),
    "requests": lambda: requests(V4, HTTP),
    "requests6": lambda: requests(V6, HTTP),
    "tls": lambda: hears(V4, TLS, True),
    "https": lambda: requests(V4, HTTPS, True),
    "instruction": lambda: says(V4, ASKS, asked),
    "proxy": lambda: says(V4, PROXY, b"PROXY TCP4 192.0.2.%d 192.0.2.2 1 2\r\n" % random.randint(1, 200)),
}
SHAKES = {
    "shaky": lambda: says(V4, SHAKY),
    "shaky-given": lambda: hears(V4, SHAKY),
    "shaky-requests": lambda: requests(V4, SHAKY_HTTP),
    "abort": lambda: aborts(PLAIN, b"give 3000000 0\n"),
    "abort-request": lambda: aborts(HTTP, b"GET /7/3000000 HTTP/1.1\r\nHost: a\r\n\r\n"),
    "abort-body": lambda: aborts(HTTP, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc"),
    "abort-hello": lambda: aborts(HTTPS, b"\x16\x03\x01\x02\x00\x01"),
    "garbage": lambda: aborts(HTTP, random.randbytes(300)),
}


async def again_and_again(kind, do, sure, end):
    loop = asyncio.get_running_loop()
    while loop.time() < end and len(faults) < 10:
        try:
            await asyncio.wait_for(do(), 30)
            done[kind] += 1
        except Wrong as e:
            faults.append(f"{kind}: {e}")
        except (OSError, EOFError, asyncio.TimeoutError) as e:
            broken[kind] += 1
            if sure or isinstance(e, asyncio.TimeoutError):
                faults.append(f"{kind}: {e!r}")
            await asyncio.sleep(0.02)


async def main():
    end = asyncio.get_running_loop().time() + float(sys.argv[1])
    jobs = [again_and_again(k, do, True, end) for k, do in SURE.items() for _ in range(2)]
    if sys.argv[3:] != ["sure"]:
        jobs += [again_and_again(k, do, False, end) for k, do in SHAKES.items()]
    await asyncio.gather(*jobs)
    json.dump({"done": done, "broken": broken, "faults": faults}, open(sys.argv[2], "w"))


asyncio.run(main())
