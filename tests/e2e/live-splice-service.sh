#!/usr/bin/env bash
# `mode proxy` with `splice packets`, for a service of this machine's: in a recording, which is replayed alike, and across reloads, to
# rules without the clause and back; where prey routes, and on a bridge that it makes of two interfaces.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

between one
background one python3 "$top/tests/e2e/live/splice.py" serve 80 82 >served
until_true 100 'a server listens' grep -q listens served
peer() { at client timeout 120 python3 "$top/tests/e2e/live/splice.py" "$@"; }

write_rules() { # NAME CLAUSE
    rules "$1" <<END
pool own { server one 10.2.0.2 }
pool own6 { server one fd00:2::2 }
service own on 10.1.0.2 tcp/80 { mode proxy; $2 access log json "$work/own.log"; -> own }
service own6 on fd00:1::2 tcp/82 { mode proxy transparent; $2 -> own6 }
END
}
write_rules splice 'splice packets;'
write_rules other "splice packets; idle 30s;"
cp splice.pbc now.pbc
reloads() { # NAME
    : >prey.err
    cp "$1.pbc" now.pbc
    kill -HUP "$prey"
    awaits 'reloaded: now.pbc'
}
declare -A holder
hold() { # NAME HOST PORT THEN
    local name=$1
    shift
    : >"held.$name"
    background client python3 "$top/tests/e2e/live/splice.py" holds "$@" >"held.$name"
    holder[$name]=$last
    until_true 100 "$name is open" grep -q open "held.$name"
}
says() { # SENTENCE WANTED NAME...
    local name sentence=$1 wanted=$2
    shift 2
    for name in "$@"; do kill -USR1 "${holder[$name]}"; done
    for name in "$@"; do wait "${holder[$name]}"; done
    same "$sentence" "$(for name in "$@"; do tail -n 1 "held.$name"; done | tr '\n' ' ')" "$wanted"
}
left_is() { ctl counters "services.$1.proxy" && grep -qE "spliced_now +$2\$" out; }
left_are() { until_true 300 "$3: $2 of $1 have left their sockets" left_is "$1" "$2" && ok 0 "$3: $2 of $1 have left their sockets"; }

carried() { # HOW
    same "$1: 5 connections, byte-exact" "$(peer moves 10.1.0.2 80 5 300000 3000000)" '5 of 5 exact'
    same "$1: of IPv6, whose server sees the client" "$(peer moves fd00:1::2 82 3 300000 1000000)" '3 of 3 exact'
    hold four 10.1.0.2 80 ping
    hold six fd00:1::2 82 ping
    hold half 10.1.0.2 80 half
    left_are own 2 "$1"
    left_are own6 1 "$1"
    ctl explain "tcp 10.1.0.1:1 -> 10.1.0.2:80 ack on wan"
    same "$1: a segment of no connection is said to be refused" "$(grep '^verdict' out)" \
        'verdict: reject  rule -  service own  reason no-flow'
    ctl explain "tcp 10.1.0.1:1 -> 10.1.0.2:80 syn on wan"
    same "$1: one that begins a connection goes to the service" "$(grep '^verdict' out)" 'verdict: forward  rule -  service own'
    reloads other
    left_are own 2 "$1, after a reload"
    left_are own6 1 "$1, after a reload"
    hold later 10.1.0.2 80 ping
    left_are own 3 "$1, after a reload"
    says "$1: those from before it go on, those after it, too" "ping ping ping bye b'' ping " four six half later
    left_are own 0 "$1, at the end"
    reloads splice
    prey_ends
    same "$1: it ends well" "$status" 0
    same "$1: nobody was reset" "$(grep -c reset served)" 0
}
prey prey -i wan -i lan --io packet --format json --record recorded-service --record-snap 128 now.pbc
carried 'packet sockets, recorded'
replays_alike 'the recording is replayed alike' recorded-service
same 'it tells whose sockets are gone' "$(python3 -c '
import json
print(json.load(open("prey.out"))["proxy"]["spliced"] >= 3)')" True
rm -rf recorded-service

# ---- a bridge of this machine's, by which it has client and server ----
space left right
link left eth0 prey a
link right eth0 prey b
address left eth0 10.3.0.1/24 fd00:3::1/64
address right eth0 10.3.0.2/24 fd00:3::2/64
bridged prey br0 a b
address prey br0 10.3.0.9/24 fd00:3::9/64
background right python3 "$top/tests/e2e/live/splice.py" serve 80 >served.right
until_true 100 'a server listens behind the bridge' grep -q listens served.right
rules bridge <<'END'
pool own { server one 10.3.0.2 }
pool own6 { server one fd00:3::2 }
service own on 10.3.0.9 tcp/80 { mode proxy; splice packets; -> own }
service own6 on fd00:3::9 tcp/80 { mode proxy; splice packets; -> own6 }
END
bridged_moves() { # HOW OPTION...
    local how=$1
    shift
    prey prey -i br0 "$@" --format json bridge.pbc
    same "$how: 3 connections, byte-exact" "$(at left timeout 120 python3 "$top/tests/e2e/live/splice.py" moves 10.3.0.9 80 3 300000 3000000)" '3 of 3 exact'
    same "$how: of IPv6" "$(at left timeout 120 python3 "$top/tests/e2e/live/splice.py" moves fd00:3::9 80 3 300000 3000000)" '3 of 3 exact'
    prey_ends
    same "$how: it ends well" "$status" 0
    same "$how: they have left, and ended in order" "$(python3 -c '
import json
p = json.load(open("prey.out"))["proxy"]
print(p["spliced"] > 0, p["ended_by"]["done"])')" 'True 6'
}
bridged_moves 'on a bridge, packet sockets, recorded' --io packet --record recorded-bridge --record-snap 128
replays_alike 'its recording is replayed alike' recorded-bridge
rm -rf recorded-bridge
# Frames that a sender leaves to its card to cut are longer than what XDP hands up.
offloads off left:eth0 right:eth0 prey:a prey:b
bridged_moves 'on a bridge, the executor in the kernel' --exec kernel
exit $failed
