#!/usr/bin/env bash
# The proxy with all at once, for MINUTES (5): connections, requests, TLS, instructions and PROXY headers, of both families, whose bytes
# are compared; clients that abort; a server that dies and comes back; a flood of SYNs; a reload each second, with another
# certificate each time. Nothing fails where the server stays, nobody hears what is not his own, and after the first half and
# after all there is as much memory and as many descriptors.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
seconds=$((${MINUTES:-5} * 60))
[ -z "${SECONDS_OF:-}" ] || seconds=$SECONDS_OF

space client flooder prey one two
lan outside 1 client prey:wan flooder
lan inside 2 prey:lan one two
for n in client prey; do at "$n" sysctl -q -w net.ipv4.tcp_tw_reuse=1 net.ipv4.ip_local_port_range='1024 65535'; done
for i in $(seq 60 67); do address client eth0 "10.1.0.$i/24"; done
for s in one two; do
    ip -n "$id-$s" route add default via 10.2.0.1
    ip -n "$id-$s" -6 route add default via fd00:2::1
done
mac=$(at prey cat /sys/class/net/wan/address)
ip -n "$id-prey" route add 198.18.0.0/15 via 10.1.0.3
hasher="python3 $top/tests/e2e/live/hasher.py"
: >serves
background one $hasher one:9 >>serves
background two $hasher two:9 >>serves
two=$last
listen() { [ "$(grep -c ready serves)" -eq "$1" ]; }
until_true 100 'the servers listen' listen 2

for n in 0 1; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=a.example -keyout key$n -out cert$n 2>said || cat said
    rules with$n <<RULES
timeouts { proxy first 2s }
check alive = tcp every 200ms timeout 1s rise 1 fall 1
pool one { server s 10.2.0.2:9 weight $((n + 1)) }
pool shaky { balance round_robin; check alive; retries 1; on down reset; server two 10.2.0.3:9; server one 10.2.0.2:9 weight $((n + 1)) }
service plain on 10.1.0.2, fd00:1::2 tcp/1000 { mode proxy; -> one }
service http on 10.1.0.2, fd00:1::2 tcp/1001 { mode proxy http; -> one }
service tls on 10.1.0.2 tcp/1002 { mode proxy tls cert "$work/cert" key "$work/key"; -> one }
service https on 10.1.0.2 tcp/1003 { mode proxy http tls cert "$work/cert" key "$work/key"; -> one }
service asks on 10.1.0.2 tcp/1004 { mode proxy; when instruction check sum to 10.2.0.0/24 -> target }
service proxied on 10.1.0.2 tcp/1005 { mode proxy accept proxy from 10.1.0.0/24; -> one }
service shaky on 10.1.0.2 tcp/1006 { mode proxy; -> shaky }
service shaky_http on 10.1.0.2 tcp/1007 { mode proxy http; -> shaky }
service more$n on 10.1.0.2 tcp/$((1010 + n)) { mode proxy; -> one }
RULES
done
files_of() { # NUMBER: rules, certificate and key
    cp "cert$1" cert
    cp "key$1" key
    cp "with$1.pbc" next.pbc
    mv next.pbc rules.pbc
}
files_of 0
prey prey -i wan -i lan --workers 2 --monitor --format json rules.pbc

reloads() {
    local n=0
    while [ ! -e stop ]; do
        n=$((n + 1))
        files_of $((n % 2))
        kill -HUP "$prey"
        sleep 1
    done
}
dies_and_comes() {
    local n
    while [ ! -e stop ]; do
        n=$(grep -c ready serves)
        sleep 3
        { kill -KILL "$two" && wait "$two"; } 2>/dev/null
        sleep 1
        ip netns exec "$id-two" $hasher two:9 >>serves &
        two=$!
        until_true 100 'server two is back' listen $((n + 1))
    done
    # The next half has it, too.
    echo "$two" >two
    wait "$two"
}
floods() {
    while [ ! -e stop ]; do
        at flooder "$bin/tests/tools/flood" eth0 "$mac" 10.1.0.2 1000 syn 500 5 >flood.out
        sleep 5
    done
}
quiet() { [ "$(at prey ss -Htn state established state close-wait state fin-wait-1 state fin-wait-2 '( sport >= :1000 and sport <= :1020 )' | wc -l)" -eq 0 ]; }
kept() { at prey ss -Htn state established state close-wait '( dport = :9 )' | wc -l; }
for half in first second; do
    rm -f stop
    loops=
    for l in reloads dies_and_comes floods; do
        $l &
        loops="$loops $!"
        pids="$pids $!"
    done
    at client python3 "$top/tests/load/proxy_soak.py" $((seconds / 2)) "$half.json" || failed=1
    touch stop
    until_true 200 'server two stays' test -s two
    read -r two <two
    rm two
    pids="$pids $two"
    until_true 300 'all are closed' quiet
    echo "$(rss) $(($(files) - $(kept)))" >>held
    python3 -c '
import json, sys
j = json.load(open(sys.argv[1]))
print("# done", *(f"{n} {k}," for k, n in sorted(j["done"].items())))
print("# broken", *(f"{n} {k}," for k, n in sorted(j["broken"].items())))
for f in j["faults"]: print("#", f)' "$half.json"
done
echo "# after half, and at the end: KiB of memory and files:" $(cat held)
same 'nothing failed, and nobody heard what is not his own' "$(python3 -c 'import json; print(sum(len(json.load(open(f"{h}.json"))["faults"]) for h in ("first", "second")))')" 0
same 'memory grew less than 2 MiB over the second half' "$(awk '{ v[NR] = $1 } END { print (v[2] - v[1] < 2048) }' held)" 1
same 'descriptors are as many, but for pipes that are kept' "$(awk '{ v[NR] = $2 } END { d = v[2] - v[1]; print (d < 100 && d > -300) }' held)" 1
same 'it was reloaded meanwhile' "$(python3 -c "print($(grep -c '^reloaded' prey.err) > $seconds / 4)")" True
truncate -s 0 prey.out
prey_ends
same 'it ends with 0' "$status" 0
adds_up 'every frame has one verdict'
same 'each session has ended for one reason' "$(python3 -c '
import json
p = json.load(open("prey.out"))["proxy"]
print(p["sessions"] == p["ended"] + p["now"] == sum(p["ended_by"].values()) + p["now"])
print("#", {k: n for k, n in p["ended_by"].items() if n}, {k: n for k, n in p["refused"].items() if n}, file=open("reasons", "w"))')" True
cat reasons
exit $failed
