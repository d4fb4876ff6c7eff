#!/usr/bin/env bash
# How long packets wait while another preyrun takes over: FLOWS flows there (100,000), and a datagram each 100 us through
# prey, whose answers' longest gap is measured ROUNDS times (5) with a takeover meanwhile and without, in turn. Prints the medians, how long
# preyctl takeover takes in all, and the most memory that all processes have meanwhile.
set -u
EXEC=${EXEC:-user} # kernel: with HOOK=tc
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
flows=${FLOWS:-100000}
rounds=${ROUNDS:-5}
workers=${WORKERS:-1}
others=${OTHERS-} # so many, and as many as before, take over in turn

between one
ip -n "$id-client" route add default via 10.1.0.2
at prey sysctl -q -w net.ipv4.ip_forward=1
for i in $(seq 0 $((flows / 50000))); do address client eth0 10.1.0.$((10 + i))/24; address one eth0 10.2.0.$((10 + i))/24; done
udp one 9000
rules all <<END
limits { flows $((flows + 10000)) }
firewall ways forward default drop {
  accept state established
  accept udp to port 9000 state new
}
END
prey prey -i wan -i lan --workers "$workers" all.pbc
# with pinned programs in sight, where the kernel judges
takes_over() {
    # shellcheck disable=SC2086
    timeout 60 nsenter "--net=/run/netns/$id-prey" "$bin/preyctl" takeover ${others:+--workers $others} >out 2>err </dev/null
    status=$?
    [ -z "$others" ] || { local now=$others; others=$workers; workers=$now; }
}
probe() { at client "$tools/gaps" 10.2.0.2 9000 "$1"; }
until_true 100 'an answer comes' probe 0.1
for i in $(seq 0 $((flows / 50000))); do
    n=$((flows - i * 50000))
    [ "$n" -le 0 ] || at client "$tools/udp" flows 10.2.0.$((10 + i)) 9000 10000 $((n < 50000 ? n : 50000))
done
echo "# $(at prey "$bin/preyctl" counters flows.now)"
# MiB of all preyrun there; pages that several have count once
memory() {
    local p kib=0 one
    for p in $(ip netns pids "$id-prey"); do
        one=$(awk '/^Pss:/ { print $2 }' "/proc/$p/smaps_rollup" 2>/dev/null)
        kib=$((kib + ${one:-0}))
    done
    echo $((kib / 1024))
}
memories() { # FILE: each 20 ms, until it is gone, a minute at most
    local i
    for ((i = 0; i < 3000; i++)); do [ -e "$1" ] && memory && sleep 0.02 || break; done
}
for i in $(seq "$rounds"); do
    probe 2 >>without
    memory >>memory.before
    probe 2 >with.now &
    asker=$!
    sleep 0.7
    if [ "$i" = 1 ]; then # in one round alone, for it takes time
        : >looks
        memories looks >memory.most &
        looker=$!
    fi
    began=$(date +%s%N)
    takes_over
    [ "$status" = 0 ] && echo $((($(date +%s%N) - began) / 1000000)) >>whole || cat err
    wait "$asker"
    rm -f looks
    cat with.now >>with
done
median() { awk '{ print $(NF - 1) }' "$1" | sort -n | sed -n "$(((rounds + 1) / 2))p"; }
sed 's/^/# without: /' without
sed 's/^/# with:    /' with
echo "in all, median: $(sort -n whole | sed -n "$((($(wc -l <whole) + 1) / 2))p") ms of preyctl takeover"
echo "the longest gap of a probe each 100 us, median of $rounds: $(median without) us without a takeover, $(median with) us with one; $flows flows, $workers worker(s)"
wait "$looker"
echo "memory of all preyrun: $(sort -n memory.before | sed -n "$(((rounds + 1) / 2))p") MiB before, $(sort -n memory.most | tail -n 1) MiB at most meanwhile"
at prey "$bin/preyctl" stop >/dev/null
