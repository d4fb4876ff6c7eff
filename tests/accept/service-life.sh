#!/usr/bin/env bash
# The life of a service: promises, tried with real clients and servers, one line each.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

site one two
address one eth0 10.2.0.11/24 10.2.0.12/24 10.2.0.13/24 10.2.0.14/24
reload() { # NAME: and wait for it
    local before
    before=$(grep -c 'reloaded:' prey.err)
    cp "$1.pbc" now.pbc
    kill -HUP "$prey"
    again() { [ "$(grep -c 'reloaded:' prey.err)" -gt "$before" ]; }
    until_true 300 "$1 takes over" again
}

# ---- health checks: so many in a row, counted in probes ----

: >targets.out
ip netns exec "$id-one" python3 "$top/tests/e2e/live/targets.py" 10.2.0.11=g/bbg 10.2.0.12=gbbb/b 10.2.0.13=gbbb/gb 10.2.0.14=gbbb/g >targets.out &
pids="$pids $!"
until_true 100 'the targets listen' grep -q ready targets.out
rules rows <<'RULES'
check row = http GET "/" expect 200 port 81 every 50ms timeout 5s rise 2 fall 3
pool pairs  { check row; server s 10.2.0.11:80 }
pool thrice { check row; server s 10.2.0.12:80 }
pool once   { check row; server s 10.2.0.13:80 }
pool back   { check row; server s 10.2.0.14:80 }
service a on 10.1.0.111 tcp/80 { mode passthrough; announce; -> pairs }
service b on 10.1.0.112 tcp/80 { mode passthrough; announce; -> thrice }
service c on 10.1.0.113 tcp/80 { mode passthrough; announce; -> once }
service d on 10.1.0.114 tcp/80 { mode passthrough; announce; -> back }

check silent    = http GET "/" expect 200 port 82 every 200ms timeout 500ms fall 1
check drips     = http GET "/" expect 200 port 83 every 200ms timeout 500ms fall 1
check redirects = http GET "/" expect 200 port 84 every 200ms timeout 5s fall 1
check floods    = http GET "/" expect 200 port 85 every 200ms timeout 5s fall 1
pool bad {
  server silent    10.2.0.2:8002 check silent
  server drips     10.2.0.2:8003 check drips
  server redirects 10.2.0.2:8004 check redirects
  server floods    10.2.0.2:8005 check floods
}
service e on 10.1.0.115 tcp/80 { mode passthrough; announce; -> bad }

check takes   = tcp every 200ms timeout 2s fall 1
check page    = http GET "/" expect 200 every 200ms timeout 2s fall 1
check missing = http GET "/files/none" expect 200 every 200ms timeout 2s fall 1
check sealed  = https GET "/" sni "shop" verify ca "cert.pem" expect 200 every 200ms timeout 5s fall 1
check other   = https GET "/" sni "shed" verify ca "cert.pem" expect 200 every 200ms timeout 5s fall 1
check echo    = icmp every 200ms timeout 2s fall 1
check says    = udp send x"01" expect x"74 77 6f" every 200ms timeout 2s fall 1
pool well {
  server tcp4 10.2.0.3:8080 check takes; server tcp6 [fd00:2::3]:8080 check takes
  server http4 10.2.0.3:80 check page;   server http6 [fd00:2::3]:80 check page
  server tls4 10.2.0.3:443 check sealed; server tls6 [fd00:2::3]:443 check sealed
  server echo4 10.2.0.3 check echo;      server echo6 fd00:2::3 check echo
  server udp4 10.2.0.3:53 check says;    server udp6 [fd00:2::3]:53 check says
}
pool ill {
  server tcp4 10.2.0.3:9 check takes;    server tcp6 [fd00:2::3]:9 check takes
  server http4 10.2.0.3:80 check missing; server http6 [fd00:2::3]:80 check missing
  server tls4 10.2.0.3:443 check other;  server tls6 [fd00:2::3]:443 check other
  server echo4 10.2.0.99 check echo;     server echo6 fd00:2::99 check echo
  server udp4 10.2.0.3:10 check says;    server udp6 [fd00:2::3]:10 check says
}
service f on 10.1.0.116 tcp/80 { mode passthrough; announce; -> well }
service g on 10.1.0.117 tcp/80 { mode passthrough; announce; -> ill }
RULES
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=shop -addext subjectAltName=DNS:shop \
    -keyout key.pem -out cert.pem 2>/dev/null || exit 1
for a in 10.2.0.3 fd00:2::3; do background two python3 "$top/tests/e2e/live/https.py" "$a" cert.pem key.pem; done
udp two 53
until_true 100 'servers speak TLS' eval '[ "$(at two ss -Htln | grep -c :443)" = 2 ]'
cp rows.pbc now.pbc
prey prey -i wan -i lan --log text --format json --stats 127.0.0.1:8404 now.pbc
preyctl() { at prey timeout 60 "$bin/preyctl" "$@" 2>&1 </dev/null; }
until_true 600 'all were asked' grep -q enough targets.out
same 'two bad probes of three, again and again, take no server down' "$(ask client 10.1.0.111/) $(grep -c 'pairs/s is down' prey.err)" 'one 0'
same 'the third in a row does' "$(ask client 10.1.0.112/) $(grep -c 'thrice/s is down: status 503' prey.err)" 'failed: 7 1'
same 'one good probe of two, again and again, brings none back' "$(ask client 10.1.0.113/)" 'failed: 7'
same 'the second in a row does' "$(ask client 10.1.0.114/)" one
hears 'who takes connections and says nothing is named' 'bad/silent is down: no reply within 500 ms'
hears 'and who answers byte by byte' 'bad/drips is down: no reply within 500 ms'
hears 'and who redirects' 'bad/redirects is down: status 302'
hears 'and who floods' 'bad/floods is down: the reply is longer than the 256 KiB that prey reads'
same 'the others are served as before' "$(ask client 10.1.0.111/) $(ask client 10.1.0.114/)" 'one one'
each() { # POOL STATE: servers of it that are so, after a probe
    preyctl servers | grep -cE "^$1/[a-z]+[46] +$2 .*(check|since)"
}
until_true 300 'each kind of check, of IPv4 and IPv6, finds the good' eval '[ "$(each well up)" = 10 ]' && ok 0 'each kind of check, of IPv4 and IPv6, finds the good'
until_true 300 'and the bad' eval '[ "$(each ill down)" = 10 ]' && ok 0 'and the bad'
same 'none of them is mistaken' "$(each well down) $(each ill up)" '0 0'

# ---- it is seen ----

same 'servers of all pools stand under one another' "$(preyctl servers | awk '{ print index($0, " weight ") }' | sort -u | wc -l)" 1
same 'status is one screen' "$(preyctl status | grep -cE '^(wan: now.pbc since|service a |pool pairs )')" 3
page() { at prey curl -s -m 10 "http://127.0.0.1:8404$1"; }
same 'the page shows it' "$(page / | grep -o 'the reply is longer than the 256 KiB that prey reads\|drips' | sort -u | wc -l)" 2
same 'it is well' "$(page /healthz)" ok
same 'the metrics are good (promtool)' "$(page /metrics | promtool check metrics 2>&1); $?" '; 0'
same 'JSON of the page and of preyctl are one document' "$({ page /stats.json; echo; preyctl status --json; } | python3 -c '
import json, sys
a, b = (json.loads(line) for line in sys.stdin if line.strip())
print(sorted(a) == sorted(b), [[s["health"] for s in p["servers"]] for p in a["pools"]] == [[s["health"] for s in p["servers"]] for p in b["pools"]])')" 'True True'

# ---- a server that dies under load ----

life() { # NAME SERVERS OPTIONS
    rules "$1" <<RULES
check alive = http GET "/" expect 200 every 200ms timeout 2s rise 1 fall 2
pool web { balance round_robin; $3; check alive; $2 }
service shop on 10.1.0.100 tcp/80 { mode passthrough; announce; on no server ${4-reset}; -> web }
RULES
}
both='server one 10.2.0.2:80; server two 10.2.0.3:80'
life load "$both" 'drain 0s'
reload load
cat >asking.py <<'END'
import os, socket, threading, time
rows, lock = [], threading.Lock()
def work():
    while not os.path.exists("enough"):
        began = time.time()
        try:
            with socket.create_connection(("10.1.0.100", 80), 20) as s:
                s.sendall(b"GET / HTTP/1.0\r\n\r\n")
                text = b""
                while more := s.recv(4096):
                    text += more
            who = text.split()[-1].decode()
        except (OSError, IndexError):
            who = "failed"
        with lock:
            rows.append((began, time.time(), who))
            print(who, flush=True)
        time.sleep(0.01)  # there are 4,536 ports for each server, and they rest after a connection
threads = [threading.Thread(target=work) for _ in range(4)]
for t in threads: t.start()
for t in threads: t.join()
with open("asked", "w") as f:
    for row in rows: print(*row, file=f)
END
background client python3 asking.py >asking.out
asker=$last
until_true 300 'clients ask' eval 'grep -q one asking.out && grep -q two asking.out'
killed=$(date +%s.%N)
{ kill -KILL "$web_one"; wait "$web_one"; } 2>/dev/null
until_true 300 'it is found' told 'web/one is down: '
found=$(date +%s.%N)
before=$(grep -c two asking.out)
until_true 300 'clients go on' eval '[ "$(grep -c two asking.out)" -gt $((before + 50)) ]'
touch enough
wait "$asker"
same 'a server that dies under load: requests fail from then until it is found, and no other' "$(python3 - "$killed" "$found" <<'END'
import sys
killed, found = map(float, sys.argv[1:])
rows = [line.split() for line in open("asked")]
failed = [(float(began), float(ended)) for began, ended, who in rows if who == "failed"]
early = [row for row in failed if row[1] < killed]
late = [row for row in failed if row[0] > found]
print(len(early), len(late))
END
)" '0 0'
# fall x 1.1 x every + timeout is 2.44 s; a busy machine has five times that.
same 'it is found within fall x 1.1 x every + timeout' "$(python3 -c "print($found - $killed < 5 * 2.44)")" True

# ---- what follows from health ----

web one
web_one=$last
life spare 'server one 10.2.0.2:80; server two 10.2.0.3:80 backup' 'drain 0s'
reload spare
until_true 300 'it is back' eval '[ "$(ask client 10.1.0.100/)" = one ]'
same 'a backup serves no one while another can' "$(for i in 1 2 3 4; do ask client 10.1.0.100/; done | shares)" ' 4 one '
{ kill -KILL "$web_one"; wait "$web_one"; } 2>/dev/null
until_true 300 'then the backup serves' eval '[ "$(ask client 10.1.0.100/)" = two ]' && ok 0 'the backup serves when no other can'
kill -KILL "$web_two"
no_server() { at client curl -s -m 10 http://10.1.0.100/; [ $? = 7 ] && told 'web/two is down'; }
until_true 300 'no server is left' no_server && ok 0 'on no server reset: the client is refused'
life silence 'server one 10.2.0.2:80; server two 10.2.0.3:80 backup' 'drain 0s' drop
reload silence
at client curl -s -m 1 http://10.1.0.100/
same 'on no server drop: nothing is said' $? 28

web one
web two
payload 20000000 one two
life all "$both" 'drain 20s' # what is looked at within it takes a loaded machine seconds
life alone 'server two 10.2.0.3:80' 'drain 2s'
transfer() { # it begins, from server one
    for t in 1 2 3 4; do
        ip netns exec "$id-client" curl -s --limit-rate 200k -o "got-$t" http://10.1.0.100/files/file &
        pids="$pids $!"
        eval "transfer_$t=$!"
    done
    until_true 300 'transfers have begun' eval '[ -s got-1 ] && [ -s got-2 ] && [ -s got-3 ] && [ -s got-4 ]'
}
reload all
until_true 300 'both are back' eval '[ "$(for i in 1 2 3 4; do ask client 10.1.0.100/; done | shares)" = " 2 one 2 two " ]'

# ---- a hand on it ----

shared() { for i in 1 2 3 4 5 6 7 8; do ask client 10.1.0.100/; done | shares; }
# Turns begin where those before had come to.
leans() { shared | awk '{ print ($1 == 5 || $1 == 6 || $1 == 7) && $2 == "one" ? "to one" : $0 }'; }
both_serve() { shared | tr -dc 'a-z ' | tr -s ' '; }
same 'a weight is set by hand' "$(preyctl set web/one weight 3)" 'web/one: weight 3 by hand, 1 in the file'
same 'and holds at once' "$(leans)" 'to one'
reload all
same 'through a reload, too' "$(leans)" 'to one'
preyctl set web/one drain 1m >/dev/null
same 'who drains gets nothing new, and is marked' "$(shared) $(preyctl servers | grep -c '^web/one *DRAIN .*by user 0 at .*left$')" ' 8 two  1'
preyctl set web/one down >/dev/null
preyctl set web/two down >/dev/null
same 'so does who is set down; now nobody is left' "$(ask client 10.1.0.100/)" 'failed: 7'
for s in one two; do preyctl set "web/$s" file >/dev/null; done
same 'the file again: both serve' "$(both_serve)" ' one two '

# ---- what becomes of a packet ----

same 'a packet that nobody has sent is explained' \
    "$(preyctl explain 'tcp 10.1.0.1:50000 -> 10.1.0.100:80 syn on wan' | grep -cE '^(service shop, else -> web|.*in turn -> |verdict: forward .* server web/)')" 2
background prey "$bin/preyctl" trace from 10.1.0.1 flags has syn --count 2 >traced 2>looks
tracer=$last
background prey "$bin/preyctl" capture to 10.1.0.100 port 80 -w seen.pcapng --count 4 2>looks-on
catcher=$last
until_true 100 'they look on' eval 'grep -q shows looks && grep -q shows looks-on'
for i in 1 2; do ask client 10.1.0.100/ >/dev/null; done
wait "$tracer" "$catcher"
same 'packets are shown with their servers' "$(grep -cE ' wan .* forward .* web/(one|two) .* SYN ' traced)" 2
same 'and captured' "$(frames_of seen.pcapng)" 4
same 'connections are listed' "$(preyctl flows to 10.1.0.100 port 80 | grep -cE ' 10.1.0.100:80 .* shop +web/(one|two) ' | awk '{ print ($1 > 2) }')" 1

# ---- another program, while clients ask ----

life heavy 'server one 10.2.0.2:80 weight 3; server two 10.2.0.3:80' 'drain 2s'
preyctl load heavy.pbc --confirm 500ms >/dev/null
until_true 300 'the program before comes back' eval 'preyctl status | grep -q "now.pbc since"' && ok 0 'what nobody confirms is taken back'
same 'and serves' "$(both_serve)" ' one two '
word=$(preyctl load heavy.pbc --confirm 1m | sed -n 's/.*: preyctl confirm \([a-z]\{8\}\)$/\1/p')
same 'what is confirmed stays' "$(preyctl confirm "$word"; leans)" 'confirmed: heavy.pbc keeps running
to one'
echo garbage >bad.pbc
same 'what is no program is refused, and the other goes on' "$(preyctl load bad.pbc | grep -c 'not a compiled prey program') $(leans)" '1 to one'
rm enough
background client python3 asking.py >asking.out
asker=$last
until_true 300 'clients ask' grep -q one asking.out
for i in 1 2 3 4 5 6 7 8 9 10; do
    preyctl load all.pbc >/dev/null
    preyctl load heavy.pbc >/dev/null
done
touch enough
wait "$asker"
same 'twenty programs, one after the other, and no request fails' "$(grep -c failed asked)" 0
reload all

# ---- drain: what had begun, when a reload takes a server out ----

transfer
same 'what it would do is said before' \
    "$(preyctl impact alone.pbc | grep -cE '^pools     web   - one$|^ +[0-9]+ on web/one drain for 20.0 s, then they are reset$|^load it: ')" 3
reload alone
reloaded=$(date +%s.%N)
same 'a server that a reload takes out gets nothing new' "$(for i in 1 2 3 4; do ask client 10.1.0.100/; done | shares)" ' 4 two '
gone() { ! at one ss -Htn state established | grep -q ':80 '; }
same 'what it had begun goes on' "$(gone || echo begun)" begun
until_true 900 'the drain has its bound' gone && ok 0 'and is reset at the bound'
same 'not before' "$(python3 -c "import time; print(time.time() - $reloaded > 19)")" True
for t in 1 2 3 4; do eval "kill \$transfer_$t" 2>/dev/null; done
prey_ends
same 'it ends with 0' "$status" 0
exit $failed
