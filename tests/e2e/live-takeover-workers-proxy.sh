#!/usr/bin/env bash
# preyctl takeover --workers N where connections end in prey: more or fewer loops go on with listening sockets and those who wait in
# their queues. Sessions stay in the process before. No byte is lost, nothing is refused, clients keep their servers, each loop gets
# clients of its own, and a service that drains takes none.
set -u
EXEC=user
. tests/e2e/live/takeover.sh
. "$top/tests/e2e/live/takeover_ends.sh"

between one
serves
address one eth0 10.2.0.3/24
ends_rules 60 '' 'pool two { server a 10.2.0.2:9100; server b 10.2.0.3:9100 }
service kept on 10.1.0.2 tcp/1004 { mode proxy; affinity source 1h; -> two }'
# a server that says at which of its addresses it was asked
cat >says.py <<'END'
import socket
s = socket.create_server(("", 9100), backlog=100)
print("listens", flush=True)
while True:
    c, _ = s.accept()
    c.sendall(c.getsockname()[0].encode())
    c.close()
END
background one timeout 600 python3 says.py >says
until_true 100 'it listens' grep -q listens says
# which server each of 40 clients gets
cat >asks.py <<'END'
import socket
for i in range(20, 60):
    s = socket.create_connection(("10.1.0.2", 1004), 20, (f"10.1.0.{i}", 0))
    print(i, s.recv(100).decode() or "nothing")
END
for i in $(seq 20 59); do address client eth0 10.1.0.$i/24; done
kept() { at client timeout 60 python3 asks.py 2>&1; }
# the sockets that take connections at a port, and those that are there
sockets() { at prey ss -Hltn "sport = :$1" | grep -c LISTEN; }

only() { [ "$(sockets 1000)" = "$1" ]; }

prey prey -i wan -i lan --workers 1 ends.pbc
kept >first
same 'both servers are used, and each client keeps its own' "$(cut -d' ' -f2 first | sort | uniq -c | awk '{ print $2 }' | tr '\n' ' ') $(kept | cmp - first && echo same)" '10.2.0.2 10.2.0.3  same'
at client python3 "$clients" talk 240 10.1.0.2 >talked 2>&1 &
talker=$!
pids="$pids $talker"
until_true 600 'all connections are open' grep -q open talked
for n in 3 1 4 2 1; do
    before=$(number proxy.sessions)
    takes_over "$n takes over" --workers $n
    [ "$(number proxy.sessions)" -ge "$((before - 60))" ]
    ok $? "$n: what was counted goes on"
    [ "$(sockets 1000)" -ge "$n" ]
    ok $? "$n: each loop has its socket"
    same "$n: clients keep their servers" "$(kept | diff first - | head -n 3)" ''
done
touch enough
wait "$talker"
sed -n '/^#/p' talked
same 'no byte is lost or another, and nothing is refused' "$(grep -v '^#' talked)" 'open
4 downloads, 4 lasting, 4 kept
0 failed, 0 under way'
until_true 300 'the first process ends' befores_are 0

# ---- who waits in queues, of loops that will be no more, too ----

takes_over 'three' --workers 3
holds 60 10.1.0.2 1000 # as many as one loop has, for all are of one address
at client python3 "$clients" queue 5 10.1.0.2 1000 >queued 2>&1 &
queued=$!
pids="$pids $queued"
until_true 300 'five more are connected' grep -q waits queued
takes_over 'full of sessions it is taken over by one' --workers 1
wait "$queued"
same 'and those who wait are accepted' "$(tail -n 1 queued)" '5 answered'
lets_go

# ---- sockets of loops that are no more ----

listening() { at prey ss -Hltn | sed -n 's/.*:\(100[0-4]\) .*/\1/p' | sort | uniq -c | awk '{ print $2 ":" $1 }' | tr '\n' ' '; }
same 'they stay, as many as there ever were' "$(listening)" '1000:4 1001:4 1002:4 1003:4 1004:4 '
cp ends.pbc all.pbc
sed -i '/^service http /d; s/proxy_sessions 60/proxy_sessions 61/' ends.prey
"$bin/preyc" ends.prey -o ends.pbc >/dev/null
kill -HUP "$prey"
awaits '^reloaded'
same 'a reload keeps those whose service it has' "$(listening)" '1000:4 1002:4 1003:4 1004:4 '
same 'clients keep their servers' "$(kept | diff first - | head -n 3)" ''
takes_over 'two' --workers 2
same 'are taken again' "$(listening) $(kept | diff first - | head -n 3)" '1000:4 1002:4 1003:4 1004:4  '

# ---- a service that drains ----

ctl drain service kept
same 'it drains' "$status $(listening)" '0 1000:4 1002:4 1003:4 '
for n in 4 1; do
    takes_over "while it drains, $n" --workers $n
    same "$n: it takes none" "$(listening | grep -c 1004) $(kept | tail -n 1)" '0 ConnectionRefusedError: [Errno 111] Connection refused'
done
ctl undrain service kept
taken() { kept | diff first - >said; }
until_true 100 'it takes clients again' taken
same 'and they have kept their servers' "$(kept | diff first - | head -n 3)" ''

# ---- another version, which counts otherwise ----

two_layouts
for n in 3 1 2; do
    takes_over "another version, $n" --workers $n
    same "another version, $n: clients keep their servers" "$(kept | diff first - | head -n 3)" ''
done
ours() { echo "$bin"; }

# ---- who takes over is killed: those that were there have all clients ----

stops
mv all.pbc ends.pbc
for workers in 1 3; do
    n=$((4 - workers))
    prey prey -i wan -i lan --workers $workers ends.pbc
    kept >first
    socket=$(at prey sh -c 'echo "/run/prey/$(stat -L -c %i /proc/self/ns/net)/wan.sock"')
    for step in early advance now luggage ready; do
        at prey timeout 300 python3 "$top/tests/e2e/live/takeover_between.py" kill new $step "$socket" "$bin/preyrun" --takeover -i wan -i lan --workers $n ends.pbc >ended 2>between.err
        same "$workers, killed at $step: the others have all clients" "$(kept | diff first - | head -n 3) $(owner)" " $prey"
        until_true 100 "$step: its sockets are closed" only $workers
        same "$workers, killed at $step: and all sockets" "$(listening)" "1000:$workers 1001:$workers 1002:$workers 1003:$workers 1004:$workers "
    done
    stops
done
exit $failed
