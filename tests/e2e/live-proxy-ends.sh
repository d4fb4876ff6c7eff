#!/usr/bin/env bash
# How sessions of `mode proxy` end: servers that refuse, are silent, reset, die or go down before, during and after; half-close both ways
# and its time; `on down reset`, drain by hand, `max flows` with a queue; a reload whose rules let no more in what goes on, with `on
# reload close` and without. Each is seen by its client and counted by its reason.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

between one two
address client eth0 10.1.0.8/24
address one eth0 10.2.0.9/24
: >serves
ends="python3 $top/tests/e2e/live/ends.py"
background one $ends serve 9 >>serves
one_server=$last
background two $ends serve 9 >>serves
listen() { [ "$(grep -c ready serves)" -eq 2 ]; }
until_true 100 'the servers listen' listen
# What the check of a pool asks.
background two python3 -m http.server 81 >said 2>&1
health=$last
until_true 100 'it can be asked' at two curl -s -o /dev/null http://127.0.0.1:81/
with() { # NAME ADDRESSES SERVER: rules that let these in, and whose pool by_hand has that server
    rules "$1" <<RULES
timeouts { proxy connect 1s; proxy half_close 1s }
check alive = http GET "/" expect 200 port 81 every 100ms timeout 5s rise 1 fall 1
pool one { server s 10.2.0.2:9 }
pool closed { retries 1; server s 10.2.0.2:99; server t 10.2.0.2:98 }
pool silent { retries 1; server s 10.2.0.77:9; server t 10.2.0.78:9 }
pool either { balance round_robin; retries 2; server s 10.2.0.77:9; server t 10.2.0.2:9; server u 10.2.0.2:99 }
pool checked { check alive; on down reset; server two 10.2.0.3:9 }
pool by_hand { drain 1s; server $3 }
pool narrow { server two 10.2.0.3:9 max flows 1 }
pool echoes { server one 10.2.0.2:1010 }
service one on 10.1.0.2, fd00:1::2 tcp/1001 { mode proxy; -> one }
service closed on 10.1.0.2 tcp/1002 { mode proxy; -> closed }
service silent on 10.1.0.2 tcp/1003 { mode proxy; -> silent }
service either on 10.1.0.2 tcp/1004 { mode proxy; -> either }
service idle on 10.1.0.2 tcp/1005 { mode proxy; idle 1s; -> one }
service checked on 10.1.0.2 tcp/1006 { mode proxy; -> checked }
service by_hand on 10.1.0.2 tcp/1007 { mode proxy; -> by_hand }
service narrow on 10.1.0.2 tcp/1008 { mode proxy; queue 1 within 20s; -> narrow }
service aged on 10.1.0.2 tcp/1010 { mode proxy; max age 1s; -> echoes }
pool thin { server s 10.2.0.9:9 }
pool wide { source 10.2.0.60, 10.2.0.61; server s 10.2.0.9:9 }
service thin on 10.1.0.2 tcp/1011 { mode proxy; -> thin }
service wide on 10.1.0.2 tcp/1012 { mode proxy; -> wide }
service thin_http on 10.1.0.2 tcp/1013 { mode proxy http; -> thin }
service crowd on 10.1.0.2 tcp/1014 { mode proxy; connect within 60s; idle client 3s; -> one }
service crowd_http on 10.1.0.2 tcp/1016 { mode proxy http first bytes within 10s; idle client 3s; -> one }
service strict on 10.1.0.2 tcp/1009 { mode proxy; on reload close; -> one }
firewall edge default drop { accept icmp; accept icmp6 type nd; accept tcp from $2, fd00:1::1 }
RULES
}
with now '10.1.0.1, 10.1.0.8' 'two 10.2.0.3:9'
with later 10.1.0.1 'one 10.2.0.2:9'
cp now.pbc rules.pbc
prey prey -i wan -i lan --monitor --format json --stats 127.0.0.1:8404 rules.pbc
talk() { at client timeout 60 $ends talk "$@" | tr '\n' ' '; }
# begun NAME ARGUMENT...: in the background, into NAME, until its server has said something; begins NAME …: without that
begins() {
    local file=$1
    shift
    ip netns exec "$id-client" timeout 60 $ends talk "$@" >"$file" 2>&1 &
    pids="$pids $!"
}
begun() {
    begins "$@"
    until_true 100 "$1 goes on" grep -qE 'held|eof|reset' "$1"
}
over() { until_true 100 "$1 ends" grep -qE '^(eof|reset)' "$1" && tail -1 "$1"; }
counter() { at prey curl -s -m 20 http://127.0.0.1:8404/stats.json | python3 -c "import json, sys; print(json.load(sys.stdin)['proxy']['$1'])"; }

# ---- what takes its time ----
begins silent 10.1.0.2 1003 hold
for i in 1 2 3; do begins "either$i" 10.1.0.2 1004 hold '' e; done
begins still 10.1.0.2 1001 silent '' e
begins idle 10.1.0.2 1005 silent

background one python3 "$top/tests/e2e/live/inline.py" echoes 10.2.0.2 1010 >aged_server
aged=$last
until_true 100 'a server of one connection listens' grep -q listens aged_server
background client python3 "$top/tests/e2e/live/inline.py" talks 10.1.0.2 1010 >aged_client
aged="$aged $last"

# ---- who vanishes ----
crowd=1000
[ -z "${LIVE:-}" ] || crowd=5000
for port in 1014 1016; do
    ip netns exec "$id-client" $ends crowd 10.1.0.2 $port $crowd >"crowd$port" 2>&1 &
    pids="$pids $!"
done
until_true 600 'two crowds are there' eval 'grep -q all crowd1014 && grep -q all crowd1016'
at client nft -f - <<'END'
table inet vanished {
  chain out {
    type filter hook output priority 0
    tcp dport { 1014, 1016 } drop
  }
}
END
until_true 600 'crowds that vanish are ended by the time of their end' eval '[ "$(at prey ss -Htn "( sport = :1014 or sport = :1016 )" state established | wc -l)" -eq 0 ]'

# ---- before, and half-close ----
same 'servers that refuse: a reset' "$(talk 10.1.0.2 1002 hold)" 'reset '
same 'the client ends first' "$(talk 10.1.0.2 1001 hold '' e)" 'held eof heard 0 '
same 'the server ends first, and hears what the client says then' "$(talk fd00:1::2 1001 half '' m; until_true 50 heard test -e heard; cat heard)" 'held eof  5'

# ---- during ----
same 'a server that resets' "$(talk 10.1.0.2 1001 'reset 0')" 'reset '
at client timeout 60 $ends talk 10.1.0.2 1001 'reset 100000' >out
same 'a server that resets in the middle of what it says' "$(grep -cE '^(reset|eof [0-9]+)' out)" 1
begun drained 10.1.0.2 1007 hold
ctl set by_hand/two drain 300ms
same 'a server that drains by hand is down once its time is over' "$(over drained)" reset
ctl set by_hand/two file
begun first 10.1.0.2 1008 hold '' i
begins second 10.1.0.2 1008 hold '' i
until_true 100 'it waits' eval '[ "$(counter queued)" -ge 1 ]'
same 'a third finds no room in the queue' "$(talk 10.1.0.2 1008 hold)" 'reset '
touch go
same 'who waits has a place once the first has ended' "$(over first) $(over second)" 'eof heard 0 eof heard 0'
rm go
begun checked 10.1.0.2 1006 hold
{ kill -KILL "$health" && wait "$health"; } 2>/dev/null
same 'a server that its check finds down: on down reset' "$(over checked)" reset

# ---- what has taken its time ----
same 'servers that are silent: a reset, in time' "$(over silent)" reset
same 'one of three takes connections: it gets them all' "$(over either1) $(over either2) $(over either3)" 'eof heard 0 eof heard 0 eof heard 0'
same 'half a connection in which nothing comes ends in its time' "$(tr '\n' ' ' <still)$(over still)" 'held reset reset'
same 'so does one that is idle' "$(over idle)" reset
wait $aged
same 'max age: both ends of one that is older are reset, whatever they say' "$(cat aged_client) $(tail -1 aged_server)" 'reset reset'

# ---- without a local port ----
usual=$(at prey cat /proc/sys/net/ipv4/ip_local_port_range)
ports() { at prey sysctl -q -w net.ipv4.ip_local_port_range="$*"; }
ports 40000 40001
begun thin1 10.1.0.2 1011 hold '' i
begun thin2 10.1.0.2 1011 hold '' i
same 'two local ports, and a third connection to the server: a reset' "$(talk 10.1.0.2 1011 hold)" 'reset '
asked() { at prey ss -Htno "$@" | grep -c 'timer:(keepalive,'; }
same 'both ends of a session are asked whether they are there' "$(asked sport = :1011) $(asked dst 10.2.0.9)" '2 2'
same 'a request: 503' "$(at client curl -s -m 20 -o /dev/null -w '%{http_code}' http://10.1.0.2:1013/)" 503
for i in 1 2 3; do begun "wide$i" 10.1.0.2 1012 hold '' i; done
same 'two addresses of source have two each' "$(cat wide1 wide2 wide3 | tr '\n' ' ')" 'held held held '
ports $usual
same 'both are counted' "$(counter no_local_port)" 2
until_true 100 'and told, with the word that brings more' grep -qE '^preyrun: connections to servers not made, because no local port .*`source`.*: [12]$' prey.err
touch go
same 'the others go on' "$(for i in thin1 thin2 wide1 wide2 wide3; do over $i; done | uniq -c | xargs)" '5 eof heard 0'
rm go

# ---- reload ----
begun strict 10.1.0.2 1009 hold 10.1.0.8
begun stays 10.1.0.2 1001 hold 10.1.0.8 i
begun allowed 10.1.0.2 1009 hold 10.1.0.1 i
begun drains 10.1.0.2 1007 hold
cp later.pbc rules.pbc
kill -HUP "$prey"
same 'rules that let a client in no more: on reload close' "$(over strict)" reset
same 'a server that they do not name any more: its time to drain' "$(over drains)" reset
touch go
same 'where that is not said, and of others, sessions go on' "$(over stays) $(over allowed)" 'eof heard 0 eof heard 0'
rm go

# ---- after ----
begun dies 10.1.0.2 1001 hold
begun ended 10.1.0.2 1001 half
{ kill -KILL "$one_server" && wait "$one_server"; } 2>/dev/null
same 'a server that is killed ends its sessions' "$(over dies)$(over ended)" 'eof eof '
same 'and is refused then' "$(talk 10.1.0.2 1001 hold)" 'reset '
begun last 10.1.0.2 1008 hold
truncate -s 0 prey.out
prey_ends
same 'it ends with 0' "$status" 0
same 'the last session is reset' "$(tr '\n' ' ' <last)$(over last)" 'held reset reset'
same 'each reason is counted' "$(python3 -c '
import json
ends = json.load(open("prey.out"))["proxy"]["ended_by"]
print({k: n for k, n in ends.items() if n})')" \
    "{'done': 17, 'first-late': $crowd, 'server-reset': 2, 'server-refused': 2, 'server-late': 1, 'server-down': 2, 'drained': 1, 'max-flows': 1, 'reloaded': 1, 'max-age': 1, 'idle': $((1 + crowd)), 'half-close': 1, 'no-local-port': 1}"
exit $failed
