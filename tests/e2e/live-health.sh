#!/usr/bin/env bash
# Live, servers that die and come back: their checks find it, new connections go elsewhere, those that had begun end as the
# rules say, and a line tells of it. A reload keeps what is known.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

site one two
page() { # NAME DOWN-POLICY CHECK
    rules "$1" <<RULES
check alive = $3 every 100ms timeout 1s rise 2 fall 3
pool web {
  balance round_robin
  check alive
  on down $2
  server one 10.2.0.2:80
  server two 10.2.0.3:80
  server one6 [fd00:2::2]:80
  server two6 [fd00:2::3]:80
}
service shop on 10.1.0.100, fd00:1::100 tcp/80 { mode passthrough; announce; -> web }
RULES
}
both() { # SENTENCE RESULT: of eight connections of each family, so many by server
    local a
    for a in 10.1.0.100 '[fd00:1::100]'; do
        same "$1 ($a)" "$(for i in 1 2 3 4 5 6 7 8; do ask client "$a/"; done | shares)" "$2"
    done
}

page http reset 'http GET "/" expect 200'
page tcp keep tcp
page echo reset icmp
page strict reset 'http GET "/files/none" expect 200'
cp http.pbc shop.pbc
prey prey -i wan -i lan --log text --format json shop.pbc
both 'all are well' ' 4 one 4 two '

# A server that goes on accepting and says nothing.
kill -STOP "$web_one"
hears 'silence is found' 'health: web/one is down: no reply within 1 s'
hears 'on IPv6, too' 'health: web/one6 is down: no reply within 1 s'
both 'and the other serves all' ' 8 two '
kill -CONT "$web_one"
until_true 200 'it serves again' eval 'ask client 10.1.0.100/ | grep -q one'
until_true 200 'and on IPv6' eval 'ask client "[fd00:1::100]/" | grep -q one'
both 'when it speaks, it serves again' ' 4 one 4 two '

# One that is gone, with a connection that had begun: it is reset.
background client python3 -c "
import socket, time
s = socket.create_connection(('10.1.0.100', 80), source_address=('10.1.0.1', 40001))
s.sendall(b'GET /')
print('begun', flush=True)
try:
    print(len(s.recv(100)), flush=True)
except ConnectionResetError:
    print('reset', flush=True)
" >talk.out
until_true 100 'a connection has begun' grep -q begun talk.out
# Whose it is. At the servers themselves a check's connection looks alike.
ctl flows tcp source port 40001 --json
held=$(sed -n 's/.*"server": *"web\/\([a-z]*\)".*/\1/p' out)
eval "gone=\$web_$held"
other=one
[ "$held" = one ] && other=two
ip -n "$id-$held" link set dev eth0 down
hears 'a server whose link is down is found' "health: web/$held is down"
until_true 200 'a connection that had begun is reset' grep -q reset talk.out && ok 0 'a connection that had begun is reset'
both 'the other serves all' " 8 $other "

# A reload keeps what is known: nobody is sent to the dead one while its checks begin anew.
cp echo.pbc shop.pbc
kill -HUP "$prey"
hears 'other checks take over' 'reloaded: shop.pbc'
both 'and the dead stay dead' " 8 $other "
ip -n "$id-$held" link set dev eth0 up
ip -n "$id-$held" -6 addr add "fd00:2::$([ "$held" = one ] && echo 2 || echo 3)/64" dev eth0 nodad 2>/dev/null
until_true 300 'an echo reply brings it back' eval "ask client 10.1.0.100/ | grep -q $held"
until_true 300 'on IPv6, too' eval "ask client '[fd00:1::100]/' | grep -q $held"
both 'echo requests: all are well' ' 4 one 4 two '

# A wrong answer is as bad as none; with all down, clients are told at once.
cp strict.pbc shop.pbc
kill -HUP "$prey"
until_true 300 'status 404 takes all down' eval 'ask client 10.1.0.100/ | grep -q ^failed'
hears 'and is named' 'is down: status 404'
at client curl -s -m 20 http://10.1.0.100/
same 'no server is left: the client is refused at once' $? 7
cp http.pbc shop.pbc
kill -HUP "$prey"
until_true 300 'other rules bring all back' eval 'ask client 10.1.0.100/ | grep -q one'
until_true 300 'all four' eval '[ "$(for i in 1 2 3 4; do ask client "[fd00:1::100]/"; done | shares)" = " 2 one 2 two " ]'
prey_ends
same 'it ends with 0' "$status" 0

# A check that sees nothing wrong, and is passive: who refuses new flows is down all the same.
rules passive <<'RULES'
check alive = icmp passive every 1m fall 3
pool web { balance round_robin; check alive; server one 10.2.0.2:80; server two 10.2.0.3:80 }
service shop on 10.1.0.100 tcp/80 { mode passthrough; announce; -> web }
RULES
prey prey -i wan -i lan --log text --format json passive.pbc
kill -KILL "$web_one"
until_true 200 'refused flows count' eval 'ask client 10.1.0.100/ >/dev/null; told "web/one is down: new flows are refused"' &&
    ok 0 'refused flows count'
prey_ends
same 'it ends with 0 again' "$status" 0
exit $failed
