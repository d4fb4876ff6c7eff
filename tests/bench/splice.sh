#!/usr/bin/env bash
# bench-splice: what a GB of a spliced connection costs beside passthrough in the same executor, and beside the proxy, which moves it with
# splice(2). Client, balancer and server in namespaces joined by veth, with frames of 1,500 bytes (no super-packets: nobody's card helps).
# What a veth hands on is worked on in the sender's time, so CPU is that of all three: iperf3 at both ends, and prey's processes; and
# that less what the same bytes cost over a cable without anything between them. Medians of RUNS rounds, each of which runs every contender
# once; ratios are medians over rounds. Then what the change to packets costs the first exchanges of a connection, and what it costs to be cut
# into by the first bytes; and, by captures on both sides, how long it takes from the segment that decides to the first byte that has
# gone through the sockets. Prints Markdown.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
. "$top/tests/bench/small.sh"
# CABLES=plain: cables as they come, which hand on super-packets; else senders cut.
[ "${CABLES-}" != plain ] || for_programs() { :; }
pins "$@" || { echo 'bench-splice: this machine lets us mount no file system of BPF'; exit 0; }
live_begin
RUNS=${RUNS:-$(size 7 1)}
BYTES=${BYTES:-$(size 400M 8M)}
first=0 alone=$(($(nproc) - 1))
load=$(cut -d ' ' -f 1 /proc/loadavg)
say() { echo "bench-splice: $*" >&2; }

space gen fwd sink
link gen g0 fwd f0
link fwd f1 sink s0
address gen g0 10.1.0.1/24
address fwd f0 10.1.0.2/24
address fwd f1 10.2.0.1/24
address sink s0 10.2.0.2/24
ip -n "$id-gen" route add default via 10.1.0.2
ip -n "$id-sink" route add default via 10.2.0.1
at fwd sysctl -q -w net.ipv4.ip_forward=1
link gen g1 sink s1
address gen g1 10.3.0.1/24
address sink s1 10.3.0.2/24

rules passthrough <<'END'
pool farm { source 10.2.0.50; server one 10.2.0.2 }
service bulk on 10.1.0.100 tcp/7003 { mode passthrough; announce; -> farm }
END
echo 'service bulk on any tcp/7003-7004 { mode proxy inline; splice packets }' | rules spliced
echo 'service bulk on any tcp/7004 { mode proxy inline }' | rules sockets
rules proxy <<'END'
pool farm { server one 10.2.0.2 }
service bulk on 10.1.0.2 tcp/7003 { mode proxy; -> farm }
END
begin() { # NAME: it serves at $to; $works are its processes
    works= to=10.2.0.2
    case $1 in
    direct) to=10.3.0.2; return ;;
    routed) return ;;
    passthrough) to=10.1.0.100; prey fwd -i f0 -i f1 passthrough.pbc ;;
    spliced) prey fwd -i f0 -i f1 spliced.pbc ;;
    spliced-user) prey fwd --exec user -i f0 -i f1 spliced.pbc ;;
    proxy) to=10.1.0.2; prey fwd --exec user -i f0 proxy.pbc ;;
    esac
    works="$prey $(cat "/proc/$prey/task/$prey/children")"
}
cpu() { if [ -n "$works" ]; then "$bin/tests/bench/proxy_client" cpu $works; else echo 0; fi; }
# One stream: bits a second, CPU nanoseconds a byte of both ends, and of prey's processes.
run() { # NAME
    local before got
    begin "$1"
    before=$(cpu)
    got=$(timeout 60 ip netns exec "$id-gen" taskset -c "$first" iperf3 -c $to -p 7003 -n "$BYTES" -l 256K --json 2>&1 | python3 -c '
import json, sys
e = json.load(sys.stdin)["end"]
s, c = e["sum_received"], e["cpu_utilization_percent"]
print(s["bits_per_second"], (c["host_total"] + c["remote_total"]) / 100 * e["sum_sent"]["seconds"] * 1e9 / s["bytes"], s["bytes"])' 2>/dev/null)
    if [ -n "$got" ]; then
        echo "$1 ${got% *} $(($(cpu) - before)) ${got##* }" >>runs
    else
        say "$1: nothing came"
    fi
    [ -z "$works" ] || prey_ends
}

background sink taskset -c "$alone" iperf3 -s -p 7003 >/dev/null 2>&1
until_true 100 'iperf3 listens' at sink sh -c 'ss -ltn | grep -q :7003'
: >runs
contenders=${ONLY:-direct routed passthrough spliced proxy spliced-user}
for round in $(seq "$RUNS"); do
    for c in $contenders; do run "$c"; done
    say "round $round of $RUNS, $SECONDS s"
done
echo "Linux $(uname -r); $(nproc) cores; load $load at the beginning, $(cut -d ' ' -f 1 /proc/loadavg) at the end"
python3 "$top/tests/bench/splice_table.py"

background sink python3 "$top/tests/bench/exchanges.py" serve 10.2.0.2 7004 >serves
until_true 100 'the server listens' grep -q listens serves
echo
echo '| exchange of 100 bytes, us: median (99 %) | first | second | third | eighth |'
echo '|---|---|---|---|---|'
for way in sockets spliced; do
    for executor in kernel user; do
        prey fwd --exec $executor -i f0 -i f1 $way.pbc
        echo "| in the wire, $([ $way = sockets ] && echo 'by sockets' || echo spliced), $executor executor | $(at gen timeout 60 python3 "$top/tests/bench/exchanges.py" ask 10.2.0.2 7004 "$(size 300 5)") |"
        prey_ends
    done
done

# Connections that cross a bridge, all watched
space left middle right
link left l0 middle l1
link middle r1 right r0
address left l0 10.4.0.1/24
address right r0 10.4.0.2/24
rules watched <<'END'
firewall f forward default accept { }
service ssh on any tcp/7004-7005 { mode observe; when bytes payload at 0 is x"53 53 48" -> proxy inline; else -> pass }
END
prey middle --exec user --bridge l1:r1 watched.pbc
count=$(size 300 5)
# exchanges PORT WORD [GREETING]: a row, and in the file `took` how long their first bytes were on their way
exchanges() {
    sniff came.pcap left l0 tcp dst port "$1"
    sniff left.pcap right r0 tcp dst port "$1"
    at left timeout 60 python3 "$top/tests/bench/exchanges.py" ask 10.4.0.2 "$1" "$count" "${@:2}"
    sniffed
    python3 "$top/tests/bench/cut_took.py" came.pcap left.pcap "$1" >>took
}
for port in 7004 7005; do
    background right python3 "$top/tests/bench/exchanges.py" serve 10.4.0.2 $port $([ $port = 7004 ] || echo SSH-2.0-it) >serves
    until_true 100 'the server listens' grep -q listens serves
done
whats=('watched, and let by' 'cut into by the first' 'cut into by the first, while the server greets')
echo "| on a bridge, ${whats[0]} | $(exchanges 7004 HELLO) |"
echo "| on a bridge, ${whats[1]} | $(exchanges 7004 SSH) |"
echo "| on a bridge, ${whats[2]} | $(exchanges 7005 SSH SSH-2.0-it) |"
echo
echo '| from the segment that decides to the first byte behind prey | connections | us: median (99 %) |'
echo '|---|---|---|'
paste -d '|' <(printf '%s\n' "${whats[@]}") took | sed -E 's/^(.*)\|([0-9]+) (.*)$/| \1 | \2 | \3 |/'
into=$(at middle "$bin/preyctl" --name l1 counters observed | awk '$1 ~ /cut_into$/ { print $2 }')
[ "$into" = $((2 * count)) ] || say "of $((2 * count)) connections $into were cut into"
prey_ends
