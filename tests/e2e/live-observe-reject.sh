#!/usr/bin/env bash
# `-> reject` in mode observe, live: a ClientHello in small segments with a bad name resets both ends, and the server never has a byte
# of it; others pass whole, and those that nothing can be said of wait for their time.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

across client server

rules guard <<'END'
names bad = "bad.example", "*.worse.example"
firewall edge forward default accept { }
service guard on any tcp/any {
  mode observe first bytes within 6s
  sessions to "sessions.jsonl" limit 1MiB
  when sni bad -> reject
  when reply bytes payload at 0 is x"4e4f" -> reject
  else -> pass
}
END

# A server that gives back what it gets, and writes down of each connection how much that was, and how it ended.
cat >echo.py <<'END'
import socket, threading
out = open("served", "a", buffering=1)
def serve(c):
    had, how = 0, "end"
    try:
        while True:
            data = c.recv(65536)
            if not data:
                break
            had += len(data)
            c.sendall(data if data != b"say no" else b"NO")
    except OSError:
        how = "reset"
    out.write("%d %s\n" % (had, how))
    c.close()
def accept(family, host):
    s = socket.socket(family)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((host, 443))
    s.listen(64)
    out.write("ready\n")
    while True:
        threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
threading.Thread(target=accept, args=(socket.AF_INET6, "fd00:1::2"), daemon=True).start()
accept(socket.AF_INET, "10.1.0.2")
END
cat >hello.py <<'END'
import socket, ssl, sys
host, name, piece, more = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
if name.startswith("="):
    hello = name[1:].encode()
else:
    ctx, into, out = ssl.create_default_context(), ssl.MemoryBIO(), ssl.MemoryBIO()
    t = ctx.wrap_bio(into, out, server_hostname=name)
    try:
        t.do_handshake()
    except ssl.SSLWantReadError:
        pass
    hello = out.read()
s = socket.create_connection((host, 443), 80)
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
sent, got = b"", b""
try:
    for i in range(0, len(hello), piece):
        sent += hello[i:i + piece]
        s.sendall(hello[i:i + piece])
    rest = bytes(i * 7 % 251 for i in range(more))
    sent += rest
    s.sendall(rest)
    s.shutdown(socket.SHUT_WR)
    while True:
        d = s.recv(65536)
        if not d:
            break
        got += d
    print("same" if got == sent else "other %d %d" % (len(got), len(sent)))
except ConnectionResetError:
    print("reset", len(got))
END
at server python3 echo.py &
pids="$pids $!"
ready() { [ "$(grep -c ready served)" = 2 ]; }
until_true 100 'the server listens' ready
prey prey --bridge a:b --workers 1 --record film --control "$PWD/control" --format json guard.pbc

say() { at client timeout 100 python3 hello.py "$@"; }
served() { grep -v ready served; }
many() { [ "$(served | wc -l)" -ge "$1" ]; }

same 'a bad name, in one segment, in segments of 60 bytes and of 90, over IPv6: reset' \
    "$(say 10.1.0.2 bad.example 9999 0; say 10.1.0.2 a.worse.example 60 0; say 10.1.0.2 bad.example 90 0; say fd00:1::2 bad.example 100 0)" \
    "$(printf 'reset 0\n%.0s' 1 2 3 4)"
until_true 100 'the server has heard of all of them' many 4
same 'the server was reset, and never saw a byte' "$(served | sort | uniq -c | xargs)" '4 0 reset'

same 'a good name, in one segment, in pieces, with much behind it; no TLS: whole, both ways' \
    "$(say 10.1.0.2 good.example 9999 0; say 10.1.0.2 good.example 40 3000000; say fd00:1::2 good.example 7 1000; say 10.1.0.2 =hello 2 100000)" \
    "$(printf 'same\n%.0s' 1 2 3 4)"
same 'the beginning of a hello and no more, then the end: it goes on' "$(say 10.1.0.2 "=$(printf '\026\003\001')" 1 0)" 'same'
same "what a server says may reset, too, once it has gone by" "$(say 10.1.0.2 '=say no' 9999 0 | cut -d' ' -f1)" reset

sessions() {
    python3 -c 'import json
s = [json.loads(l) for l in open("sessions.jsonl")]
print([(x["branch"], x["why"], x.get("sni")) for x in s][:4], len([x for x in s if x["why"] == "rejected"]))'
}
told() { [ "$(wc -l <sessions.jsonl)" -ge 10 ]; }
until_true 100 'sessions have ended' told
same 'sessions say so' "$(sessions)" \
    "[('reject', 'rejected', 'bad.example'), ('reject', 'rejected', 'a.worse.example'), ('reject', 'rejected', 'bad.example'), ('reject', 'rejected', 'bad.example')] 5"

prey_ends
same "what was rejected and held is counted" "$("$tools/figures" prey.out number observed rejected) $(("$("$tools/figures" prey.out number observed held)" > 9))" "5 1"
exit $failed
