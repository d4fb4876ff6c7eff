#!/usr/bin/env bash
# Live, what is seen over HTTP (--stats): page, JSON and metrics agree with one another and with the interface; names are
# text whatever they hold; strangers are told no; a browser shows the page, and it lives.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey one
lan switch 1 client prey one
web one
rules shop <<'END'
check alive = http GET "/" expect 200 every 16s timeout 5s rise 1 fall 1
pool web {
  check alive
  source 10.1.0.50
  server one 10.1.0.3:80 weight 3
  server gone 10.1.0.3:81
}
service shop on 10.1.0.100 tcp/80 { mode passthrough; announce; -> web }
firewall host default drop { accept icmp as PING; accept icmp6; accept tcp }
END
program='a<b>&"c.pbc'
cp shop.pbc "$program"

background prey nc.openbsd -l -k 127.0.0.1 8404
until_true 100 'somebody has the port' at prey nc.openbsd -z 127.0.0.1 8404
at prey timeout 60 "$bin/preyrun" -i eth0 --monitor --stats 127.0.0.1:8404 "$program" >out 2>err </dev/null
same 'a port that is taken is said' "$? $(grep -c '^preyrun: --stats 127.0.0.1:8404: another program listens there' err)" '2 1'
for wrong in 8404 127.0.0.1 127.0.0.1:0 '[::1:80' ::1:80 localhost:80; do
    "$bin/preyrun" -i eth0 --stats "$wrong" "$program" >out 2>err
    same "no address: $wrong" "$? $(grep -c -- --stats err)" '2 1'
done

for wrong in '' 'a b' a.example:80 'http://a'; do
    "$bin/preyrun" -i eth0 --stats 127.0.0.1:8404 --stats-host "$wrong" "$program" >out 2>err
    same "no names: $wrong" "$? $(grep -c -- 'stats-host: .* isn.t a list of names' err)" '2 1'
done

prey prey -i eth0 --monitor --format json --stats '[::1]:8404' --stats-host stats.example,b.example "$program"
base='http://[::1]:8404'
get() { at prey curl -s -g -m 20 "$@"; }
code() { get -o /dev/null -w '%{http_code}' "$@"; }
same 'it is well' "$(get "$base/healthz")" ok
same 'another path is not there' "$(code "$base/etc/passwd") $(code "$base/../stats.json" --path-as-is)" '404 404'
same 'it only reads' "$(code -X POST -d x "$base/") $(code -X DELETE "$base/stats.json") $(code -I "$base/")" '405 405 200'
same 'another name for it is refused' "$(code -H 'Host: evil.example' "$base/") $(code -H 'Host: localhost:8404' "$base/healthz")" '403 200'
names=
for host in evil.example:8404 localhost.evil.example 127.0.0.1.evil.example 'localhost:' 'localhost:x' stats.example. ::1 '[::1' \
    '[fe80::1]' 192.0.2.1:8404 a.localhost STATS.example:443 b.example; do names+=" $(code -H "Host: $host" "$base/healthz")"; done
same 'addresses, names of localhost and of --stats-host are taken, no others' "$names" ' 403 403 403 403 403 403 403 403 200 200 200 200 200'
same 'a request without Host is no browser' "$(code --http1.0 -H Host: "$base/healthz")" 200
cat >hosts.py <<'END'
import socket
for version, names in ("1.1", 0), ("1.1", 1), ("1.1", 2), ("1.0", 0), ("1.0", 2):
    s = socket.create_connection(("::1", 8404), 60)
    s.sendall(f"GET /healthz HTTP/{version}\r\n{'Host: localhost' + chr(13) + chr(10) if names else ''}{'hOST: localhost' + chr(13) + chr(10) if names > 1 else ''}\r\n".encode())
    print(s.recv(4096).split()[1].decode(), end=" ")
END
same 'HTTP/1.1 has one Host, HTTP/1.0 at most one' "$(at prey python3 hosts.py)" '400 200 400 200 400 '
cat >slow.py <<'END'
import contextlib, socket, threading, time, urllib.request
# Three hundred connections begin a request that never ends, a byte a time, so no silence ends them; beside them one that has
# asked before goes on, and each that comes is answered.
def asks(s):
    s.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return b"200 OK" in s.recv(4096)
before = socket.create_connection(("::1", 8404), 60)
good, held = asks(before), []
def trickle():
    while True:
        for s in list(held):
            with contextlib.suppress(OSError): s.send(b"G", socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        time.sleep(0.2)
threading.Thread(target=trickle, daemon=True).start()
for i in range(300): held.append(socket.create_connection(("::1", 8404), 60))
good &= asks(before)
for _ in range(20):
    good &= urllib.request.urlopen("http://[::1]:8404/healthz", timeout=60).read() == b"ok\n"
print(good)
END
same 'who asks slowly keeps nobody out' "$(at prey python3 slow.py 2>&1 | tail -1)" True
get -D headers -o page "$base/"
same 'no script but its own, in no frame, in no cache' \
    "$(grep -ciE "^(content-security-policy: default-src 'none';.*frame-ancestors 'none'|x-content-type-options: nosniff|cache-control: no-store)" headers)" 3

# Figures, while nothing else comes.
received() { at prey cat /sys/class/net/eth0/statistics/rx_packets; }
sent() { at prey cat /sys/class/net/eth0/statistics/tx_packets; }
cat >figures.py <<'END'
import json, re, sys
root = json.load(open("stats.json"))
metrics = dict(line.strip().rsplit(" ", 1) for line in open("metrics") if line[0] != "#")
server = {s["name"]: s for p in root["pools"] for s in p["servers"]}
total = sum(v["packets"] for v in root["verdicts"].values())
in_kernel = root.get("kernel", {}).get("packets", 0)
rule = {r["rule"]: r["packets"] for r in root["rules"] if r["named"]}
good = {
    "verdicts and interface": total == root["interfaces"][0]["packets"] == sum(w["packets"] for w in root["workers"]) + in_kernel,
    "metrics": total == sum(int(v) for k, v in metrics.items() if k.startswith("prey_packets_total")),
    "server": server["one"]["packets"] == int(metrics['prey_server_packets_total{pool="web",server="one"}']) > 0,
    "health": (server["one"]["health"], server["gone"]["health"]) == ("up", "down") and server["gone"]["why"] != "",
    "rules by name": rule == {"PING": 5} and metrics['prey_rule_packets_total{rule="PING"}'] == "5",
    "routes": root["routes"]["held"] and 0 < root["routes"]["kernel"] == int(metrics["prey_routes"]) < root["routes"]["limit"],
    "flows": server["one"]["flows_total"] == 6 == int(metrics['prey_server_flows_started_total{pool="web",server="one"}']),
    "latency": server["one"]["latency_us"] > 0 and server["gone"]["latency_us"] is None,
    "weights": (server["one"]["weight"], server["one"]["weight_of_file"]) == (3, 3),
    "nothing needs to be confirmed": metrics["prey_to_be_confirmed_seconds"] == "0",
    "program": root["program"]["path"] == 'a<b>&"c.pbc' and root["reloads"]["good"] == 0,
    "page": f"{server['one']['flows']}</td>" in open("page").read() and ">PING<" in open("page").read(),
}
manual = open(sys.argv[1]).read().split('.\\" document\n')[1].split('.\\" end')[0]
for what in (root["pools"][0], server["one"], root["workers"][0], root["instance"], root["program"], root["limits"][0], root["reloads"], root["history"]):
    for key in what:
        good[f"the manual names {key}"] = key == "packets_per_s" or re.search(rf"\b{key}\b", manual)
for key in root:
    good[f"the manual names {key}"] = re.search(rf"\b{key}\b", open(sys.argv[1]).read())
print(" ".join(k for k, v in good.items() if not v) or "good")
END
# What was judged is what came, counted by the interface; the executor in the kernel also judges what this machine sends itself,
# which is a part of what left.
judged() {
    local came=$(($1 - first)) p
    p=$(python3 -c 'import json; print(json.load(open("stats.json"))["interfaces"][0]["packets"])')
    if [ "${EXEC:-user}" = kernel ]; then [ "$came" -le "$p" ] && [ "$p" -le $((came + $(sent))) ]; else [ "$p" = "$came" ]; fi
}
figures() {
    local before after
    before=$(received)
    get -o stats.json "$base/stats.json" && get -o metrics "$base/metrics" && get -o page "$base/"
    after=$(received)
    [ "$before" = "$after" ] && [ "$(python3 figures.py "$top/man/preyrun.1")" = good ] && judged "$before"
}
until_true 300 'the sick server is found' eval 'get "$base/stats.json" | grep -q "\"health\":\"down\""'
json_packets() { get "$base/stats.json" | python3 -c 'import json,sys; print(json.load(sys.stdin)["interfaces"][0]["packets"])'; }
level() { first=$(received); local p; sleep 0.15; p=$(json_packets); [ "$first" = "$(received)" ] && first=$((first - p)); }
until_true 100 'a quiet moment' level
for i in 1 2 3 4 5 6; do ask client 10.1.0.100/ >/dev/null; done
at client ping -c 5 -i 0.05 -W 20 10.1.0.2 >/dev/null
until_true 200 'page, JSON, metrics and the interface agree' figures && ok 0 'page, JSON, metrics and the interface agree'
python3 figures.py "$top/man/preyrun.1" | sed 's/^/# /'
promtool check metrics <metrics >said 2>&1
same 'the metrics are good (promtool)' "$? $(cat said)" '0 '
until_true 600 'traffic is drawn' eval 'get "$base/" | grep -q "<path class=\"v-forward\""' && ok 0 'traffic is drawn'
same 'a name is text' "$(grep -c '<b>a&lt;b&gt;&amp;&quot;c.pbc</b>' page) $(grep -c 'a<b>' page)" '1 0'

# Many at once, and those who say nothing.
at prey python3 - <<'END' >said
import socket
idle = [socket.create_connection(("::1", 8404)) for _ in range(40)]
for s in idle: s.sendall(b"GET / HT")
END
seq 100 | xargs -P 8 -I{} ip netns exec "$id-prey" curl -s -g -m 20 -o /dev/null -w '%{http_code}\n' "$base/stats.json" >codes
same 'a hundred questions are answered' "$(sort codes | uniq -c | tr -s ' \n' ' ')" ' 100 200 '

# In a browser: with a script the figures change by themselves.
if command -v chromium >/dev/null; then
    at prey timeout 100 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$work/chromium" \
        --virtual-time-budget=5000 --dump-dom "$base/" >dom 2>/dev/null
    same 'a browser shows it, and the name as text' "$(grep -c '<b>a&lt;b&gt;&amp;"c.pbc</b>' dom) $(grep -c 'No answer' dom)" '1 0'
else
    echo 'ok - a browser shows it # SKIP there is no chromium'
fi
prey_ends
same 'it ends with 0' "$status" 0
adds_up 'every frame that came has one verdict'
exit $failed
