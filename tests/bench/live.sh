#!/usr/bin/env bash
# bench-live: what a forwarded packet of 64 bytes costs, live, beside what else could forward it. Three namespaces joined by
# veth: generator, contender, sink. CPU nanoseconds a packet in all, of them in the contender's process; the ratio is to the
# bare forwarder of the same run. Medians of RUNS rounds, each of which runs every contender once. NAME-xdp is the same by AF_XDP.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
RUNS=${RUNS:-5}
COUNT=${COUNT:-200000}
FLOWS=${FLOWS:-1000}
# The generator on the first CPU, what forwards in user space on the last, as preyrun chooses.
first=0 last=$(($(nproc) - 1))

space gen fwd sink
ip -n "$id-gen" link add g0 address 02:00:00:00:00:01 type veth peer name f0 address 02:00:00:00:00:02 netns "$id-fwd"
ip -n "$id-fwd" link add f1 address 02:00:00:00:00:03 type veth peer name s0 address 02:00:00:00:00:04 netns "$id-sink"
for l in gen:g0 fwd:f0 fwd:f1 sink:s0; do
    at "${l%:*}" sysctl -q -w "net.ipv6.conf.${l#*:}.disable_ipv6=1"
    ip -n "$id-${l%:*}" link set "${l#*:}" up
done
address fwd f0 10.1.0.2/24
address fwd f1 10.2.0.1/24
for a in 2 3; do ip -n "$id-fwd" neigh add 10.2.0.$a lladdr 02:00:00:00:00:04 dev f1 nud permanent; done
ip -n "$id-fwd" neigh add 10.1.0.1 lladdr 02:00:00:00:00:01 dev f0 nud permanent
# One kind of sink for all: dropped as early as nftables can.
at sink nft 'table netdev sink { chain sunk { type filter hook ingress device "s0" priority 0; policy drop; }; }'

rules drop <<'END'
firewall f forward default drop { accept udp port 54 }
END
pool='pool farm { source 10.2.0.50; server one 10.2.0.2 mac 02:00:00:00:00:04; server two 10.2.0.3 mac 02:00:00:00:00:04 }'
echo 'firewall f forward default accept { drop udp port 54 }' | rules bridge
for mode in 'passthrough' 'passthrough keep source' 'dsr l2'; do
    case $mode in passthrough) with=$pool ;; *) with=${pool/source 10.2.0.50; /} ;; esac
    echo "$with
service dns on 10.1.0.100 udp/53 { mode $mode; -> farm }" | rules "${mode// /-}"
done

kernel() { # forwards by itself
    at fwd sysctl -q -w net.ipv4.ip_forward=1
    ip -n "$id-fwd" route add 10.1.0.100 via 10.2.0.2 2>/dev/null
}
dnat() {
    at fwd sysctl -q -w net.ipv4.ip_forward=1
    at fwd nft 'table ip nat { chain pre { type nat hook prerouting priority -100; ip daddr 10.1.0.100 udp dport 53 dnat to numgen random mod 2 map { 0 : 10.2.0.2, 1 : 10.2.0.3 }; }; }'
}
user() { # COMMAND...
    ip netns exec "$id-fwd" "$@" >said.out 2>said &
    pid=$!
    pids="$pids $pid"
    until_true 100 "$1 is ready" grep -q ready said
    # preyrun's workers are threads of its child, which has no rights.
    works=$(cut -d' ' -f1 "/proc/$pid/task/$pid/children")
    works=${works:-$pid}
}
nothing() {
    [ "$pid" -eq 0 ] || { kill -TERM "$pid"; wait "$pid" 2>/dev/null; }
    at fwd sysctl -q -w net.ipv4.ip_forward=0
    at fwd nft delete table ip nat 2>/dev/null
    ip -n "$id-fwd" route del 10.1.0.100 2>/dev/null
}
contender() { # NAME
    pid=0 works=0 kind=forward
    case $1 in
    kernel) kernel ;;
    dnat) dnat ;;
    bare-drop) kind=drop; user taskset -c "$last" "$bin/tests/bench/bare" f0 ;;
    bare) user taskset -c "$last" "$bin/tests/bench/bare" f0 f1 ;;
    drop) kind=drop; user "$bin/preyrun" --workers 1 -i f0 drop.pbc ;;
    bridge) user "$bin/preyrun" --workers 1 --bridge f0:f1 bridge.pbc ;;
    *-xdp) user "$bin/preyrun" --workers 1 --io xdp -i f0 -i f1 "${1%-xdp}.pbc" ;;
    *) user "$bin/preyrun" --workers 1 -i f0 -i f1 "$1.pbc" ;;
    esac
    echo "$1 $(taskset -c "$first" "$bin/tests/bench/live" "$works" "$id-gen" "$id-sink" "$COUNT" "$FLOWS" $kind)" >>runs
    nothing
}
: >runs
for _ in $(seq "$RUNS"); do
    for c in bare-drop drop kernel dnat bare bridge passthrough passthrough-keep-source dsr-l2 passthrough-xdp dsr-l2-xdp; do contender $c; done
done
python3 - "$COUNT" <<'END'
import collections, statistics, sys
runs = collections.defaultdict(list)
for line in open("runs"):
    name, came, sending, process = line.split()
    runs[name].append((float(sending) + float(process), float(process), int(came)))
median = {n: statistics.median(x[0] for x in r) for n, r in runs.items()}
print(f"{'':24}{'ns/pkt':>8}{'spread':>14}{'process':>9}{'arrived':>9}{'ratio':>8}")
for name, r in runs.items():
    floor = median["bare-drop" if name in ("drop", "bare-drop") else "bare"]
    arrived = "" if "drop" in name else f"{100 * statistics.median(x[2] for x in r) / int(sys.argv[1]):.1f} %"
    print(f"{name:24}{median[name]:8.0f}{min(x[0] for x in r):7.0f}-{max(x[0] for x in r):.0f}"
          f"{statistics.median(x[1] for x in r):9.0f}{arrived:>9}{median[name] / floor:8.2f}")
END
