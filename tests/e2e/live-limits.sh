#!/usr/bin/env bash
# Live, limits that are reached: each is told of in a line with how often, and these lines add up to the counters; the
# service goes on, also with nobody left to read its counters.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

site one
rules small <<'RULES'
limits { flows 16; half_open 4 }
pool web { server one 10.2.0.2:80 }
pool silent { server one 10.2.0.77:80 }
service shop on 10.1.0.100 tcp/80 { mode passthrough; announce; -> web }
service few on 10.1.0.101 tcp/80 { mode passthrough; announce; max flows 2; -> web }
service nobody on 10.1.0.102 tcp/80 { mode passthrough; announce; -> silent }
RULES
cat >connect.py <<'END'
"""connect.py ADDRESS COUNT [wait] [hold]: so many connections at once; `wait`: each is complete before the next begins; `hold`: they stay."""
import signal, socket, sys, time
held, begun = [], 0
for i in range(int(sys.argv[2])):
    s = socket.socket()
    s.settimeout(20 if "hold" in sys.argv else 1)
    if "wait" not in sys.argv: s.setblocking(False)
    try:
        s.connect((sys.argv[1], 80))
        begun += 1
    except OSError: pass
    held.append(s)
if "wait" not in sys.argv: time.sleep(1.5) # SYNs are sent again after a second
if "hold" in sys.argv:
    with open("connected", "w") as told: print(begun, file=told)
    signal.pause()
END
told() { until_true 150 "$1 is told" grep -q "\"event\":\"$1\".*$2" prey.err; } # EVENT WORDS
# sum EVENT WORDS: the figures of its lines.
sum() { grep "\"event\":\"$1\".*$2" prey.err | sed 's/.*: \([0-9]*\)".*/\1/' | awk '{ n += $1 } END { print n + 0 }'; }

prey prey -i wan -i lan --log json --format json small.pbc
at client python3 connect.py 10.1.0.102 12
at client python3 connect.py 10.1.0.101 3 wait
at client python3 connect.py 10.1.0.100 40 wait
told limit 'half-open flows removed'
told neighbour 'on the way to 10.2.0.77 on lan'
told limit 'max flows'
told evicted 'established flows removed'
same 'it serves' "$(at client curl -s -m 20 http://10.1.0.100/)" one
kill -USR1 "$prey"
until_true 100 'SIGUSR1 prints' python3 -c 'import json; json.load(open("prey.out"))'
adds_up 'SIGUSR1: every frame has one verdict'
truncate -s 0 prey.out
prey_ends
adds_up 'every frame has one verdict'
same 'evictions of established flows: the lines add up to the counter' "$(sum evicted .)" "$(number flows ended evicted-established)"
same 'half-open flows: so do they' "$(sum limit 'half-open flows removed')" "$(number flows ended half-open-limit)"
same '`max flows`: so do they' "$(sum limit 'max flows')" "$(number reasons max-flows packets)"
same 'neighbours: so do they' "$(sum neighbour .)" "$(number live lost neighbour)"
same 'too many that waited: so do they' "$(sum lost 'too many packets waited')" "$(number live lost crowd)"
same 'a limit is told of at most each ten seconds' "$(($(grep -c 'established flows removed' prey.err) < 5))" 1

# Ports that run short are told of before somebody is refused: by a service, and by a nat. Connections that are over don't
# count: they give their ports up.
rules ports <<'RULES'
interface lan = "lan"
pool web { source 10.2.0.50 ports 61000-61127; server one 10.2.0.2:80 }
service shop on 10.1.0.100 tcp/80 { mode passthrough; announce; -> web }
nat home { masquerade from 10.1.0.0/24 out on lan ports 62000-62127 }
RULES
ip -n "$id-client" route replace 10.2.0.2 via 10.1.0.2
for to in 10.1.0.100 10.2.0.2; do
    prey prey -i wan -i lan --exec user --log json --format json ports.pbc
    for _ in $(seq 130); do at client curl -s -o /dev/null -m 20 "http://$to/"; done
    sleep 1.2
    same "$to: what is over uses up nothing" "$(grep -c 'nearly all translated ports' prey.err)" 0
    background client python3 connect.py $to 122 wait hold
    told limit 'nearly all translated ports were in use'
    until_true 300 'all have begun' test -s connected
    same "$to: and nobody was refused" "$(cat connected)" 122
    rm connected
    kill "$last"
    prey_ends
done

# As text: the same.
prey prey -i wan -i lan small.pbc
same 'it serves again' "$(at client curl -s -m 20 http://10.1.0.100/)" one
prey_ends
# Of the one request's frames five have passed for sure: both SYNs, an ACK, the question and the answer.
same 'as text: the totals are the frames that arrived' "$(awk '
    function n(s) { gsub(",", "", s); return s }
    /^  total/ && !total { total = n($2) }
    /^(wan|lan) / { came += n($2) }
    END { print (total > 4) " " (total == came ? "equal" : total " " came) }' prey.out)" '1 equal'

# Whoever reads the counters does not, or has gone: the service goes on, and the end says so by its status.
mkfifo reader
python3 -c "import fcntl, sys, time; fcntl.fcntl(0, fcntl.F_SETPIPE_SZ, 4096); open('small', 'w'); time.sleep(60)" <reader &
held=$!
pids="$pids $held"
: >prey.err
ip netns exec "$id-prey" "$bin/preyrun" --workers 1 -i wan -i lan --format json small.pbc >reader 2>prey.err </dev/null &
prey=$!
pids="$pids $prey"
until_true 100 'ready, with a reader' grep -q ^ready prey.err
until_true 100 'a small pipe' [ -e small ]
full() { kill -USR1 "$prey"; grep -q 'its reader has stopped reading' prey.err; }
until_true 200 'a full pipe is told' full
same 'it serves meanwhile' "$(at client curl -s -m 20 http://10.1.0.100/)" one
kill "$held"
wait "$held" 2>/dev/null
kill -USR1 "$prey"
until_true 100 'that nobody reads is told' grep -q 'Broken pipe' prey.err
same 'it serves on' "$(at client curl -s -m 20 http://10.1.0.100/)" one
prey_ends
same 'and ends with 2' "$status" 2
exit $failed
