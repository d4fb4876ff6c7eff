#!/usr/bin/env bash
# A member that is added with `cut` ends its flows: by hand, in a feed, by a rule; plain ones, translated, balanced and proxied; of a host, of a
# network, of a server. Others go on, and what begins afterwards does. A walk over very many flows holds no packet, and many cuts share it.
# EXEC=kernel: live-sets-cut-kernel.sh.
set -u
: "${EXEC:=user}"
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
. "$top/tests/e2e/live/sets.sh"

between one
address client eth0 10.1.0.9/24
ip -n "$id-client" route add default via 10.1.0.2
cat >echoes.py <<'PY'
import contextlib, selectors, socket
all = selectors.DefaultSelector()
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("", 7))
tcp = socket.create_server(("", 7))
all.register(udp, 1)
all.register(tcp, 1)
while True:
    for key, _ in all.select():
        with contextlib.suppress(OSError):
            if key.fileobj is udp:
                udp.sendto(*udp.recvfrom(2000))
            elif key.fileobj is tcp:
                all.register(tcp.accept()[0], 1)
            else:
                data = b""
                with contextlib.suppress(OSError):
                    data = key.fileobj.recv(2000)
                if not data:
                    all.unregister(key.fileobj)
                    key.fileobj.close()
                else:
                    key.fileobj.sendall(data)
PY
background one python3 "$work/echoes.py"
limits='limits { flows 300_000 }
timeouts { pickup 0s }
'
plain='
  accept icmp6 type nd
  drop from caught as CAUGHT
  add source to caught for 10m cut tcp to port 23 state new as TRAP
  accept state established as OPEN
  drop tcp state invalid as STRAY
  accept state new as NEW'
rules plain <<END
set seen = live size 100_000
set caught = live size 1000 never 10.2.0.0/16
firewall f forward default drop { $plain }
END
rules masked <<END
set seen = live size 100_000
set caught = live size 1000 never 10.2.0.0/16
firewall f forward default drop { $plain }
interface lan = "lan"
nat n { masquerade from 10.1.0.0/24 out on lan }
END
rules served <<END
set seen = live size 100_000
pool p { server one 10.2.0.2:7 }
service wire on 10.1.0.100 tcp/70 { mode passthrough; announce; -> p }
service ends on 10.1.0.2 tcp/71 { mode proxy; -> p }
END
# runs PROGRAM: it does, from an empty table on. The kernel's makes tables for what sends on at a start alone.
runs() {
    [ -z "${prey-}" ] || prey_ends
    prey prey -i wan -i lan "$1"
    is_ready prey || exit 1
}
runs plain.pbc

# One process that holds connections: `open NAME tcp|udp SOURCE ADDRESS PORT`, `say NAME`: what comes back within 0.7 s.
cat >keep.py <<'PY'
import socket, sys
held = {}
def say(name):
    s = held[name]
    try:
        s.sendall(b"a")
        return "echo" if s.recv(100) else "end"
    except socket.timeout:
        return "silent"
    except OSError as e:
        return "reset" if isinstance(e, ConnectionError) else str(e)
for line in sys.stdin:
    words = line.split()
    try:
        if words[0] == "open":
            s = held[words[1]] = socket.socket(socket.AF_INET, socket.SOCK_STREAM if words[2] == "tcp" else socket.SOCK_DGRAM)
            s.settimeout(0.7)
            s.bind((words[3], 0))
            s.connect((words[4], int(words[5])))
        print(say(words[1]), flush=True)
    except OSError as e:
        print(e, flush=True)
PY
coproc keep { ip netns exec "$id-client" python3 "$work/keep.py"; }
pids="$pids $keep_PID"
keeps() { # WORDS: what comes of it
    local answer
    echo "$*" >&"${keep[1]}"
    read -r answer <&"${keep[0]}"
    echo "$answer"
}
until_true 50 'the server answers' at one bash -c ': </dev/tcp/127.0.0.1/7'
sets() { ctl sets "$@"; echo "$status $(cat err out)"; }
counter() { at prey "$bin/preyctl" counters "$1" | awk -v name="$1" '$1 == name { print $2 }'; }
flows_of() { at prey "$bin/preyctl" flows "$1" | grep -c '^\(tcp\|udp\|icmp\)'; }

# By hand: a host's flows, whichever side it is.
same 'a connection' "$(keeps open a tcp 10.1.0.1 10.2.0.2 7)" echo
same 'a dialogue by UDP' "$(keeps open u udp 10.1.0.1 10.2.0.2 7)" echo
same "another host's connection" "$(keeps open b tcp 10.1.0.9 10.2.0.2 7)" echo
same 'add without the word ends nothing' "$(sets seen add 10.1.0.1)" '0 seen: 1 added'
same 'they go on' "$(keeps say a) $(keeps say u)" 'echo echo'
same 'a member that is kept cuts' "$(sets seen add 10.1.0.1 cut)" '0 seen: 1 kept, 2 flows ended'
same "a connection's next segment meets no flow" "$(keeps say a)" silent
same 'a dialogue begins anew' "$(keeps say u)" echo
same "the other host's goes on" "$(keeps say b)" echo
same 'a connection that begins behind it goes on' "$(keeps open a2 tcp 10.1.0.1 10.2.0.2 7) $(keeps say a2)" 'echo echo'
same 'the set has counted' "$(of_set seen cut)" 2
same 'the ends are counted' "$(counter flows.ended.cut)" 2
same 'a renewed one cuts' "$(sets seen add 10.1.0.1 for 5m cut)" '0 seen: 1 renewed, 2 flows ended'
same 'one without flows' "$(sets seen add 192.0.2.7 cut)" '0 seen: 1 added, 0 flows ended'
ctl sets seen add 10.1.0.1 cut --json
same 'the answer as JSON' "$(python3 -c 'import json; print(json.load(open("out"))["cut"])')" 0
keeps open c tcp 10.1.0.1 10.2.0.2 7 >/dev/null
same 'the host that was asked counts as the one who asked' "$(sets seen add 10.2.0.2 cut)" '0 seen: 1 added, 2 flows ended'
keeps open b tcp 10.1.0.9 10.2.0.2 7 >/dev/null
keeps open c tcp 10.1.0.1 10.2.0.2 7 >/dev/null
same 'a network' "$(sets seen add 10.1.0.0/29 cut for 1h)" '0 seen: 1 added, 1 flow ended'
same 'has them all' "$(keeps say b) $(keeps say c)" 'echo silent'
same 'what is refused cuts nothing' "$(sets caught add 10.2.0.2 cut)" '1 preyctl: 10.2.0.2: `never` contains it, or a part of it
caught: 1 refused, 0 flows ended'
keeps open c tcp 10.1.0.1 10.2.0.2 7 >/dev/null
printf '+10.1.0.1 5m cut\n+10.1.0.77 cut\n+10.1.0.78 5m\n+10.1.0.79 5m  cut \n+10.1.0.80 uncut\n-10.1.0.77 cut\n' >lines
timeout 60 ip netns exec "$id-prey" "$bin/preyctl" sets seen feed <lines >out 2>err
same 'a feed' "$? $(cat err out)" '1 preyctl: line 5: `+10.1.0.80 uncut`: only a time such as 30s, 5m, 2h or 7d, and `cut`, may follow the member
preyctl: line 6: `-10.1.0.77 cut`: nothing may follow a member to remove
seen: 3 added, 1 renewed, 2 refused, 1 flow ended'
same 'it has been cut' "$(keeps say c)" silent

# By a rule, which cuts once: when its member is new.
is_cut() { [ "$(of_set caught members)" -gt 0 ] && [ "$(of_set caught cut)" -gt "$before" ]; }
left=
for _ in 1 2 3 4 5; do
    keeps open c tcp 10.1.0.1 10.2.0.2 7 >/dev/null
    before=$(of_set caught cut)
    at client python3 -c 'import socket; s = socket.socket(); s.settimeout(0.2); s.bind(("10.1.0.1", 0)); s.connect_ex(("10.2.0.2", 23))'
    until_true 30 'a rule cuts' is_cut || left="$left none"
    left="$left $(flows_of 'from 10.1.0.1')"
    said=$(keeps say c)
    ctl sets caught remove 10.1.0.1
done
same 'a rule cuts, each time, the flow that was met, too' "$left $said" ' 0 0 0 0 0 silent'
same "another host's flow goes on" "$(keeps say b)" echo
same 'it may come again' "$(keeps open c tcp 10.1.0.1 10.2.0.2 7)" echo

# A translated flow: the client's own address counts, and what translates it is free again.
runs masked.pbc
keeps open b tcp 10.1.0.9 10.2.0.2 7 >/dev/null
keeps open c tcp 10.1.0.1 10.2.0.2 7 >/dev/null
keeps open d udp 10.1.0.1 10.2.0.2 7 >/dev/null
same "this machine's address, which all flows have, ends none" "$(sets seen add 10.2.0.1 cut)" '0 seen: 1 added, 0 flows ended'
same "the client's does" "$(sets seen add 10.1.0.1 cut)" '0 seen: 1 added, 2 flows ended'
same 'its next segment meets none' "$(keeps say c)" silent
same "the other's goes on" "$(keeps say b)" echo

# Services: a balanced flow by its client and by its server; a session of a proxy, whose ends are reset.
runs served.pbc
keeps open c tcp 10.1.0.1 10.1.0.100 70 >/dev/null
keeps open b tcp 10.1.0.9 10.1.0.100 70 >/dev/null
same 'a balanced flow' "$(sets seen add 10.1.0.1 cut)" '0 seen: 1 added, 1 flow ended'
same 'another goes on' "$(keeps say b)" echo
same 'by its server' "$(sets seen add 10.2.0.2 cut)" '0 seen: 1 added, 1 flow ended'
same 'both have ended' "$(keeps say c) $(keeps say b)" 'reset reset'
same 'a proxied connection' "$(keeps open c tcp 10.1.0.1 10.1.0.2 71)" echo
same 'and another' "$(keeps open b tcp 10.1.0.9 10.1.0.2 71)" echo
ctl sets seen add 10.1.0.1 cut
has 'its flows have ended' '^seen: 1 kept, [1-9][0-9]* flows? ended$'
same 'the session was reset, and another goes on' "$(keeps say c) $(keeps say b)" 'reset echo'
same 'a proxy says why' "$(counter proxy.ended_by.cut)" 1
ctl sets seen add 10.2.0.2 cut
same 'a session ends with its server' "$(keeps say b)" reset

# Very many flows, and very many cuts: a walk in parts.
runs plain.pbc
cat >many.py <<'PY'
import socket, sys
s = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(4)]
for i, one in enumerate(s):
    one.bind(("10.1.0.1", 4000 + i))
sent = 0
for port in range(10000, 60000):
    for one in s:
        try:
            one.sendto(b"", ("10.2.0.2", port))
        except OSError:
            pass
PY
ip netns exec "$id-one" sysctl -qw net.ipv4.icmp_ratelimit=0 2>/dev/null
same 'a connection before a flood' "$(keeps open b tcp 10.1.0.9 10.2.0.2 7)" echo
held() { at prey "$bin/preyctl" status --json | python3 -c 'import json, sys; print(sum(json.load(sys.stdin)["flows"]["live"].values()))'; }
is_through() { # all of the flood has been judged
    local before=$many
    many=$(held)
    [ "$many" = "$before" ]
}
many=0
for round in 1 2 3 4 5 6 7 8; do # what found no room in a slow one's ring comes again
    at client python3 "$work/many.py"
    until_true 100 "flood $round is over" is_through
    [ "$many" -le 110000 ] || break
done
ip netns exec "$id-client" ping -i 0.01 -w 30 -I 10.1.0.9 10.2.0.2 >pings &
pinger=$!
begun=$(date +%s%N)
ctl sets seen add 10.0.0.0/8 cut
took=$((($(date +%s%N) - begun) / 1000000))
kill -INT $pinger
wait $pinger
ended=$(sed 's/.*added, \(.*\) flows ended/\1/' out | tr -d ,)
worst=$(sed -n 's|^rtt .*= [^/]*/[^/]*/\([0-9]*\).*|\1|p' pings)
echo "# of ${many:-?} flows $ended were ended in $took ms; meanwhile a ping took $worst ms at most"
[ "${ended:-0}" -gt 100000 ]
ok $? 'more than 100,000 flows end'
[ "$took" -lt 20000 ]
ok $? 'in bounded time'
[ "${worst:-9999}" -lt 500 ]
ok $? 'and no packet waits for them'
for i in $(seq 0 99); do seq -f "+172.16.$i.%.0f 1h cut" 0 255; done >lines
begun=$(date +%s%N)
timeout 60 ip netns exec "$id-prey" "$bin/preyctl" sets seen feed <lines >out 2>err
same '25,600 cuts' "$? $(cat err out)" '0 seen: 25,600 added, 0 flows ended'
took=$((($(date +%s%N) - begun) / 1000000))
echo "# in $took ms"
[ "$took" -lt 10000 ]
ok $? 'share a few walks'
same 'what goes on goes on' "$(keeps open b tcp 10.1.0.9 10.2.0.2 7) $(keeps say b)" 'echo echo'
prey_ends
same 'it ends well' "$status" 0
