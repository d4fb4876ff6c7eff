#!/usr/bin/env python3
"""A program in the middle of connections (`-> program "/run/prey/middle.sock"`): it prints the side that sends, and turns the
client's lower-case letters into upper case. Each direction of a connection is a stream of its own, with one thread.

    python3 middle.py /run/prey/middle.sock
"""
import ipaddress
import os
import socketserver
import struct
import sys

FROM_CLIENT, WAY, VLANS = 1, 0xE0, 0xE4


class Stream(socketserver.StreamRequestHandler):
    def begin(self):
        """Read the PROXY header: the client, where it wanted to go, and the TLVs."""
        _, _, family, length = struct.unpack("!12sBBH", self.rfile.read(16))
        rest, size = self.rfile.read(length), 4 if family >> 4 == 1 else 16
        ends = [ipaddress.ip_address(rest[at : at + size]) for at in (0, size)]
        ports = struct.unpack("!HH", rest[2 * size : 2 * size + 4])
        tlvs, at = {}, 2 * size + 4
        while at < length:
            kind, n = struct.unpack("!BH", rest[at : at + 3])
            tlvs[kind] = rest[at + 3 : at + 3 + n]
            at += 3 + n
        return list(zip(ends, ports)), tlvs

    def handle(self):
        (client, server), tlvs = self.begin()
        ours = tlvs[WAY][0] == FROM_CLIENT
        vlans = struct.unpack(f"!{len(tlvs.get(VLANS, b'')) // 2}H", tlvs.get(VLANS, b""))
        words = *client, "to" if ours else "from", *server, "vlans", *vlans
        print(" ".join(map(str, words)) + "\n", end="", flush=True)
        while piece := self.rfile.read1(65536):
            self.request.sendall(piece.upper() if ours else piece)


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 1024


if __name__ == "__main__":
    if os.path.exists(sys.argv[1]):
        os.unlink(sys.argv[1])
    with Server(sys.argv[1], Stream) as server:
        server.serve_forever()
