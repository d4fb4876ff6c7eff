"""hasher.py NAME:PORT...: on these ports of both families, who has ended hears the name, how many bytes he sent, and their hash; who
begins with `give N` and the end of a line hears N bytes instead (hashed.py). Says `ready`."""
import asyncio
import hashlib
import sys

from hashed import stream


async def give(writer, count):
    for part in stream(count):
        writer.write(part)
        await writer.drain()


def server(name):
    async def serve(reader, writer):
        hashed, count = hashlib.sha256(), 0
        try:
            part = await reader.read(262144)
            if part.startswith(b"give "):
                await give(writer, int(part.split()[1]))
                return
            while part:
                hashed.update(part)
                count += len(part)
                part = await reader.read(262144)
            writer.write(f"{name} {count} {hashed.hexdigest()}\n".encode())
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
