#!/usr/bin/env bash
# Connections in the wire that leave their sockets for the packet path (`splice packets`, `-> pass`): bytes both ways are exact, the sockets
# are gone, and max age, idle ends, health, drain, reloads, flows, counters and recordings see them; ends, resets and halves pass.
set -u
EXEC=user # its bridges are user space's
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

across left right
address right eth0 10.1.0.3/24 10.1.0.4/24
mac=$(at right cat /sys/class/net/eth0/address)
# A target of an instruction is reached by a route of the host's.
address prey b 10.1.0.9/24
ip -n "$id-prey" neigh add 10.1.0.3 lladdr "$mac" dev b nud permanent
peer() { at left python3 "$top/tests/e2e/live/splice.py" "$@"; }
background right python3 "$top/tests/e2e/live/splice.py" serve 80 81 82 83 84 85 86 87 88 >served
until_true 100 'a server listens' grep -q listens served

write_rules() { # NAME LINE: with that line in the place of the last service
    rules "$1" <<END
limits { flows 30_000 }
pool farm { server f 10.1.0.3 mac $mac }
pool two { balance round_robin; on down reset; server one 10.1.0.3 mac $mac; server other 10.1.0.4 mac $mac }
service first on any tcp/80 { mode proxy inline; splice packets; access log json "$work/first.log" }
service passes on any tcp/81 { mode proxy inline first bytes within 60s; when bytes payload at 0 is x"6e6f" -> reject; else -> pass }
service pooled on any tcp/82 { mode proxy inline first bytes within 60s; splice packets; when bytes payload at 0 is x"706f6f6c" -> farm; else -> original }
service aged on any tcp/83 { mode proxy inline; splice packets; max age 1s }
service idle on any tcp/84 { mode proxy inline; splice packets; idle 1s }
service balanced on any tcp/85 { mode proxy inline; splice packets; -> two }
service told on any tcp/86 { mode proxy inline first bytes within 60s; splice packets; when instruction check sum to 10.1.0.0/24 -> target }
service sockets on any tcp/88 { mode proxy inline }
$2
firewall f forward default accept { }
END
}
gone='service closes on any tcp/87 { mode proxy inline; splice packets; on reload close }'
write_rules splice "$gone"
write_rules without ''
cp splice.pbc now.pbc
prey prey --bridge a:b --format json --record recorded-splice --record-snap 128 now.pbc
reloads() { # NAME
    : >prey.err
    cp "$1.pbc" now.pbc
    kill -HUP "$prey"
    awaits 'reloaded: now.pbc'
}

# ---- bytes ----
for host in 10.1.0.2 fd00:1::2; do
    same "$host, which speaks first: 5 connections" "$(peer moves $host 80 5 300000 3000000)" '5 of 5 exact'
    same "… that the rules let pass" "$(peer moves $host 81 3 2000000 300000)" '3 of 3 exact'
    same "… whose first bytes lead nowhere else" "$(peer moves $host 82 3 2000000 300000)" '3 of 3 exact'
done
same 'by first bytes to a pool' "$(peer moves 10.1.0.2 82 3 300000 2000000 pool)" '3 of 3 exact'
same 'to the target of an instruction' "$(peer moves 10.1.0.2 86 3 300000 2000000 to:10.1.0.3:86)" '3 of 3 exact'
ctl counters proxy
has 'most of them have left' 'proxy\.spliced +([1-9][0-9]*)$'
has 'all of them ended in order' 'proxy\.ended_by\.done +28$'

# ---- connections that are held open, each with a process of its own ----
declare -A holder
hold() { # NAME HOST PORT THEN [FIRST]
    local name=$1
    shift
    background left python3 "$top/tests/e2e/live/splice.py" holds "$@" >"held.$name"
    holder[$name]=$last
    until_true 100 "$name is open" grep -q open "held.$name"
}
says() { # SENTENCE WANTED NAME...: what each says at last, once it may go on
    local name sentence=$1 wanted=$2
    shift 2
    for name in "$@"; do kill -USR1 "${holder[$name]}"; done
    for name in "$@"; do wait "${holder[$name]}"; done
    same "$sentence" "$(for name in "$@"; do tail -n 1 "held.$name"; done | tr '\n' ' ')" "$wanted"
}
ends_by_itself() { # SENTENCE NAME WANTED
    wait "${holder[$2]}"
    same "$1" "$(tail -n 1 "held.$2")" "$3"
}
left_is() { ctl counters "services.$1.proxy" && grep -qE "spliced_now +$2\$" out; }
left_are() { until_true 300 "$2 of $1 have left their sockets" left_is "$1" "$2" && ok 0 "$2 of $1 have left their sockets"; }
reset_is() { [ "$(grep -c "^$1 reset" served)" = "$2" ]; }
server_reset() { until_true 100 "$1" reset_is "$2" "$3" && ok 0 "$1"; } # SENTENCE PORT COUNT

before=$(files)
names=
for i in 1 2 3 4 5 6 7 8 9 10; do
    hold "n$i" 10.1.0.2 80 ping
    names="$names n$i"
done
left_are first 10
after=$(files)
same 'ten connections hold no descriptors' "$((after - before < 10))" 1
ctl flows tcp to port 80
has 'they are listed as spliced, with both ends, and since when' '10\.1\.0\.1:[0-9]+ +10\.1\.0\.2:80 +spliced +first .* [0-9:]{8}$'
port=$(grep -oE '10\.1\.0\.1:[0-9]+' out | head -1 | tr ':' ' ')
ctl explain "tcp ${port% *}:${port#* } -> 10.1.0.2:80 ack on a"
same 'a segment of one is said to be rewritten, without a rule' "$(sed -E 's/since [0-9:.]*[0-9]/since THEN/; 1d' out)" \
    '  no rule is tried: its connection was judged when it began
  service first, mode proxy inline: spliced since THEN: the connection'\''s segments are rewritten and go to the peer
verdict: forward  rule -  service first'
ctl explain 'tcp 10.1.0.1:1 -> 10.1.0.2:80 ack on a'
has 'one whose SYN wasn'\''t seen is said to cross without the service' '^verdict: accept  rule default$'
ctl --json flows tcp to port 80 --limit 1
has 'JSON says so' '"state":"spliced".*"since":"20'
says 'and they go on' "$(printf 'ping %.0s' $names)" $names
left_are first 0

hold half 10.1.0.2 80 half
hold half6 fd00:1::2 81 half pool
hold broken 10.1.0.2 80 reset
left_are first 2
left_are passes 1
says 'a half that has ended lets the other go on' "ping bye b'' ping bye b'' " half half6
says 'a reset is one' 'ping ' broken
server_reset 'which the server sees' 80 1

# ---- what ends them ----
hold aged 10.1.0.2 83 ping
ends_by_itself 'max age resets the client' aged reset
server_reset '… and the server' 83 1
hold idle 10.1.0.2 84 ping
ends_by_itself 'so does silence' idle reset
server_reset '… at both ends' 84 1
for i in 1 2; do hold "b$i" 10.1.0.2 85 where; done
left_are balanced 2
ctl set two/one drain
ctl set two/other down
one_is_reset() { grep -q reset held.b1 held.b2; }
until_true 300 'on down reset ends who is at that server' one_is_reset && ok 0 'on down reset ends who is at that server'
says '… and a drain nobody' '10.1.0.3 ' "$(grep -L reset held.b1 held.b2 | sed 's/held.//')"
ctl set two/one file
ctl set two/other file

# ---- reloads ----
hold closed 10.1.0.2 87 ping
hold stays 10.1.0.2 80 ping
left_are closes 1
left_are first 1
reloads without
ends_by_itself '`on reload close`: a service that is gone takes its own with it' closed reset
left_are first 1
reloads splice
says 'others outlive reloads' 'ping ' stays

hold last 10.1.0.2 80 ping
hold proxied 10.1.0.2 88 ping
left_are first 1
prey_ends
same 'it ends well' "$status" 0
ends_by_itself 'one that goes on then is reset' last reset
ends_by_itself '… as one that has sockets is' proxied reset
server_reset '… at both ends' 80 2
same 'both ends are counted' "$(python3 -c '
import json
p = json.load(open("prey.out"))["proxy"]
e = p["ended_by"]
print(p["spliced"] - p["spliced_ended"], p["spliced_now"], e["max-age"], e["idle"], e["server-down"], e["client-reset"], e["reloaded"], e["stopped"])')" '0 0 1 1 1 1 1 2'
same 'the access log has the bytes that passed in packets' "$(python3 -c '
import json
rows = [json.loads(line) for line in open("first.log")]
print(sum(r["bytes_in"] > 300000 and r["bytes_out"] > 3000000 for r in rows), len({r["client"] for r in rows}))')" '10 2'
replays_alike 'the recording is replayed alike' recorded-splice
