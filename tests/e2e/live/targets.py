"""Targets of health checks, good and bad: targets.py ADDRESS=ANSWERS...

At port 81 of each address HTTP requests are answered as ANSWERS says, a letter a probe, `g` with 200 and `b` with 503; what stands
behind `/` repeats. At port 82 connections are taken and nothing is said, at 83 an answer comes byte by byte without end, at 84 it is
a redirection, at 85 a flood. Says `ready`, and `enough` when each address of port 81 was asked twenty times."""
import asyncio
import itertools
import sys

ENOUGH = 20
asked = {}


def answers(text):
    once, _, again = text.partition("/")
    return itertools.chain(once, itertools.cycle(again))


def scripted(address, text):
    rest = answers(text)
    asked[address] = 0

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" if next(rest) == "g" else b"HTTP/1.1 503 Busy\r\n\r\n")
        asked[address] += 1
        if asked[address] == ENOUGH and min(asked.values()) >= ENOUGH:
            print("enough", flush=True)
        writer.close()

    return answer


async def silent(reader, writer):
    await reader.read()
    writer.close()


async def drips(reader, writer):
    for byte in itertools.cycle(b"HTTP/1.1 200 and more of it "):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)


async def redirects(reader, writer):
    writer.write(b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n")
    writer.close()


async def floods(reader, writer):
    while True:
        writer.write(b"HTTP/1.1 200 " + b"a" * 65536)
        await writer.drain()


def quiet(handler):
    async def handle(reader, writer):
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.close()

    return handle


async def main():
    for pair in sys.argv[1:]:
        address, _, text = pair.partition("=")
        await asyncio.start_server(quiet(scripted(address, text)), address, 81)
    for port, handler in ((82, silent), (83, drips), (84, redirects), (85, floods)):
        await asyncio.start_server(quiet(handler), None, port)
    print("ready", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
