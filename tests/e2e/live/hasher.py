"""hasher.py NAME:PORT...: on these ports of both families, who has ended hears the name, how many bytes he sent, and their hash; who
begins with `give N [AT]` and the end of a line hears N bytes instead (hashed.py). Who begins with `nap` is not read from until there
is a file `go`. The same in HTTP: GET /[AT/]N, GET /chunked/N, POST. Says `ready`."""
import asyncio
import hashlib
import os
import sys

from hashed import stream


async def give(writer, count, at=0, frame=lambda part: part):
    for part in stream(count, at):
        writer.write(frame(part))
        await writer.drain()


def chunk(part):
    return b"%x\r\n%s\r\n" % (len(part), part)


async def answer_get(writer, path):
    count = int(path.rpartition(b"/")[2])
    if path.startswith(b"/chunked/"):
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await give(writer, count, frame=chunk)
        writer.write(b"0\r\n\r\n")
    else:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % count)
        at = path.split(b"/")[1:-1]
        await give(writer, count, int(at[0]) if at else 0)


async def hash_of(reader, part, count=None):
    """Of what comes, `part` being the first of it: to the end, or so many bytes."""
    hashed, heard = hashlib.sha256(), 0
    while part:
        hashed.update(part)
        heard += len(part)
        if heard == count:
            break
        part = await reader.read(262144)
    return b"%d %s\n" % (heard, hashed.hexdigest().encode())


async def requests(reader, writer, part):
    while part:
        while b"\r\n\r\n" not in part:
            part += await reader.read(65536)
        head, _, part = part.partition(b"\r\n\r\n")
        method, path = head.split()[:2]
        if method == b"GET":
            await answer_get(writer, path)
        else:
            length = int(head.lower().partition(b"content-length:")[2].split()[0])
            said = await hash_of(reader, part or await reader.read(262144), length)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said))
            part = b""
        part = part or await reader.read(65536)


def server(name):
    async def serve(reader, writer):
        try:
            part = await reader.read(262144)
            if part.startswith(b"nap"):
                while not os.path.exists("go"):
                    await asyncio.sleep(0.05)
            if part.startswith(b"give "):
                await give(writer, *map(int, part.split()[1:]))
            elif part.startswith((b"GET /", b"POST /")):
                await requests(reader, writer, part)
            elif part:
                writer.write(name.encode() + b" " + await hash_of(reader, part))
        except ConnectionError:
            pass
        finally:
            writer.close()

    return serve


async def main():
    for pair in sys.argv[1:]:
        name, port = pair.split(":")
        for address in "0.0.0.0", "::":
            await asyncio.start_server(server(name), address, int(port), backlog=4096)
    print("ready", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
