#!/usr/bin/env bash
# Of bench-kernel: packets of a TUN and a TAP device, which preyrun and nftables translate and send on, each in a namespace of its own. Rows
# on standard output.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" && live_begin >&2
space prey nft sink
at=0
for name in prey nft; do
    ip -n "$id-$name" link add out type veth peer name "s$at" address 02:00:00:00:00:04 netns "$id-sink"
    ip -n "$id-$name" tuntap add dev t0 mode tun
    ip -n "$id-$name" tuntap add dev t1 mode tap
    at "$name" sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.disable_ipv6=1 net.ipv4.conf.all.rp_filter=0
    for l in out t0 t1; do ip -n "$id-$name" link set "$l" up; done
    at sink sysctl -q -w "net.ipv6.conf.s$at.disable_ipv6=1"
    ip -n "$id-sink" link set "s$at" up
    address "$name" t0 8.0.0.1/16
    address "$name" t1 10.7.0.1/16
    address "$name" out 10.2.0.1/24
    ip -n "$id-$name" neigh add 10.2.0.2 lladdr 02:00:00:00:00:04 dev out nud permanent
    at=$((at + 1))
done
at nft nft 'table ip n { chain post { type nat hook postrouting priority 100; oifname "out" masquerade; }; }'
rules home <<'RULES' >&2
limits { flows 30_000 }
nat home { masquerade out on "out" }
RULES
prey prey -i t0 -i t1 -i out --hook tc home.pbc >&2
"$bin/tests/bench/kernel_tun" "$id-prey" "$id-nft" "$id-sink"
result=$?
prey_ends >&2
exit $result
