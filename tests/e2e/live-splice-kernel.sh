#!/usr/bin/env bash
# Spliced connections beside the executor in the kernel: their ordinary segments stay there, with the same bytes at both ends; what is
# counted, what ends a connection, and a reload know what passed without the worker.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - spliced connections beside the kernel executor, live # SKIP this machine lets us mount no file system of BPF'; exit 0; }
live_begin

between one
address one eth0 10.2.0.3/24 fd00:2::3/64
ip -n "$id-client" route add default via 10.1.0.2
ip -n "$id-client" -6 route add default via fd00:1::2
at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
peer() { at client python3 "$top/tests/e2e/live/splice.py" "$@"; }
background one python3 "$top/tests/e2e/live/splice.py" serve 80 81 82 >served
until_true 100 'a server listens' grep -q listens served
for name in splice again; do
    rules "$name" <<RULES
limits { proxy_sessions 200 }
pool farm { on down reset; server other 10.2.0.3 }
service wire on any tcp/80 { mode proxy inline; splice packets; access log json "$work/wire.log" }
service farmed on any tcp/82 { mode proxy inline first bytes within 60s; splice packets; when bytes payload at 0 is x"706f6f6c" -> farm; else -> original }
firewall f forward default drop {
  accept tcp port 80-82 as $name
  accept icmp
}
RULES
done
cp splice.pbc now.pbc
prey prey -i wan -i lan --format json now.pbc
ups() { ctl counters kernel.up.inline; sed -n 's/^kernel\.up\.inline  *//p' out | tr -d ,; }
left_is() { ctl counters "services.$1.proxy" && grep -qE "spliced_now +$2\$" out; }
left_are() { until_true 300 "$2 of $1 have left their sockets" left_is "$1" "$2" && ok 0 "$2 of $1 have left their sockets"; }
slots_are() { ctl counters kernel && grep -qE "^kernel\.spliced +$1\$" out; }
there_are() { until_true 300 "$1 directions are in the kernel" slots_are "$1" && ok 0 "$1 directions are in the kernel"; }
declare -A holder
hold() { # NAME HOST PORT THEN [FIRST]
    local name=$1
    shift
    : >"held.$name"
    background client python3 "$top/tests/e2e/live/splice.py" holds "$@" >"held.$name"
    holder[$name]=$last
    until_true 100 "$name is open" grep -q open "held.$name"
}
go_on() { for name in "$@"; do kill -USR1 "${holder[$name]}"; done; }
is_exact() { grep -q exact "held.$1"; }
heard() { for at in "$@"; do sniff "${at%:*}.pcap" "${at%:*}" "${at#*:}" -s 160 'tcp port 80'; done; }
# At XDP one whole checksum in 65,536 is taken for one that is left to a card: that segment goes up, and others overtake it.
in_order() { [ "${HOOK-}" = xdp ] || same "$1" "$(python3 "$top/tests/e2e/live/order.py" "$2.pcap" "$3.pcap")" 'in order'; }
exact() { until_true 600 "$2" is_exact "$1" && ok 0 "$2"; } # NAME SENTENCE

# ---- the same bytes, without the worker ----
hold four 10.2.0.2 80 move:4000000:12000000
hold six fd00:2::2 80 move:4000000:12000000
left_are wire 2
came=$(ups)
go_on four six
exact four '16 MB of IPv4 arrive as they are'
exact six '16 MB of IPv6 arrive as they are'
came=$(($(ups) - came))
# That many bytes are 22,000 segments, and as many acknowledgements, or half of them.
[ "$came" -lt 2000 ] || echo "# $came came up"
[ "$came" -lt 2000 ]
ok $? 'nearly all of their segments stay in the kernel'
there_are 4
heard client:eth0 one:eth0
same 'many at once, with pauses' "$(peer moves 10.2.0.2 80 8 300000 2000000)" '8 of 8 exact'
sniffed
in_order 'where the kernel takes them over, too, segments leave in their order' client one
in_order 'and so they do towards the client' one client
at client sysctl -q -w net.ipv4.tcp_timestamps=0
heard client:eth0 one:eth0
same 'ends with other options, whose segments go by the worker' "$(peer moves 10.2.0.2 80 4 2000000 2000000)" '4 of 4 exact'
sniffed
in_order 'no piece of a super-packet overtakes the others' client one
at client sysctl -q -w net.ipv4.tcp_timestamps=1
same 'to a server of a pool, at another address' "$(peer moves 10.2.0.2 82 3 300000 2000000 pool)" '3 of 3 exact'

# ---- a reload ----
hold stays 10.2.0.2 80 move:2000000:2000000
left_are wire 3
cp again.pbc now.pbc
kill -HUP "$prey"
awaits 'reloaded: now.pbc'
sniff said.pcap client eth0 'tcp dst port 80 and less 80'
go_on stays
exact stays 'a connection goes on after a reload'
sniffed
there_are 2 # the others will have theirs when they speak

# ---- segments to another station, at a port that takes all frames ----
ip -n "$id-prey" link set wan promisc on
tcpdump -c 1 -r said.pcap -w again.pcap 2>/dev/null
sniff heard.pcap one eth0 'tcp dst port 80'
at client python3 "$top/tests/e2e/live/send.py" eth0 again.pcap 3 02:00:00:00:00:99 >/dev/null
at client python3 "$top/tests/e2e/live/send.py" eth0 again.pcap >/dev/null
is_heard() { [ "$(frames_of heard.pcap)" -ge 1 ]; }
until_true 100 'what is sent to prey itself arrives' is_heard
sniffed
same 'what is sent to another station is not sent on' "$(frames_of heard.pcap)" 1

# ---- ends ----
hold down 10.2.0.2 82 move:2000000:2000000 pool
left_are farmed 1
go_on down
exact down '4 MB pass to a server of a pool'
there_are 4
ctl set farm/other down
wait "${holder[down]}"
same 'a reset has the numbers of what passed in the kernel: the client takes it' "$(tail -n 1 held.down)" reset
is_reset() { grep -q '^82 reset' served; }
until_true 100 'and so does the server' is_reset && ok 0 'and so does the server'
there_are 2
for name in four six stays; do kill "${holder[$name]}"; done
left_are wire 0
there_are 0
prey_ends
same 'it ends well' "$status" 0
same 'the access log has the bytes that passed in the kernel' "$(python3 -c '
import json
rows = [json.loads(line) for line in open("wire.log")]
print(sum(r["bytes_in"] >= 4000000 and r["bytes_out"] >= 12000000 for r in rows))')" 2

# ---- rules that brought no splicing at the start, or no proxy at all ----
rules proxies <<'RULES'
limits { proxy_sessions 200 }
service wire on any tcp/80 { mode proxy inline }
firewall f forward default drop { accept tcp port 80-82; accept icmp }
RULES
rules sends_on <<'RULES'
limits { proxy_sessions 200 }
pool farm { server other 10.2.0.3 }
service far on 10.1.0.9 tcp/90 { mode passthrough; -> farm }
firewall f forward default drop { accept tcp port 80-82; accept icmp }
RULES
for before in proxies sends_on; do
    rm -f wire.log
    cp $before.pbc now.pbc
    prey prey -i wan -i lan --format json now.pbc
    cp splice.pbc now.pbc
    kill -HUP "$prey"
    awaits 'reloaded: now.pbc'
    hold brought 10.2.0.2 80 move:2000000:2000000
    left_are wire 1
    go_on brought
    exact brought "$before: a reload brings \`splice packets\`"
    there_are 2
    kill "${holder[brought]}"
    left_are wire 0
    prey_ends
    same "$before: and it ends well" "$status" 0
done

# ---- ends that leave checksums to be completed, beside connections that stay in their sockets ----
rules mixed <<'RULES'
limits { proxy_sessions 200 }
service stays on any tcp/80 { mode proxy inline; bytes first }
service wire on any tcp/81 { mode proxy inline first bytes within 60s; when from 192.0.2.0/24 -> reject; else -> pass }
firewall f forward default drop { accept tcp port 80-82; accept icmp }
RULES
for end in client one; do at $end ethtool -K eth0 tx on >/dev/null 2>&1; done
prey prey -i wan -i lan --format json mixed.pbc
hold whole 10.2.0.2 81 move:4000000:12000000
left_are wire 1
came=$(ups)
go_on whole
exact whole '16 MB arrive as they are, of ends whose cards complete checksums'
came=$(($(ups) - came))
[ "$came" -lt 2000 ] || echo "# $came came up"
[ "$came" -lt 2000 ]
ok $? 'nearly all of their segments stay in the kernel, too'
same 'others go through their sockets' "$(peer moves 10.2.0.2 80 4 300000 2000000)" '4 of 4 exact'
kill "${holder[whole]}"
prey_ends
same 'and it ends well' "$status" 0
exit $failed
