#!/usr/bin/env bash
# Of bench-kernel: three namespaces joined by veth, in which kernel_veth times who sends frames on. Rows on standard output.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" && live_begin >&2
space gen fwd sink
# The frames' addresses: tests/lib/kernel_time.c.
ip -n "$id-gen" link add g0 type veth peer name f0 address 02:00:00:00:00:00 netns "$id-fwd"
ip -n "$id-fwd" link add f1 address 02:00:00:00:00:03 type veth peer name s0 address 02:00:00:00:00:04 netns "$id-sink"
for l in gen:g0 fwd:f0 fwd:f1 sink:s0; do
    at "${l%:*}" sysctl -q -w "net.ipv6.conf.${l#*:}.disable_ipv6=1"
    ip -n "$id-${l%:*}" link set "${l#*:}" up
    # With it frames of XDP arrive at an interface that has no program.
    at "${l%:*}" ethtool -K "${l#*:}" gro on 2>/dev/null
done
at fwd sysctl -q -w net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.f0.rp_filter=0
address fwd f0 10.1.0.2/24
address fwd f1 10.2.0.1/24
ip -n "$id-fwd" neigh add 10.2.0.2 lladdr 02:00:00:00:00:04 dev f1 nud permanent
ip -n "$id-fwd" route add 198.51.100.1 via 10.2.0.2
ip -n "$id-fwd" route add 100.64.0.0/10 dev f0
"$bin/tests/bench/kernel_veth" "$id-gen" "$id-fwd" "$id-sink"
