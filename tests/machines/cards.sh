#!/bin/bash
# What forwards costs on virtio_net, in a machine of the lab: cards.sh [KERNEL]. A machine with two such cards, each a device of
# this machine's (TUN) in a namespace of its own, stands between a sender and a sink here; in it each contender forwards in turn
# (cards_inside.sh): the stack alone, nftables, IPVS, preyrun with either executor.
#   QUEUES: queue pairs of a card, 1: the machine has one CPU, and with more preyrun takes no program there (runtime/io/card.c).
#   TRAFFIC: `frames`, UDP of 64 bytes in 64 established flows; `bulk`, one TCP connection.
#   ONLY: contenders whose name begins so. ROUNDS: 5. Each round runs each contender once; a row's figure is the median.
# The machine's clock goes by instructions (machine.sh), so a figure is instructions a frame, or a KiB, which other work here doesn't change;
# caches and misses it knows not. Needs root. Prints Markdown; the machine's own words are in $B/machines/cards/*/job.out.
set -u
cd "$(dirname "$0")/../.." || exit 2
export B=${B:-build} QUEUES=${QUEUES:-1} TRAFFIC=${TRAFFIC:-frames} ROUNDS=${ROUNDS:-5}
. tests/machines/common.sh
name=${1:-6.12}
top=$(machines_folder) || { echo "$top"; exit 2; }
[ "${CARDS_SPACE:-}" ] || CARDS_SPACE=own exec unshare -nm --propagation private bash "$0" "$name"
why=$(bash tests/machines/fetch.sh "$name") || { echo "skipped $name: $why"; exit 0; }
dir=$top/cards/$name-$QUEUES-$TRAFFIC
rm -rf "$dir"
mkdir -p "$dir" || exit 2

mount -t tmpfs run /run && mkdir /run/netns # namespaces by name that nobody else sees
ip netns add sink
for tap in wan lan; do ip tuntap add dev "$tap" mode tap $([ "$QUEUES" = 1 ] || echo multi_queue) || exit 2; done
card() { # NAME MAC
    local several=
    [ "$QUEUES" = 1 ] || several=,queues=$QUEUES
    echo "-netdev tap,id=$1,ifname=$1,script=no,downscript=no$several -device virtio-net-pci,netdev=$1,mac=$2,romfile=${several:+,mq=on,vectors=$((2 * QUEUES + 2))}"
}
printf '%s\n' PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "B=$B" "export TRAFFIC=$TRAFFIC ROUNDS=$ROUNDS ONLY='${ONLY:-}'" >"$dir/variables"
echo 'bash tests/machines/cards_inside.sh' >"$dir/job.sh"
CARDS="$(card wan 52:54:00:00:00:01) $(card lan 52:54:00:00:00:02)" BOUND=${BOUND:-1500} bash tests/machines/machine.sh "$name" "$dir" &
machine=$!
end() {
    trap '' INT TERM HUP
    kill $(jobs -p) 2>/dev/null
    wait
}
trap end EXIT
trap 'exit 1' INT TERM HUP
for _ in $(seq 600); do
    [ -e /sys/class/net/lan/carrier ] && ip link show lan | grep -q LOWER_UP && break
    ip link set wan up
    ip link set lan up
    sleep 0.1
done
# A device keeps its machine, wherever it is moved to.
ip link set lan netns sink
ip -n sink link set lan address 52:54:00:00:00:04 up
ip -n sink link set lo up
ip link set wan address 52:54:00:00:00:03
ip link set wan txqueuelen 2000
[ "$TRAFFIC" = bulk ] || ethtool -K wan tx off >/dev/null # whole checksums
ip addr add 10.1.0.1/24 dev wan
ip -n sink addr add 10.2.0.2/24 dev lan
ip -n sink route add default via 10.2.0.1
ip neigh replace 10.1.0.100 lladdr 52:54:00:00:00:01 dev wan nud permanent
if [ "$TRAFFIC" = bulk ]; then
    ip netns exec sink python3 tests/machines/cards_traffic.py sink &
    ip -n sink addr add 10.1.0.100/32 dev lo # whose servers answer as the service does, where frames keep its address
    python3 tests/machines/cards_traffic.py bulk &
else
    ip -n sink addr flush dev lan # nobody answers
    python3 tests/machines/cards_traffic.py frames &
fi
wait $machine
python3 tests/machines/cards_table.py "$dir/job.out" "$(cat "$top/kernels/$name/version")" || { tail -n 20 "$dir/job.out" "$dir/console"; exit 1; }
