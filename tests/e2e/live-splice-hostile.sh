#!/usr/bin/env bash
# Connections in packets, and who sends what no sound end does: forged segments of both ends, with numbers beside the right ones, end nothing
# and leave no byte; ends with odd options, windows that close as sockets are left, or that shrink, hear what they said. Both
# families, by both executors.
set -u
EXEC=kernel # what XDP hands up is cut to size
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - connections in packets and hostile segments # SKIP this machine lets us mount no file system of BPF'; exit 0; }
live_begin

between one
ip -n "$id-client" route add default via 10.1.0.2
ip -n "$id-client" -6 route add default via fd00:1::2
at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
mac() { at "$1" cat "/sys/class/net/$2/address"; }
# The odd end has no kernel that would say where it is.
for a in 10.1.0.77 fd00:1::77; do ip -n "$id-prey" neigh add $a lladdr "$(mac client eth0)" dev wan nud permanent; done
background one python3 "$top/tests/e2e/live/splice_hostile.py" serve >served
server=$last
until_true 100 'a server listens' grep -q listens served
rules splice <<'END'
service wire on any tcp/7 { mode proxy inline; splice packets }
firewall f forward default drop { accept icmp; accept icmp6; accept tcp port 7 as OPEN }
END
attacked() { # EXECUTOR
    local family
    prey prey -i wan -i lan --exec "$1" --format json splice.pbc
    for family in 4 6; do
        at client timeout 280 python3 "$top/tests/e2e/live/splice_hostile.py" $family "$(mac client eth0)" "$(mac prey wan)" "$(mac one eth0)" \
            "$(mac prey lan)" "$server" ip netns exec "$id-prey" "$bin/preyctl" counters services.wire.proxy >attacks 2>&1
        same "the attacker came to its end, $1" $? 0
        sed "s/^\(not \)\{0,1\}ok - /&$1, /" attacks
        ! grep -q '^not ok' attacks || failed=1
    done
    prey_ends
    same "$1: it ends well" "$status" 0
    same "$1: no end was reset" "$(grep -c reset served)" 0
}
attacked user
attacked kernel
exit $failed
