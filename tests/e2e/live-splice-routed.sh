#!/usr/bin/env bash
# Connections that leave their sockets (`splice packets`) where prey routes, by both executors: bytes are exact, and what passes in packets, in the
# kernel, too, is counted, keeps a connection from being idle, and shows in flows. A target of an instruction is a route away.
set -u
EXEC=user # where it says no other
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - connections that leave their sockets, routed # SKIP this machine lets us mount no file system of BPF'; exit 0; }
live_begin

between one two
ip -n "$id-client" route add default via 10.1.0.2
ip -n "$id-client" -6 route add default via fd00:1::2
at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
peer() { at client python3 "$top/tests/e2e/live/splice.py" "$@"; }
for server in one two; do
    background $server python3 "$top/tests/e2e/live/splice.py" serve 80 81 82 >"served.$server"
    until_true 100 "a server listens in $server" grep -q listens "served.$server"
done
rules splice <<END
limits { flows 30_000 }
service first on any tcp/80 { mode proxy inline; splice packets; access log json "$work/routed.log" }
service idle on any tcp/81 { mode proxy inline; splice packets; idle 2s }
service told on any tcp/82 { mode proxy inline first bytes within 60s; splice packets; when instruction check sum to 10.2.0.0/24 -> target }
firewall f forward default drop { accept icmp; accept icmp6; accept tcp port 80-82 as OPEN }
END

left_is() { ctl counters "services.$1.proxy" && grep -qE "spliced_now +$2\$" out; }
two_ended() { [ "$(grep -c '^82 ended' served.two)" = "$1" ]; }
carried() { # EXECUTOR COUNT: what the target has had in all
    local from
    for host in 10.2.0.2 fd00:2::2; do
        same "$1: $host: 3 connections, byte-exact" "$(peer moves $host 80 3 500000 2000000)" '3 of 3 exact'
    done
    same "$1: to the target of an instruction" "$(peer moves 10.2.0.2 82 2 300000 500000 to:10.2.0.3:82)" '2 of 2 exact'
    until_true 100 "$1: which is another host" two_ended "$2" && ok 0 "$1: which is another host"
    background client python3 "$top/tests/e2e/live/splice.py" speaks 10.2.0.2 81 0.2 20 >spoke
    from=$last
    until_true 300 'it has left its sockets' left_is idle 1
    wait "$from"
    same "$1: who speaks all the time is not idle" "$(tail -n 1 spoke)" 'answered 20'
    background client python3 "$top/tests/e2e/live/splice.py" holds 10.2.0.2 81 ping >held
    from=$last
    wait "$from"
    same "$1: who is silent is" "$(tail -n 1 held)" reset
    ctl counters services.first.proxy
    has "$1: most have left" 'proxy\.spliced +[3-6]$'
    has "$1: bytes from clients" 'up_bytes +[3-5],[0-9]{3},[0-9]{3}$'
    has "$1: bytes to clients" 'down_bytes +1[2-9],[0-9]{3},[0-9]{3}$'
    prey_ends
    same "$1: it ends well" "$status" 0
    same "$1: the access log has them" "$(python3 -c '
import json
rows = [json.loads(line) for line in open("routed.log")]
print(len(rows), all(r["bytes_in"] > 500000 and r["bytes_out"] > 2000000 for r in rows))')" '6 True'
    rm -f routed.log
    adds_up "$1: every frame has one verdict"
}
prey prey -i wan -i lan --exec user --format json splice.pbc
carried user 2
prey prey -i wan -i lan --exec kernel --format json splice.pbc
carried kernel 4
