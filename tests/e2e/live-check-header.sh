#!/usr/bin/env bash
# Servers that want a PROXY header: their checks begin with one that says "my own" (LOCAL, UNKNOWN), as HAProxy's do beside them. A check with
# a port of its own, or `without proxy`, has none. Each client's header goes to the pools that want it, and to no other.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

between one
address one eth0 10.2.0.21/24 10.2.0.22/24 # other servers of a pool are the same nginx on other addresses
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=shop -keyout key.pem -out cert.pem 2>said || cat said
cat >nginx.conf <<END
daemon off; master_process off; pid $work/nginx.pid; error_log $work/nginx.error;
events { worker_connections 512; }
http {
  access_log off; client_body_temp_path $work; proxy_temp_path $work; fastcgi_temp_path $work; uwsgi_temp_path $work; scgi_temp_path $work;
  server { listen 7001 proxy_protocol; listen [::]:7001 proxy_protocol; location / { return 200 "\$proxy_protocol_addr\n"; } }
  server { listen 7002 ssl proxy_protocol; ssl_certificate $work/cert.pem; ssl_certificate_key $work/key.pem;
           location / { return 200 "\$proxy_protocol_addr\n"; } }
  server { listen 80; location / { return 200 "plain\n"; } }
}
END
background one nginx -c "$work/nginx.conf" -e "$work/nginx.error"
until_true 100 'nginx answers' at one curl -s -o out http://10.2.0.2/
cat >haproxy.cfg <<END
global
  stats socket $work/haproxy.sock
defaults
  timeout connect 5s
  timeout client 20s
  timeout server 20s
backend sends
  mode http
  option httpchk GET /
  server v1 10.2.0.2:7001 check inter 200ms fall 1 rise 1 send-proxy
  server v2 10.2.0.2:7001 check inter 200ms fall 1 rise 1 send-proxy-v2
  server own_port 10.2.0.2:7001 check port 80 inter 200ms fall 1 rise 1 send-proxy-v2
  server none 10.2.0.2:7001 check inter 200ms fall 1 rise 1
END

# page FILE CHECK-OPTION: both versions, each kind of check that speaks.
page() {
    rules "$1" <<RULES
check web = http GET "/" expect 200 every 200ms rise 1 fall 1 $2
check secure = https GET "/" verify off expect 200 every 200ms rise 1 fall 1 $2
check bytes = tcp send x"474554202f20485454502f312e300d0a0d0a" expect x"48545450" every 200ms rise 1 fall 1 $2
check ear = tcp every 200ms rise 1 fall 1 $2
check other = http GET "/" expect 200 port 80 every 200ms rise 1 fall 1
pool v1 { server web 10.2.0.2:7001 check web; server web6 [fd00:2::2]:7001 check web; server bytes 10.2.0.21:7001 check bytes }
pool v2 { server web 10.2.0.2:7001 check web; server ear [fd00:2::2]:7001 check ear; server other 10.2.0.22:7001 check other }
pool inside { send proxy v2; server secure 10.2.0.2:7002 check secure }
pool plain { server web 10.2.0.2:80 check other }
service v1 on 10.1.0.100 tcp/81 { mode proxy send proxy v1; announce; -> v1 }
service v2 on 10.1.0.100 tcp/82 { mode proxy http send proxy v2; announce; -> v2 }
service mixed on 10.1.0.100 tcp/83 { mode proxy; announce; when sni "shop" -> inside; else -> plain }
RULES
}
page speaks ''
page silent 'without proxy'
cp speaks.pbc now.pbc
prey prey -i wan -i lan --log text now.pbc
get() { at client curl -s -k -m 10 "$@" || echo "failed: $?"; }
for i in 1 2 3 4; do get http://10.1.0.100:81/; done | sort -u >out
same 'servers that want version 1 are up, and have the client named' "$(cat out)" 10.1.0.1
for i in 1 2 3 4; do get http://10.1.0.100:82/; done | sort -u >out
same 'so are those of version 2' "$(cat out)" 10.1.0.1
same 'a pool of one service says it for itself, and within TLS' "$(get --resolve shop:83:10.1.0.100 https://shop:83/)" 10.1.0.1
same 'and the other pool of that service has no header' "$(get http://10.1.0.100:83/)" plain
probed() { ctl servers && [ "$(grep -c ' up ' out)" = "$1" ]; }
until_true 100 'all were asked, and are up' probed 8
sleep 1
same 'nothing was found to be down' "$(grep -c 'health:.*down' prey.err)" 0
same 'and nginx met no header that it could not read' "$(grep -c 'broken header' nginx.error)" 0

# Beside it: HAProxy's checks of the same server. With none it is down there, too.
background one haproxy -db -f haproxy.cfg
states() { echo 'show servers state' | python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect("haproxy.sock")
s.sendall(sys.stdin.buffer.read())
text = b""
while chunk := s.recv(65536): text += chunk
print(*[f"{w[3]}:{w[5]}" for w in map(str.split, text.decode().splitlines()) if len(w) > 6 and w[1] == "sends"])'; }
until_true 100 "HAProxy's checks say the same" eval '[ "$(states)" = "v1:2 v2:2 own_port:2 none:0" ]' &&
    ok 0 "HAProxy's checks say the same of such headers, a port of its own, and none"
cp silent.pbc now.pbc
kill -HUP "$prey"
for server in v1/web v1/web6 v1/bytes v2/web inside/secure; do
    hears "without proxy: $server is down" "health: $server is down"
done
ctl servers
same 'but what is asked on a port of its own' "$(awk '$1 ~ /other|plain/ && / up /' out | wc -l)" 2
prey_ends
exit $failed
