"""Many clients of HTTP at once, who break off as they please, and servers who prove each request's bytes.

  mixed.py serve PORT
  mixed.py ask HOST PORT CLIENTS SECONDS SEED    prints what is wrong, then `right N pages N broken N wrong N`

A request is /CLIENT/NUMBER/BYTES/FRAMING; every body, both ways, is `<CLIENT/NUMBER>` again and again, so that bytes of
another client's, or of another request's, show. Clients reset in the middle of requests and answers, end in order
before the answer, read slowly, send several requests ahead. Servers frame by length, in chunks, or by the end of the
connection, and now and then end it without an answer. `right`: whole answers of servers, compared byte by byte;
`pages`: 502 of the proxy's own, where a server ended without one; `broken`: connections that ended before an answer was whole."""
import asyncio
import collections
import logging
import random
import re
import socket
import struct
import sys

logging.disable()  # asyncio tells of every reset
LOST = (ConnectionError, asyncio.IncompleteReadError)


def body(mark, size):
    return (mark * (size // len(mark) + 1))[:size]


async def head_of(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return head, int(length.group(1)) if length else None, b"\r\nTransfer-Encoding: chunked" in head


async def chunks(reader):
    parts = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        parts.append((await reader.readexactly(size + 2))[:-2])
    await reader.readexactly(2)
    return b"".join(parts)


def put_chunks(writer, data, draw):
    while data:
        n = draw.randrange(1, 20000)
        writer.write(b"%x\r\n%s\r\n" % (len(data[:n]), data[:n]))
        data = data[n:]
    writer.write(b"0\r\n\r\n")


async def answer(reader, writer, draw):
    head, length, chunked = await head_of(reader)
    client, number, size, framing = head.split(b" ")[1].strip(b"/").split(b"/")
    mark = b"<%s/%s>" % (client, number)
    came = await chunks(reader) if chunked else await reader.readexactly(length or 0)
    if came != body(mark, len(came)):
        writer.write(b"HTTP/1.1 418 Other's\r\nContent-Length: 0\r\n\r\n")
        return True
    if draw.random() < 0.01:
        return False
    data = body(mark, int(size))
    if framing == b"length":
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(data), data))
    elif framing == b"chunked":
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        put_chunks(writer, data, draw)
    else:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + data)
    await writer.drain()
    return framing != b"end"


async def serve(port):
    draw = random.Random(port)

    async def comes(reader, writer):
        try:
            while await answer(reader, writer, draw):
                pass
        except LOST:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(comes, "", port, backlog=512)
    await server.serve_forever()


class Client:
    def __init__(self, to, number, seed, said):
        self.to, self.number, self.draw, self.said, self.asked = to, number, random.Random(seed * 1000 + number), said, 0

    def request(self):
        """Its bytes, and what is to come."""
        draw, self.asked = self.draw, self.asked + 1
        size = draw.choice((0, 1, 100, 5000, 70000, draw.randrange(600000)))
        path = b"/%d/%d/%d/%s" % (self.number, self.asked, size, draw.choice((b"length", b"length", b"chunked", b"end")))
        mark, sent = b"<%d/%d>" % (self.number, self.asked), draw.choice((0, 0, 10, 4000, draw.randrange(200000)))
        head = b"%s %s HTTP/1.1\r\nHost: a\r\n" % (b"POST" if sent else b"GET", path)
        return head + (b"Content-Length: %d\r\n\r\n%s" % (sent, body(mark, sent)) if sent else b"\r\n"), body(mark, size)

    async def hear(self, reader, want):
        head, length, chunked = await head_of(reader)
        if length is not None:
            got = await reader.readexactly(length)
        else:
            got = await (chunks(reader) if chunked else reader.read(-1))
        status = int(head[9:12])
        if status == 502:
            self.said["pages"] += 1
        elif status == 200 and got == want:
            self.said["right"] += 1
        else:
            self.said["wrong"] += 1
            print(self.number, self.asked, status, len(got), "bytes for", len(want), got[:60], want[:20], flush=True)
        return b"\r\nConnection: close" not in head and (length is not None or chunked)

    async def connection(self):
        reader, writer = await asyncio.open_connection(*self.to)
        draw = self.draw
        try:
            for _ in range(draw.randrange(1, 12)):
                ahead = [self.request() for _ in range(draw.choice((1, 1, 1, 3)))]
                data = b"".join(sent for sent, _ in ahead)
                leaves = draw.random()
                if leaves < 0.05:  # in the middle of a request
                    writer.write(data[: draw.randrange(len(data))])
                    await asyncio.sleep(draw.random() / 50)
                    return self.reset(writer)
                writer.write(data)
                if leaves < 0.10:  # in the middle of an answer
                    await reader.readexactly(1)
                    return self.reset(writer)
                if leaves < 0.12:
                    writer.write_eof()
                if leaves < 0.15:
                    await asyncio.sleep(draw.random() / 10)
                for _, want in ahead:
                    if not await self.hear(reader, want):
                        return
                if 0.10 <= leaves < 0.12:
                    return
        finally:
            writer.close()

    @staticmethod
    def reset(writer):
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def goes_on(self, until):
        while asyncio.get_running_loop().time() < until:
            try:
                await asyncio.wait_for(self.connection(), 60)
            except LOST:
                self.said["broken"] += 1
            except asyncio.TimeoutError:
                self.said["wrong"] += 1
                print(self.number, self.asked, "nothing comes", flush=True)


async def ask(host, port, clients, seconds, seed):
    said = collections.Counter()
    until = asyncio.get_running_loop().time() + seconds
    await asyncio.gather(*(Client((host, port), n, seed, said).goes_on(until) for n in range(clients)))
    print("right", said["right"], "pages", said["pages"], "broken", said["broken"], "wrong", said["wrong"])


if sys.argv[1] == "serve":
    asyncio.run(serve(int(sys.argv[2])))
asyncio.run(ask(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]), int(sys.argv[6])))
