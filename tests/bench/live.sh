#!/usr/bin/env bash
# bench-live: what a forwarded packet of 64 bytes costs, live, beside what else could forward it. Three namespaces joined by
# veth: generator, contender, sink. CPU nanoseconds a packet in all, of them in the contender's process; the ratio is to the
# forwarder of the same run that does nothing but carry, by AF_PACKET, AF_XDP, a redirect by XDP or at traffic control. Copies (`mirror` of every frame) stand beside the same
# rules without. Medians of RUNS rounds, each of which runs every contender once; no round begins that would end after SECONDS_MOST.
# Prints Markdown, and says on standard error how far it is.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
. "$top/tests/bench/small.sh"
live_begin
RUNS=${RUNS:-$(size 5 1)}
COUNT=${COUNT:-$(size 100000 1000)}
FLOWS=${FLOWS:-$(size 1000 100)}
NEWS=${NEWS:-$(size 20000 1000)} # frames of rows where each begins a flow
SECONDS_MOST=${SECONDS_MOST:-460}
# The generator on the first CPU, what forwards in user space on the last, as preyrun chooses.
first=0 last=$(($(nproc) - 1))
seed=7

# One queue each way between generator and sink, but two for what arrives where two workers are to share it.
space gen fwd sink
ip -n "$id-gen" link add g0 address 02:00:00:00:00:01 numtxqueues 1 numrxqueues 2 type veth \
    peer name f0 address 02:00:00:00:00:02 netns "$id-fwd" numtxqueues 2 numrxqueues 2
ip -n "$id-fwd" link add f1 address 02:00:00:00:00:03 numtxqueues 2 numrxqueues 2 type veth \
    peer name s0 address 02:00:00:00:00:04 netns "$id-sink" numtxqueues 1 numrxqueues 2
ip -n "$id-fwd" link add m0 type veth peer name s1 netns "$id-sink"
for l in gen:g0 fwd:f0 fwd:f1 fwd:m0 sink:s0 sink:s1; do
    at "${l%:*}" sysctl -q -w "net.ipv6.conf.${l#*:}.disable_ipv6=1"
    ip -n "$id-${l%:*}" link set "${l#*:}" up
done
address fwd f0 10.1.0.2/24
address fwd f1 10.2.0.1/24
for a in 2 3; do ip -n "$id-fwd" neigh add 10.2.0.$a lladdr 02:00:00:00:00:04 dev f1 nud permanent; done
ip -n "$id-fwd" neigh add 10.1.0.1 lladdr 02:00:00:00:00:01 dev f0 nud permanent
# One kind of sink for all: dropped as early as nftables can.
at sink nft 'table netdev sink { chain sunk { type filter hook ingress devices = { "s0", "s1" } priority 0; policy drop; }; }'
queues() { for i in f0 f1; do at fwd ethtool -L $i rx "$1" tx "$1" 2>/dev/null; done; }

# Ends that receive by NAPI take frames from programs in the kernel; of others frames go up.
napi() { # on|off
    at gen ethtool -K g0 gro "$1"
    at sink ethtool -K s0 gro "$1"
    at sink ethtool -K s1 gro "$1"
}

# ---- the rules ----

rules drop <<'END'
firewall f forward default drop { accept udp port 54 }
END
echo 'firewall f forward default accept { drop udp port 54 }' | rules bridge
{ cat bridge.prey && echo 'service inline on any tcp/any { mode proxy inline }'; } | rules wire
echo 'nat n { forward 10.1.0.100 udp/53 -> 10.2.0.2 }' | rules nat
pool='pool farm { source 10.2.0.50; server one 10.2.0.2 mac 02:00:00:00:00:04; server two 10.2.0.3 mac 02:00:00:00:00:04 }'
service() { # MODE
    case $1 in passthrough) echo "$pool" ;; *) echo "${pool/source 10.2.0.50; /}" ;; esac
    echo "service dns on 10.1.0.100 udp/53 { mode $1; -> farm }"
}
modes='passthrough passthrough-keep-source dsr-l2 dsr-rewrite dsr-ipip dsr-gue'
for mode in $modes; do
    words=${mode//-/ }
    service "${words/gue/gue 6080}" | rules "$mode"
done
# All frames are copied, or only counted.
for copies in judged:count mirrored-device:'mirror to "m0"' mirrored-file:'mirror to file "copies.pcapng" limit 64MiB' \
    mirrored-socket:'mirror to socket "sink"'; do
    { service passthrough && echo "firewall f default accept { ${copies#*:} udp port 53 }"; } | rules "${copies%%:*}"
done
# More ranges than the dealing program has room for: the kernel's hash deals.
{
    service passthrough
    echo 'nat many {'
    for i in $(seq 65); do echo "  masquerade from 10.9.$i.0/24 out on \"f1\" ports 16384-32767"; done
    echo '}'
} | rules hashed

# ---- contenders ----

kernel() { # forwards by itself
    at fwd sysctl -q -w net.ipv4.ip_forward=1
    ip -n "$id-fwd" route add 10.1.0.100 via 10.2.0.2 2>/dev/null
}
dnat() {
    at fwd sysctl -q -w net.ipv4.ip_forward=1
    at fwd nft 'table ip nat { chain pre { type nat hook prerouting priority -100; ip daddr 10.1.0.100 udp dport 53 dnat to numgen random mod 2 map { 0 : 10.2.0.2, 1 : 10.2.0.3 }; }; }'
}
user() { # COMMAND...
    : >said.out
    : >said # that of the one before says that it is ready
    ip netns exec "$id-fwd" "$@" >said.out 2>said &
    pid=$!
    pids="$pids $pid"
    until_true 300 "$1 is ready" grep -q ^ready said
    # preyrun's workers are threads of its child, which has no rights.
    works=$(cut -d' ' -f1 "/proc/$pid/task/$pid/children")
    works=${works:-$pid}
}
bare() { user taskset -c "$last" "$bin/tests/bench/$@"; }
by_hand() { # PROGRAM: the kernel runs it
    bare by_hand f0 f1 "$1"
    works=0
}
run_prey() { # IO PROGRAM OPTION...
    local io=$1 program=$2
    shift 2
    user "$bin/preyrun" --io "$io" --seed "$seed" --format json "$@" "$program.pbc"
}
run_kernel() { # PROGRAM HOOK
    [ "$2" = tc ] || napi on
    user "$bin/preyrun" --exec kernel --hook "$2" --seed "$seed" --format json -i f0 -i f1 "$1.pbc"
}
asks() { # the page's document, 100 times a second
    ip netns exec "$id-fwd" taskset -c "$first" python3 - <<'END' &
import http.client, time
c = http.client.HTTPConnection("127.0.0.1", 8404)
for n in range(30000):
    c.request("GET", "/stats.json")
    c.getresponse().read()
    time.sleep(0.01)
END
    asker=$!
    pids="$pids $asker"
}
reads() { # what goes to --tap
    rm -f reads
    ip netns exec "$id-fwd" taskset -c "$first" python3 - <<'END' &
import socket
s = socket.socket(socket.AF_UNIX)
s.connect("sink.sock")
s.recv(1 << 18)
open("reads", "w")
while s.recv(1 << 18): pass
END
    asker=$!
    pids="$pids $asker"
    until_true 300 'somebody reads' test -e reads
}
# The CPU time of the worker: the thread that stays on the last CPU.
worker_ns() {
    local task
    for task in "/proc/$works/task/"*; do
        grep -q "^Cpus_allowed_list:.$last\$" "$task/status" && cut -d' ' -f1 "$task/schedstat" && return
    done
    echo 0
}
nothing() {
    [ "$asker" -eq 0 ] || { kill "$asker"; wait "$asker" 2>/dev/null; }
    [ "$pid" -eq 0 ] || { kill -TERM "$pid"; wait "$pid" 2>/dev/null; }
    at fwd sysctl -q -w net.ipv4.ip_forward=0
    at fwd nft delete table ip nat 2>/dev/null
    napi off
    ip -n "$id-fwd" route del 10.1.0.100 2>/dev/null
}
begin() { # NAME, with -xdp where it goes by AF_XDP, -kernel where XDP programs do it all, -tc, -in and -peer where traffic control does: it runs
    local name=${1%-xdp} io=packet
    [ "$name" = "$1" ] || io=xdp
    pid=0 works=0 kind=forward owners= asker=0 proto=udp news=
    queues 1
    case $1 in
    kernel) kernel ;;
    dnat) dnat ;;
    bare-drop) kind=drop; bare bare f0 ;;
    bare) bare bare f0 f1 ;;
    bare-drop-xdp) kind=drop; bare bare_xdp f0 ;;
    bare-xdp) bare bare_xdp f0 f1 ;;
    drop | drop-xdp) kind=drop; run_prey $io drop --workers 1 -i f0 -i f1 ;;
    bridge-tcp | wire-tcp) proto=tcp; run_prey $io "${name%-tcp}" --workers 1 --bridge f0:f1 ;;
    bridge | bridge-xdp | wire | wire-xdp) run_prey $io "$name" --workers 1 --bridge f0:f1 ;;
    bare-kernel) napi on; by_hand blind ;;
    hand-kernel) napi on; by_hand nat ;;
    bare-tc) by_hand blind_tc ;;
    hand-tc) by_hand nat_tc ;;
    bare-peer) by_hand blind_peer ;;
    hand-peer) by_hand nat_peer ;;
    sunk) kind=drop; by_hand sunk_tc ;;
    news-dnat) news=1; dnat ;;
    news-two) news=1; queues 2; run_prey $io passthrough --exec user --workers 2 -i f0 -i f1 ;;
    news-kernel) news=1; run_kernel passthrough xdp ;;
    news-in) news=1; run_kernel passthrough tc ;;
    news | news-xdp) news=1; run_prey $io passthrough --exec user --workers 1 -i f0 -i f1 ;;
    two-*)
        queues 2
        owners=${name#two-}
        run_prey $io passthrough --workers 2 -i f0 -i f1
        ;;
    hashed) queues 2; run_prey packet hashed --workers 2 -i f0 -i f1 ;;
    asked) run_prey $io passthrough --workers 1 -i f0 -i f1 --stats 127.0.0.1:8404; asks ;;
    drop-kernel) kind=drop; run_kernel drop xdp ;;
    drop-in) kind=drop; run_kernel drop tc ;;
    *-kernel) run_kernel "${name%-kernel}" xdp ;;
    *-in) run_kernel "${name%-in}" tc ;;
    mirrored-socket*) run_prey $io mirrored-socket --workers 1 -i f0 -i f1 --tap sink=sink.sock; reads ;;
    recorded) rm -rf kept; run_prey $io passthrough --workers 1 -i f0 -i f1 --record kept --record-size 256MiB ;;
    *) run_prey $io "$name" --workers 1 -i f0 -i f1 ;;
    esac
}
handed() { # the share of frames that went from one worker to the other
    python3 - 2>/dev/null <<'END' || echo -
import json
said = json.load(open("said.out"))
print(said["live"]["handed"] / sum(i["packets"] for i in said["interfaces"]))
END
}
made() { # the share of frames of which there is a copy
    python3 - 2>/dev/null <<'END' || echo -
import json
copies = json.load(open("said.out"))["mirrors"]
print(sum(m["packets"] for m in copies) / sum(m["packets"] + m["lost"] for m in copies))
END
}
send() { # FORM...
    local frames=${news:+$NEWS}
    env "PROTO=$proto" ${news:+NEWS=1} taskset -c "$first" "$bin/tests/bench/live" "$works" "$id-gen" "$id-sink" "${frames:-$COUNT}" "$FLOWS" "$@"
}
contender() { # NAME [latency]
    local got own=
    begin "$1"
    case $1 in judged* | mirrored-*) own=$(worker_ns) ;; esac
    got=$(send $kind ${owners:+passthrough.pbc $seed $owners}) || echo "bench-live: $1: nothing came" >&2
    # With the frames by which flows begin.
    [ -z "$own" ] || own=$((($(worker_ns) - own) / (COUNT + FLOWS + 640)))
    # At half load: one in twice the time that a frame took, but in 50 µs at the latest.
    [ "${2-}" != latency ] || [ -z "$got" ] ||
        echo "$1 $(COUNT=$(size 10000 500) send "$(echo "$got" | awk '{ n = 2 * $4 + 1; printf "%d", n < 50000 ? n : 50000 }')")" >>late
    nothing
    if [ -n "$own" ]; then echo "$1 ${got:-0 0 0 0} $own $(made)" >>copied; else echo "$1 ${got:-0 0 0 0} $(handed)" >>runs; fi
}

# ---- the rounds ----

timed='kernel dnat bare passthrough bare-xdp passthrough-xdp bare-kernel passthrough-kernel passthrough-in'
all="bare-drop drop bare bridge wire bridge-tcp wire-tcp nat $modes bare-drop-xdp drop-xdp bare-xdp bridge-xdp wire-xdp nat-xdp"
for mode in $modes; do all="$all $mode-xdp"; done
all="$all sunk bare-tc hand-tc bare-peer hand-peer bare-kernel hand-kernel drop-kernel nat-kernel drop-in nat-in"
for mode in $modes; do all="$all $mode-kernel"; done
all="$all passthrough-in passthrough-keep-source-in dsr-l2-in dsr-rewrite-in"
all="$all news news-two news-xdp news-kernel news-in news-dnat"
all="$all judged mirrored-device mirrored-file mirrored-socket judged-xdp mirrored-device-xdp judged-kernel mirrored-device-kernel mirrored-file-kernel judged-in mirrored-device-in"
all="$all recorded asked kernel dnat two-both hashed two-0-xdp two-both-xdp two-1-xdp"
: >runs >late >copied
for round in $(seq "$RUNS"); do
    [ $((SECONDS * round / (round > 1 ? round - 1 : 1))) -lt "$SECONDS_MOST" ] || break
    for c in ${ONLY:-$all}; do
        case " $timed " in *" $c "*) contender "$c" latency ;; *) contender "$c" ;; esac
    done
    echo "bench-live: round $round of $RUNS, $SECONDS s" >&2
done
python3 "$top/tests/bench/live_table.py" "$COUNT" "$NEWS" runs late copied
