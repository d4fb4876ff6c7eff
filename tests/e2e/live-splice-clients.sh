#!/usr/bin/env bash
# Through connections that leave for the packet path: iperf3 there, back and both ways at once, and a client in C whose instruction
# names its target, in both families; where prey routes, by both executors.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - iperf3 and an instruction in C, in packets # SKIP this machine lets us mount no file system of BPF'; exit 0; }
live_begin
missing=$(for tool in iperf3; do command -v $tool >/dev/null || echo $tool; done)

between one two
ip -n "$id-client" route add default via 10.1.0.2
ip -n "$id-client" -6 route add default via fd00:1::2
at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
background two python3 "$top/tests/e2e/live/splice.py" serve 82 83 >served
until_true 100 'the target listens' grep -q listens served
listening() { at one ss -Hltn 'sport = :5201' | grep -q .; }
if [ -z "$missing" ]; then
    background one iperf3 -s >iperf.said 2>&1
    until_true 100 'iperf3 listens' listening
fi

rules splice <<'END'
service wire on any tcp/5201 { mode proxy inline; splice packets }
service told on any tcp/82 { mode proxy inline first bytes within 60s; splice packets; when instruction check sum to 10.2.0.0/24, fd00:2::/64 -> target }
service own on 10.1.0.2 tcp/7000 { mode proxy; splice packets; when instruction check sum to 10.2.0.0/24 -> target }
firewall f forward default drop { accept icmp; accept icmp6; accept tcp port 82, 5201 as OPEN }
END

# What is on its way at the end iperf3 counts as sent alone: its connection for control is through before.
measured() { # IT HOST OPTION...: 20 MB, of both ways together
    local it=$1 host=$2
    shift 2
    [ -z "$missing" ] || { ok 0 "$it # SKIP no iperf3 here (package iperf3)"; return; }
    at client timeout 120 iperf3 -c "$host" -n 20M "$@" --json >iperf.json
    same "$it" "$? $(python3 -c '
import json
end = json.load(open("iperf.json"))["end"]
ways = [w for w in ("", "_bidir_reverse") if "sum_sent" + w in end]
print(sum(end["sum_sent" + w]["bytes"] for w in ways) >= 20 << 20 and all(end["sum_received" + w]["bytes"] for w in ways))' 2>/dev/null)" '0 True'
}
none_lasts() { ctl counters proxy.now && grep -qE "^proxy.now +0\$" out; }
through() { # EXECUTOR
    local host before spliced
    prey prey -i wan -i lan --exec "$1" --format json splice.pbc
    for host in 10.2.0.2 fd00:2::2; do
        measured "$1, $host: iperf3 to its server" "$host"
        measured "$1, $host: back" "$host" -R
        measured "$1, $host: both ways, by four connections" "$host" --bidir -P 2
    done
    same "$1: an instruction in C" "$(at client timeout 100 "$bin/tests/tools/instruct" 10.2.0.2 82 10.2.0.3 82 5000)" '5000 of 5000 lines, bye'
    same "$1: of IPv6" "$(at client timeout 100 "$bin/tests/tools/instruct" fd00:2::2 82 fd00:2::3 82 5000)" '5000 of 5000 lines, bye'
    same "$1: to a service of this machine's" "$(at client timeout 100 "$bin/tests/tools/instruct" 10.1.0.2 7000 10.2.0.3 83 5000)" '5000 of 5000 lines, bye'
    ctl --json counters proxy
    spliced=$(python3 -c '
import json
def find(o):
    if isinstance(o, dict):
        if isinstance(o.get("spliced"), int): return o["spliced"]
        o = list(o.values())
    return next((n for n in map(find, o) if n is not None), None) if isinstance(o, list) else None
print(find(json.load(open("out"))))')
    # All of the instructions at least.
    [ "${spliced:-0}" -ge 3 ]
    ok $? "$1: they have left for the packet path"
    until_true 100 "$1: all of them end" none_lasts
    prey_ends
    same "$1: it ends well" "$status" 0
    same "$1: none of them ended but in order" "$(python3 -c '
import json
print({k: n for k, n in json.load(open("prey.out"))["proxy"]["ended_by"].items() if n and k not in ("done", "client-reset", "server-reset")})')" '{}'
}
through user
through kernel
exit $failed
