"""For kernel_bans.sh: bans_api.py COUNT FILE: CrowdSec's local API as a bouncer sees it. The first answer has COUNT bans, the others nothing new; the
moment at which the first has gone, in nanoseconds, is written to FILE."""
import http.server
import json
import random
import sys
import time

count, path = int(sys.argv[1]), sys.argv[2]
addresses = ["%d.%d.%d.%d" % tuple(n.to_bytes(4, "big")) for n in random.Random(7).sample(range(0x14000000, 0xd0000000), count)]
bans = [{"duration": "3h59m57s", "id": i, "origin": "CAPI", "scenario": "drawn", "scope": "Ip", "type": "ban", "value": a} for i, a in enumerate(addresses, 1)]
ALL = json.dumps({"new": bans, "deleted": None}).encode()
NOTHING = json.dumps({"new": None, "deleted": None}).encode()


class API(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        first = "startup=true" in self.path
        body = ALL if first else NOTHING
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if first:
            with open(path, "w") as f:
                f.write(str(time.time_ns()))

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 18080), API)
print("ready", flush=True)
server.serve_forever()
