#!/usr/bin/env bash
# `mode proxy` live: connections end in prey and go on to servers; both families, half-close, a server that speaks first,
# servers that die, reload.
set -u
EXEC=user # what the host sends has flows in the kernel, so there are some beside the sessions
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
RECORD=1 # sessions are recorded, too, and told of again

site one two
# ssh-like: it speaks first, says how much it heard once the client has ended, and then ends.
cat >speaker.py <<'END'
import socket, threading
def serve(c):
    c.sendall(b"SSH-2.0-speaker\r\n")
    n = 0
    while True:
        d = c.recv(65536)
        if not d: break
        n += len(d)
    c.sendall(b"heard %d\r\n" % n)
    c.close()
s = socket.create_server(("::", 22), family=socket.AF_INET6, dualstack_ipv6=True)
while True: threading.Thread(target=serve, args=(s.accept()[0],)).start()
END
background one python3 speaker.py 2>speaker.err
until_true 100 'the speaker listens' at one bash -c 'exec 3<>/dev/tcp/127.0.0.1/22'

rules proxy <<'END'
pool web { balance round_robin; server one 10.2.0.2:80; server two 10.2.0.3:80 }
pool web6 { server one [fd00:2::2]:80 }
pool files { server two 10.2.0.3:80 }
pool shell { server one 10.2.0.2:22 }
service web on 10.1.0.2, fd00:1::2 tcp/80 { mode proxy; -> web }
service files on 10.1.0.2 tcp/8080 { mode proxy; -> files }
service shell on 10.1.0.2 tcp/22 { mode proxy; -> shell }
END
prey prey -i wan -i lan --format json --stats 127.0.0.1:8404 proxy.pbc
for i in 1 2 3 4; do ask client 10.1.0.2; done >four
same 'IPv4: four connections, shared' "$(sort four | uniq -c | tr -s ' \n' ' ')" ' 2 one 2 two '
for i in 1 2 3 4; do ask client '[fd00:1::2]'; done >six
same 'IPv6 clients reach IPv4 servers' "$(sort six | uniq -c | tr -s ' \n' ' ')" ' 2 one 2 two '
ctl explain 'tcp 10.1.0.1:50000 -> 10.1.0.2:80 syn on wan'
has 'preyctl explain says where a connection ends' 'service web, mode proxy: its connections end here, and their first bytes choose the server'
same 'the server sees the proxy' "$(at client curl -s -m 20 http://10.1.0.2/from)" 10.2.0.1
at client bash -c 'head -c 300000 /dev/zero | nc -N -w 60 10.1.0.2 22' >out
same 'a server that speaks first, and a client that ends first' "$(tr -d '\r' <out | tr '\n' ' ')" 'SSH-2.0-speaker heard 300000 '
head -c 30000000 /dev/urandom >web-two/big
at client curl -s -m 20 -o got http://10.1.0.2:8080/files/big
cmp -s got web-two/big
ok $? 'a large file comes whole, by splice'
# A SYN with bytes needs a cookie, which the first of them fetches.
at prey sysctl -q -w net.ipv4.tcp_fastopen=3
for i in 1 2; do at client curl -s -m 20 --tcp-fastopen -o /dev/null http://10.1.0.2/; done
same 'a SYN may bring the first bytes' "$(at prey nstat -asz TcpExtTCPFastOpenPassive | awk '/Passive/ { print $2 }')" 1

# What is seen of it: sessions that were accepted have ended or go on, each for a reason; all say the same.
cat >seen.py <<'END'
import json, sys
root = json.load(open("stats.json"))
proxy, flows = root["proxy"], root["flows"]
answers = next(i["bytes"] for i in root["interfaces"] if i["interface"] == "lan")
metrics = dict(line.strip().rsplit(" ", 1) for line in open("metrics") if line[0] != "#")
ended = sum(proxy["ended_by"].values())
took = {key: sum(t["within_s"].values()) for key, t in proxy["took"].items()}
def numbers(of, at=()):  # the counters of a proxy object; rates are none
    for key, v in of.items():
        if isinstance(v, dict): yield from numbers(v, at + (key,))
        elif isinstance(v, int) and not key.endswith("_per_s"): yield at + (key,), v
by_service = {}
for service in root["services"]:
    for key, v in numbers(service["proxy"]): by_service[key] = by_service.get(key, 0) + v
shell = [s["proxy"] for s in root["services"] if s["service"] == "shell"][0]
good = {
    "sessions": proxy["sessions"] == proxy["ended"] > 10 and proxy["now"] == 0 and ended == proxy["ended"],
    "reasons": proxy["ended_by"]["done"] > 10,
    "bytes": proxy["up_bytes"] > 300000 and proxy["down_bytes"] > 30000000,
    "connects": proxy["connects"] >= proxy["connected"] > 10,
    "answers": answers < 1000000,
    "times": took["connect"] == proxy["took"]["connect"]["count"] == proxy["connected"] and took["decide"] == proxy["sessions"],
    "metrics": [int(metrics[k]) for k in ("prey_proxy_sessions_total", "prey_proxy_sessions", 'prey_proxy_ended_total{reason="done"}')]
    == [proxy["sessions"], proxy["now"], proxy["ended_by"]["done"]],
    "services": all(by_service[key] == v for key, v in numbers(proxy)),
    "a service": shell["sessions"] == shell["ended_by"]["done"] == 1 and shell["up_bytes"] == 300000 and metrics['prey_service_up_bytes_total{service="shell"}'] == "300000"
    and metrics['prey_service_ended_total{service="shell",reason="done"}'] == "1",
    "histogram": int(metrics['prey_proxy_connect_duration_seconds_bucket{le="+Inf"}']) == proxy["connected"],
    "no flow": flows["now"] == flows["added"] == 0,
    "page": all(words in open("page").read() for words in ("Proxy services", ">shell<", "Connect to a server <small>50", "<rect ")),
}
print(" ".join(k for k, v in good.items() if not v) or "good")
END
look() { at prey curl -s -m 20 -o "$1" "http://127.0.0.1:8404/$2"; }
seen() { look stats.json stats.json && look metrics metrics && look page '' && [ "$(python3 seen.py)" = good ]; }
until_true 100 'what is seen adds up' seen && ok 0 'page, JSON and metrics agree on what the proxy has done'
python3 seen.py | sed 's/^/# /'
promtool check metrics <metrics >said 2>&1
same 'the metrics are good (promtool)' "$? $(cat said)" '0 '
ctl status
has 'preyctl status says how many sessions there are' 'proxy 0 sessions, '
ctl counters proxy.ended_by.done
has 'preyctl counters lists the ends' 'proxy.ended_by.done '

# A session goes on through a reload that takes its service away, and gets to its server; new ones find no listener.
mkfifo in
at client nc -N -w 60 10.1.0.2 22 <in >through &
talker=$!
exec 4>in
echo before >&4
until_true 50 'the session is there' grep -q SSH through
ctl flows tcp to port 22
has 'preyctl flows lists the session: client, service, server, age' '^tcp +10\.1\.0\.1:[0-9]+ +10\.1\.0\.2:22 +open +shell +shell/one +[0-9.]+ m?s +[0-9.]+ m?s +- +7 +17 +-$'
ctl flows tcp to port 80
has 'a filter leaves it out' '^0 of 1 flow$'
sed -i '/^service shell/d' proxy.prey
sed -i '1i firewall own in default accept {}' proxy.prey
sed -i 's/^service web /service web2 on 10.1.0.2 tcp\/81 { mode proxy; -> web }\n&/' proxy.prey
"$bin/preyc" proxy.prey -o proxy.pbc 2>out
ctl impact proxy.pbc
has 'impact counts the session' '^flows +1 live: 1 stay'
kill -HUP "$prey"
until_true 100 'it is reloaded' grep -q reloaded prey.err
same 'a service that a reload brings is served' "$(at client curl -s -m 20 http://10.1.0.2:81/ | grep -cE 'one|two')" 1
at client nc -z -w 1 10.1.0.2 22
ok $((! $?)) 'one that it took away has no listener'
at client curl -s -m 20 -o got http://10.1.0.2:8080/files/big
look stats.json stats.json
python3 -c 'import json; print([i["bytes"] > 1000000 for i in json.load(open("stats.json"))["interfaces"] if i["interface"] == "lan"])' >said
same 'what servers answer is judged once a rule looks at what is for the host' "$(cat said)" '[True]'
echo after >&4
ctl flows --json
has 'after the reload it is listed as before' '"service":"shell",.*"session":true,"rule":"-","server":"shell/one","state":"open","up_bytes":13,'
exec 4>&-
wait "$talker"
same 'a session of it goes on' "$(tr -d '\r' <through | tail -1)" 'heard 13'

kill "$web_one"
until_true 100 'server one is gone' eval '! at prey nc -z -w 1 10.2.0.2 80'
for i in 1 2 3 4; do ask client 10.1.0.2; done >four
same 'a server that is gone: the next one is tried' "$(sort four | uniq -c | tr -s ' \n' ' ')" ' 4 two '
prey_ends
same 'it ends with 0' "$status" 0
python3 - <<'END' >said
import json
p = json.loads(open("prey.out").read())["proxy"]
d = json.loads(open("prey.out").read())
services = [s["proxy"] for s in d["services"]]
same = all(sum(s["ended_by"][k] for s in services) == v for k, v in p["ended_by"].items())
print(same and sum(s["sessions"] for s in services) == p["sessions"] == p["ended"] + p["now"] == sum(p["ended_by"].values()) + p["now"] and p["retried"] >= 2)
END
same 'accepted is ended and open, in the summary, too' "$(cat said)" True
"$bin/preyrun" --replay recorded-1 --format json --log json >again.json 2>again.log
python3 - <<'END' >said
import json
live, again = (json.load(open(f)) for f in ("prey.out", "again.json"))
p, s = live["proxy"], again["recording"]["sessions"]
lines = [json.loads(line) for line in open("again.log")]
shell = [(l["what"], l["other"]["port"], l["rule"], l["server"], l.get("end"), l["up_bytes"]) for l in lines if l["service"] == "shell"]
print(s["begun"] == p["sessions"] and s["ended"] == p["ended"], {k: v for k, v in p["ended_by"].items() if v} == s["ended_by"],
      s["up_bytes"] == p["up_bytes"], len(lines) == s["begun"] + s["served"] + s["ended"], shell[-3:])
END
same 'the recording has all sessions: begun by a rule, served by a server, ended for a reason' "$(cat said)" \
    "True True True True [('begun', 22, '-', None, None, 0), ('served', 22, '-', 'shell/one', None, 0), ('ended', 22, '-', 'shell/one', 'done', 13)]"
