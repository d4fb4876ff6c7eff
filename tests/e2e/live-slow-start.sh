#!/usr/bin/env bash
# Live, slow start with a table of 65,537 slots: a server that comes back gets its share step by step, while clients go on
# asking, and no request fails.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

site one two
rules shop <<'RULES'
check alive = http GET "/" expect 200 every 100ms timeout 1s rise 2 fall 2
limits { maglev 65537 }
pool web {
  balance maglev
  check alive
  slow start 4s
  server one 10.2.0.2:80
  server two 10.2.0.3:80
}
service shop on 10.1.0.100 tcp/80 { mode passthrough; announce; -> web }
RULES
prey prey -i wan -i lan --workers 2 --log text --format json shop.pbc
same 'it serves' "$(ask client 10.1.0.100/ | grep -cE 'one|two')" 1
kill -STOP "$web_one"
until_true 200 'silence is found' grep -q 'web/one is down' prey.err && ok 0 'silence is found'

# Requests one after the other, with their times, until one has had its full share for a second.
cat >ask.py <<'END'
import socket, sys, time
end = time.monotonic() + 60
first = None
while time.monotonic() < end:
    at = time.monotonic()
    try:
        s = socket.create_connection(("10.1.0.100", 80), timeout=10)
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        text = b""
        while more := s.recv(4096):
            text += more
        s.close()
        who = text.split()[-1].decode()
    except (OSError, IndexError) as e:
        who = "failed"
    if who == "one" and first is None:
        first = at
    print(at - first if first is not None else -1, who, flush=True)
    if first is not None and at - first > 5.5:
        break
    time.sleep(0.002)
END
background client python3 ask.py >asked
asker=$last
until_true 200 'clients ask' grep -q two asked
kill -CONT "$web_one"
until_true 200 'it is up again' grep -q 'web/one is up' prey.err && ok 0 'it is up again'
wait "$asker"
same 'no request failed' "$(grep -c failed asked)" 0
# In the first second it has 3 tenths of its weight at most; at the end a half of all. A machine that asked little says nothing.
same 'its share rises to a half' "$(python3 - <<'END'
rows = [line.split() for line in open("asked")]
def share(begin, end):
    who = [w for at, w in rows if begin <= float(at) < end]
    return len(who), who.count("one") / max(len(who), 1)
(few, early), (many, late) = share(0, 0.8), share(4.2, 9)
print("rises" if few < 60 or many < 60 or (early < 0.35 and 0.35 < late < 0.65 and early < late) else (few, early, many, late))
END
)" rises
prey_sums 'slow start'
exit $failed
