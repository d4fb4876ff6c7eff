#!/usr/bin/env bash
# The ten set-ups of rules-examples/set-ups/ in one program, as they are but for checks that ask more often. Servers are Debian's nginx
# (TLS, PROXY headers) and Redis; the others are stand-ins (live/stand_in.py), and say so in each answer.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

# One LAN: the client, prey, and two machines that have all servers' addresses. What they answer to clients goes past prey.
space client prey one two
lan switch 1 client prey one two
address client eth0 198.51.100.1/24
address prey eth0 198.51.100.254/24 192.0.2.1/24
ip -n "$id-client" route add 203.0.113.0/24 via 10.1.0.2
for last in 11 12 21 22 31 32 33 36 37 40 41 42 51 52 53 54 61 62 71 81 82 91 92 93 94 101 102 111 113; do address one eth0 192.0.2.$last/24; done
address two eth0 192.0.2.112/24
for s in one two; do
    at $s sysctl -q -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
    address $s lo 203.0.113.110/32
    ip -n "$id-$s" route add default via 10.1.0.1
    ip -n "$id-$s" route add 203.0.113.30 via 192.0.2.1
done

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=printer.example -keyout key.pem -out printer.pem 2>said || cat said
cat key.pem >>printer.pem
echo 192.0.2.41 >primary
stand_in() { # NAME ARGUMENT...
    local name=$1
    shift
    background "$name" python3 "$top/tests/e2e/live/stand_in.py" printer.pem "$@" >"stand-in-$name.out" 2>"stand-in-$name.err"
    until_true 300 "stand-ins listen in $name" grep -q listens "stand-in-$name.out"
}
of() { # ADDRESSES PORT KIND: each of them
    local last
    for last in $1; do printf '192.0.2.%s:%s ' "$last" "$2:$3"; done
}
# shellcheck disable=SC2046 — words
stand_in one $(of '11 12 21 22' 5984 http) $(of '31 32 33' 6443 https) $(of '31 32 33' 22623 https) $(of '36 37' 1936 http) $(of '36 37' 443 https) \
    $(of '36 37' 80 http) $(of '41 42' 8008 http) $(of '41 42' 5432 answers) $(of 52 1194 answers) $(of 53 5223 tls) $(of 54 22 greets) \
    $(of '61 62' 5672 amqp) $(of 71 5000 http) $(of 71 8080 http) $(of '81 82' 3000 names) 203.0.113.110=192.0.2.111 203.0.113.110:80:http \
    203.0.113.110:443:https
stand_in two 203.0.113.110=192.0.2.112 203.0.113.110:80:http 203.0.113.110:443:https

mkdir web
cat >nginx.conf <<END
daemon off; master_process off; pid $work/web/pid; error_log $work/web/error;
events { worker_connections 256; }
http {
  access_log off; client_body_temp_path $work/web; proxy_temp_path $work/web; fastcgi_temp_path $work/web; uwsgi_temp_path $work/web;
  scgi_temp_path $work/web; ssl_certificate $work/printer.pem; ssl_certificate_key $work/printer.pem;
  server { listen 192.0.2.91:443 ssl proxy_protocol; listen 192.0.2.92:443 ssl proxy_protocol; listen 192.0.2.93:443 ssl proxy_protocol;
    location / { return 200 "\$server_addr \$proxy_protocol_addr\n"; } }
  server { listen 192.0.2.94:443 ssl; listen 192.0.2.51:443 ssl; listen 192.0.2.51:80; location / { return 200 "\$server_addr \$server_port\n"; } }
}
END
background one nginx -c "$work/nginx.conf" -e "$work/web/error"
redis=$(command -v redis-server) && {
    mkdir r1 r2
    background one "$redis" --bind 192.0.2.101 --protected-mode no --save '' --daemonize no --dir "$work/r1" >r1.out
    background one "$redis" --bind 192.0.2.102 --replicaof 192.0.2.101 6379 --protected-mode no --save '' --daemonize no --dir "$work/r2" >r2.out
}

mkdir set-ups
for f in "$top"/rules-examples/set-ups/*.prey; do
    sed '/^check/{:a;/\\$/{N;ba};s/\\\n *//g};/^check/s/ every [0-9]*s/ every 200ms/;s/ timeout 1s/ timeout 5s/' "$f" >"set-ups/${f##*/}"
done
ln -s ../printer.pem set-ups/printer.pem
echo 'include "set-ups/*.prey"' | rules all
[ -e all.pbc ] || exit 1
same 'ten set-ups are one program' "$(find set-ups -name '*.prey' | wc -l)" 10
prey prey -i eth0 --log text all.pbc
state() { ctl servers && grep -Eq "^$1 +$2 " out; }
is() { until_true 300 "$1 is $2" state "$1" "$2"; }
all_up() { ctl servers && for s in "$@"; do grep -Eq "^$s +up " out || return 1; done; }
until_true 300 'all servers are up' all_up couchdb/near1 couchdb/near2 couchdb/far{1,2} api/master-{1,2,3} configs/master-{1,2,3} apps_http/worker-{1,2} writer/pg1 \
    readers/pg2 sites/a vpn/b chat/c plain/d shell/e amqp/large amqp/small octoprint/a talk/ws1 talk/ws2 fronts/front fronts/spare{1,2} \
    head/control farm/web-1 farm/web-2 ${redis:+store/r1}
get() { at client curl -sk -m 20 "$@" || echo "failed: $?"; } # CURL'S ARGUMENT...
who() { get "$@" | awk '{ print $2 }'; }
line() { # BYTES ADDRESS PORT: the first line that comes
    printf "$1" >sent
    at client python3 -c '
import socket, sys
c = socket.create_connection(sys.argv[1:3], 20)
c.sendall(open("sent", "rb").read())
print(c.makefile("rb").readline().decode("latin1").strip("\0\1\r\n"))' "$2" "$3" 2>&1 | tail -n 1
}

# ---- CouchDB: clients on this machine ----
same 'CouchDB: near servers take turns' "$(for _ in 1 2 3 4; do at prey curl -s -m 20 http://127.0.0.1:15984/db; done | awk '{ print $2 }' | shares)" \
    ' 2 192.0.2.11:5984 2 192.0.2.12:5984 '
touch down-192.0.2.11 down-192.0.2.12
is couchdb/near1 down
is couchdb/near2 down
same 'then the far ones, both' "$(for _ in 1 2 3 4; do at prey curl -s -m 20 http://127.0.0.1:15984/db; done | awk '{ print $2 }' | shares)" \
    ' 2 192.0.2.21:5984 2 192.0.2.22:5984 '

# ---- OpenShift ----
same 'OpenShift: the API comes from a master' "$(who https://203.0.113.30:6443/api | cut -d: -f2)" 6443
same 'applications, in TLS and without, from one router' "$(who http://203.0.113.30/ | cut -d: -f1) $(who https://203.0.113.30/ | cut -d: -f2)" \
    "$(who http://203.0.113.30/ | cut -d: -f1) 443"
same 'machine configs are for nodes' "$(at one curl -sk -m 20 --interface 192.0.2.40 https://203.0.113.30:22623/config | cut -d' ' -f1)" stand-in
same 'and for nobody else' "$(get -m 2 https://203.0.113.30:22623/config)" 'failed: 28'

# ---- Patroni: the primary changes under a session ----
cat >session.py <<'END'
import socket
c = socket.create_connection(("203.0.113.40", 5000), 60)
c.sendall(b"hello")
print(c.makefile("rb").readline().decode().strip(), flush=True)
try:
    print("ended" if not c.recv(1) else "spoke", flush=True)
except ConnectionResetError:
    print("reset", flush=True)
END
background client python3 "$work/session.py" >session.out
session=$last
until_true 300 'a session at the primary' grep -q 192.0.2.41:5432 session.out && ok 0 'Patroni: a session is at the primary'
same 'readers are at the replica' "$(line hello 203.0.113.40 5001)" 'stand-in 192.0.2.42:5432'
echo 192.0.2.42 >primary
is writer/pg1 down
is writer/pg2 up
wait "$session"
same 'the primary changed: its session was reset' "$(tail -n 1 session.out)" reset
same 'new ones are at the new primary' "$(line hello 203.0.113.40 5000)" 'stand-in 192.0.2.42:5432'

# ---- one port ----
same 'one port: TLS' "$(get https://203.0.113.50:443/)" '192.0.2.51 443'
same 'plain HTTP' "$(get http://203.0.113.50:443/)" '192.0.2.51 80'
same 'OpenVPN' "$(line '\0\016\070\001\002\003\004\005\006\007\010\011\012\013\014\015' 203.0.113.50 443)" 'stand-in 192.0.2.52:1194'
same 'SSH, whose client speaks' "$(line 'SSH-2.0-x\r\n' 203.0.113.50 443)" 'SSH-2.0-stand-in 192.0.2.54:22'
same 'and whose client waits' "$(line '' 203.0.113.50 443)" 'SSH-2.0-stand-in 192.0.2.54:22'
same 'XMPP, by ALPN' "$(echo hello | at client timeout 20 openssl s_client -quiet -connect 203.0.113.50:443 -alpn xmpp-client 2>said | tr -d '\r')" \
    'stand-in 192.0.2.53:5223'

# ---- RabbitMQ ----
same 'RabbitMQ: AMQP is answered' "$(line 'AMQP\0\0\011\001' 203.0.113.60 5672 | cut -d: -f2)" 5672
ctl set amqp/large down
same 'one carries all' "$(line 'AMQP\0\0\011\001' 203.0.113.60 5672)" 'stand-in 192.0.2.62:5672'

# ---- OctoPrint ----
same 'OctoPrint: TLS ends here' "$(who https://203.0.113.70/api/version)" 192.0.2.71:5000
same 'the camera has its path' "$(who 'https://203.0.113.70/webcam/?action=stream')" 192.0.2.71:8080

# ---- web sockets ----
same 'web sockets: a cookie keeps a client' "$(for _ in 1 2 3; do who -b jar -c jar http://203.0.113.80/; done | sort -u | wc -l)" 1
get --interface 198.51.100.1 -H 'X-Forwarded-Proto: https' http://203.0.113.80/ >cdn
get --interface 10.1.0.1 -H 'X-Forwarded-Proto: https' http://203.0.113.80/ >other
same 'the CDN is believed about https, others are not' "$(grep -ci 'proto: https' cdn) $(grep -ci 'proto: http;\|proto: http$' other)" '1 1'

# ---- names, and a PROXY header for one pool (nginx) ----
name() { get --interface 10.1.0.1 --resolve "$1:443:203.0.113.90" "https://$1/"; }
same 'names: servers with a PROXY header see the client' "$(name www.example)" '192.0.2.91 10.1.0.1'
same 'the others get none' "$(name head.example)" '192.0.2.94 443'

# ---- Redis ----
if [ -n "$redis" ]; then
    same 'Redis: the master takes writes' "$(line 'SET a 1\r\n' 203.0.113.100 6379)" +OK
    # A replica that is made the master, and a master that is made its replica.
    at one python3 -c '
import socket
for at, say in ("102", b"REPLICAOF NO ONE"), ("101", b"REPLICAOF 192.0.2.102 6379"):
    c = socket.create_connection(("192.0.2." + at, 6379), 20)
    c.sendall(say + b"\r\n")
    print(c.recv(100).decode().strip())' >changed
    same 'its replica is made the master' "$(tr '\n' ' ' <changed)" '+OK +OK '
    is store/r1 down
    is store/r2 up
    same 'and writes go there' "$(line 'SET a 2\r\n' 203.0.113.100 6379)" +OK
else
    echo 'ok - Redis # SKIP redis-server is not installed (sh tests/deps.sh tests)'
fi

# ---- the director ----
same 'the director: both ports of a client, one server' "$(who http://203.0.113.110/ | cut -d: -f1)" "$(who https://203.0.113.110/ | cut -d: -f1)"
touch down-192.0.2.111
is farm/web-1 down
ip -n "$id-client" addr add 198.51.100.2/24 dev eth0
same 'a page without its text takes a server out' "$(who --interface 198.51.100.2 http://203.0.113.110/)" 192.0.2.112:80

prey_ends
same 'it ends with 0' "$status" 0
exit $failed
