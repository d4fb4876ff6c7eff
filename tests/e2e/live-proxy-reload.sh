#!/usr/bin/env bash
# The proxy is reloaded under load, with another certificate each time, by SIGHUP: connections, requests, TLS, instructions and PROXY
# headers of both families go on, are answered, and hear what is their own; with two workers. 8 reloads and
# more; with LIVE=1 for a minute, 60 and more.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
seconds=2 reloads=8
[ -z "${LIVE:-}" ] || seconds=60 reloads=60

between one
for n in client prey; do at "$n" sysctl -q -w net.ipv4.tcp_tw_reuse=1 net.ipv4.ip_local_port_range='1024 65535'; done
for i in $(seq 60 67); do address client eth0 "10.1.0.$i/24"; done
: >serves
background one python3 "$top/tests/e2e/live/hasher.py" one:9 >serves
until_true 300 'the server listens' grep -q ready serves
for n in 0 1; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=a.example -keyout key$n -out cert$n 2>said || cat said
    rules with$n <<RULES
pool more$n { server more 10.2.0.2:9 }
pool one { server s 10.2.0.2:9 weight $((n + 1)) }
service more$n on 10.1.0.2 tcp/$((1010 + n)) { mode proxy; -> more$n }
service plain on 10.1.0.2, fd00:1::2 tcp/1000 { mode proxy; -> one }
service http on 10.1.0.2, fd00:1::2 tcp/1001 { mode proxy http; -> one }
service tls on 10.1.0.2 tcp/1002 { mode proxy tls cert "$work/cert" key "$work/key"; -> one }
service https on 10.1.0.2 tcp/1003 { mode proxy http tls cert "$work/cert" key "$work/key"; -> one }
service asks on 10.1.0.2 tcp/1004 { mode proxy; when instruction check sum to 10.2.0.0/24 -> target }
service proxied on 10.1.0.2 tcp/1005 { mode proxy accept proxy from 10.1.0.0/24; -> one }
RULES
done
files_of() { # NUMBER: rules, certificate and key
    cp "cert$1" cert
    cp "key$1" key
    cp "with$1.pbc" next.pbc
    mv next.pbc rules.pbc
}
reloaded() { [ "$(grep -c '^reloaded' prey.err)" -ge "$1" ]; }
files_of 0
prey prey -i wan -i lan --workers 2 --monitor --format json rules.pbc
# Again until there were so many reloads: a slow machine makes few in that time.
n=0 round=0
while [ $n -lt $reloads ] && [ $round -lt 30 ]; do
    round=$((round + 1))
    ip netns exec "$id-client" python3 "$top/tests/load/proxy_soak.py" $seconds "soak$round.json" sure &
    clients=$!
    pids="$pids $clients"
    while kill -0 "$clients" 2>/dev/null; do
        n=$((n + 1))
        files_of $((n % 2))
        kill -HUP "$prey"
        until_true 100 "reload $n is made" reloaded $n
        sleep 0.1
    done
    wait "$clients" || failed=1
done
python3 -c '
import collections, glob, json
done = collections.Counter()
for f in glob.glob("soak*.json"):
    j = json.load(open(f))
    done.update(j["done"])
    for what in j["faults"]: print("fault:", what)
print("done", *(f"{n} {k}" for k, n in sorted(done.items())))' >said
sed 's/^/# /' said
same "$n reloads, and nothing failed" "$((n >= reloads)) $(grep -c fault said)" '1 0'
same 'each kind went on meanwhile' "$(sed -n 's/^done //p' said | wc -w)" 20
truncate -s 0 prey.out
prey_ends
same 'it ends with 0' "$status" 0
adds_up 'every frame has one verdict'
same 'none ended but in order' "$(python3 -c '
import json
ends = json.load(open("prey.out"))["proxy"]["ended_by"]
print({k: n for k, n in ends.items() if n and k not in ("done", "client-reset")})')" '{}'
exit $failed
