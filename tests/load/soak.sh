#!/usr/bin/env bash
# All at once, for MINUTES (10): requests of both families, datagrams whole and in pieces, transfers, masquerade, a small flood, a reload each
# second. No request fails; resident memory grows less than 1 MiB over the last half; counters add up.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
minutes=${MINUTES:-10}

space client flooder prey one two
lan outside 1 client prey:wan flooder
lan inside 2 prey:lan one two
for s in one two; do
    web "$s"
    udp "$s" 53
    ip -n "$id-$s" route add default via 10.2.0.1
    ip -n "$id-$s" -6 route add default via fd00:2::1
done
web client
payload 2000000 one two client
ip -n "$id-prey" route add 198.18.0.0/15 via 10.1.0.3
mac=$(at prey cat /sys/class/net/wan/address)

with() { # NAME WEIGHT: rules that differ in a weight
    rules "$1" <<END
limits { flows 100_000; half_open 20_000 }
timeouts { udp 10s }
interface wan = "wan"
set inside = 10.2.0.0/24
pool farm {
  balance round_robin
  source 10.2.0.50, fd00:2::50
  server one 10.2.0.2 weight $2
  server two 10.2.0.3
  server one6 fd00:2::2 weight $2
  server two6 fd00:2::3
}
pool near { server one 10.2.0.2; server two 10.2.0.3 weight $2 }
service web on 10.1.0.100, fd00:1::100 tcp/80, udp/53 { mode passthrough; announce; -> farm }
service kept on 10.1.0.101 tcp/80 { mode passthrough keep source; syn cookies; announce; -> near }
nat home { masquerade from inside out on wan }
END
}
with a 1
with b 3
cp a.pbc now.pbc
prey prey -i wan -i lan --workers 2 --format json now.pbc

: >bad
# loop NAME COMMAND...: again and again until `stop` is there; each failure is a line of `bad`.
loop() {
    local name=$1 n=0
    shift
    while [ ! -e stop ]; do
        "$@" || echo "$name $n" >>bad
        n=$((n + 1))
    done
    echo "$name $n" >>done
}
right() { ! ask "$@" | grep -q ^failed; }
whole() { at "$1" curl -s -m 30 "http://$2/files/file" | cmp -s - payload; }
answered() { [ "$(talk "$@")" != failed ]; }
reload() {
    if [ "$((n % 2))" -eq 0 ]; then cp b.pbc new.pbc; else cp a.pbc new.pbc; fi
    mv new.pbc now.pbc
    kill -HUP "$prey"
    sleep 1
}
flood() {
    at flooder "$bin/tests/tools/flood" eth0 "$mac" 10.1.0.101 80 syn 1000 5 >flood.out
    at flooder "$bin/tests/tools/flood" eth0 "$mac" 10.1.0.100 53 fragment 1000 5 >flood.out
}
loops=
for l in 'request right client 10.1.0.100/' 'request6 right client [fd00:1::100]/' 'cookie right client 10.1.0.101/' 'whole whole client 10.1.0.100' \
    'whole6 whole client [fd00:1::100]' 'masquerade whole one 10.1.0.1' 'datagram answered client 10.1.0.100 53 0 5,4000' 'reload reload' 'flood flood'; do
    loop $l &
    loops="$loops $!"
    pids="$pids $!"
done
: >memory
end=$(($(date +%s) + 60 * minutes))
while [ "$(date +%s)" -lt "$end" ] && kill -0 "$prey" 2>/dev/null; do
    rss >>memory
    sleep 5
done
touch stop
wait $loops
sed 's/^/# /' done
echo "# memory: $(sed -n '1p' memory) KiB, at half $(sed -n "$(($(wc -l <memory) / 2))p" memory), at the end $(tail -1 memory)"
same 'nothing failed' "$(cut -d' ' -f1 bad | sort | uniq -c | tr -s ' \n' ' ')" ''
same 'memory grew less than 1 MiB over the last half' \
    "$(awk '{ v[NR] = $1 } END { print v[NR] - v[int((NR + 1) / 2)] < 1024 }' memory)" 1
truncate -s 0 prey.out
prey_ends
same 'it ends with 0' "$status" 0
same 'every frame has one verdict' \
    "$(python3 -c 'import json; j = json.load(open("prey.out")); print(sum(v["packets"] for v in j["verdicts"].values()) == j["live"]["frames"])')" True
exit $failed
