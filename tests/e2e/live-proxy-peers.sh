#!/usr/bin/env bash
# Other programs on both sides of the proxy: HAProxy and nginx, which say in PROXY headers who a client is, and believe ours; an
# SSH server (dropbear) and an SMTP client (curl), whose server speaks first; iperf3, wrk, openssl s_client.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey front one
lan outside 1 client prey:wan front
lan inside 2 prey:lan one
web one
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=a.example -keyout key.pem -out cert.pem 2>said || cat said

# ---- in front of prey, .3, and behind it, .2: ports say which header ----

haproxy_defaults() { printf 'defaults\n  mode %s\n  timeout connect 5s\n  timeout client 20s\n  timeout server 20s\n' "$1"; }
listens_in_front() { # NAME PORT SERVER OPTION
    printf 'listen %s\n  bind 10.1.0.3:%s\n  bind [fd00:1::3]:%s\n  server p %s %s\n' "$1" "$2" "$2" "$3" "$4"
}
{
    haproxy_defaults tcp
    listens_in_front v1 8001 10.1.0.2:8000 send-proxy
    listens_in_front v2 8002 10.1.0.2:8000 send-proxy-v2
    listens_in_front six 8003 '[fd00:1::2]:8000' send-proxy-v2
    listens_in_front requests 8004 10.1.0.2:8005 send-proxy-v2
    listens_in_front tls 8443 10.1.0.2:8443 send-proxy-v2
} >front.cfg
{
    haproxy_defaults http
    printf 'listen believes\n  bind 10.2.0.2:7000 accept-proxy\n  option forwardfor\n  server web 127.0.0.1:80\n'
} >behind.cfg
cat >front.conf <<END
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off; master_process off; pid $work/front.pid; error_log $work/front.error;
events { worker_connections 100; }
stream { server { listen 10.1.0.3:8010; proxy_protocol on; proxy_pass 10.1.0.2:8000; } }
END
cat >behind.conf <<END
daemon off; master_process off; pid $work/behind.pid; error_log $work/behind.error;
events { worker_connections 100; }
http {
  access_log off; client_body_temp_path $work; proxy_temp_path $work; fastcgi_temp_path $work; uwsgi_temp_path $work; scgi_temp_path $work;
  server { listen 10.2.0.2:7001 proxy_protocol; listen [fd00:2::2]:7001 proxy_protocol; location / { return 200 "\$proxy_protocol_addr\n"; } }
}
END
listening() { at "$1" ss -Hltn "( sport = :$2 )" | grep -q .; }
user() { # NAME PORT COMMAND...
    background "$1" "${@:3}" >said 2>&1
    until_true 100 "$3 listens on $2" listening "$1" "$2"
}
user front 8001 haproxy -db -f front.cfg
user one 7000 haproxy -db -f behind.cfg
user front 8010 nginx -c "$work/front.conf" -e "$work/front.error"
user one 7001 nginx -c "$work/behind.conf" -e "$work/behind.error"

# ---- servers that speak first ----

dropbearkey -t ed25519 -f host.key >host.pub 2>/dev/null
user one 22 dropbear -F -E -r host.key -P "$work/dropbear.pid" -p 10.2.0.2:22
cat >smtp.py <<'END'
import socketserver
class Mail(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 one speaks first\r\n")
        letter = None
        for line in self.rfile:
            if letter is not None:
                letter += line
                if line != b".\r\n": continue
                open("letter", "wb").write(letter)
                letter = None
                self.wfile.write(b"250 taken\r\n")
            elif line.startswith(b"DATA"):
                letter = b""
                self.wfile.write(b"354 go on\r\n")
            elif line.startswith(b"QUIT"):
                self.wfile.write(b"221 bye\r\n")
                return
            else: self.wfile.write(b"250 fine\r\n")
socketserver.ThreadingTCPServer(("10.2.0.2", 25), Mail).serve_forever()
END
user one 25 python3 smtp.py
user one 5201 iperf3 -s

believes='accept proxy from 10.1.0.3, fd00:1::3'
rules peers <<RULES
pool nginx { server s 10.2.0.2:7001 }
pool nginx6 { server s [fd00:2::2]:7001 }
pool haproxy { server s 10.2.0.2:7000 }
pool haproxy2 { server s 10.2.0.2:7000 }
pool web { server s 10.2.0.2:80 }
pool mail { server s 10.2.0.2:25 }
pool same { server s 10.2.0.2 }
service believed on 10.1.0.2, fd00:1::2 tcp/8000 { mode proxy $believes send proxy v2; -> nginx }
service v1 on 10.1.0.2, fd00:1::2 tcp/8001 { mode proxy send proxy v1; -> nginx6 }
service to_haproxy on 10.1.0.2, fd00:1::2 tcp/8002 { mode proxy send proxy v1; -> haproxy }
service to_haproxy2 on 10.1.0.2 tcp/8003 { mode proxy send proxy v2; -> haproxy2 }
service requests on 10.1.0.2 tcp/8005 { mode proxy http $believes; -> web }
service tls on 10.1.0.2 tcp/8443 { mode proxy http $believes tls cert "$work/cert.pem" key "$work/key.pem"; -> web }
service first on 10.1.0.2 tcp/22, tcp/25, tcp/5201 { mode proxy; -> same }
service late on 10.1.0.2, fd00:1::2 tcp/26 { mode proxy first bytes within 200ms; when sni "a.example" -> web; else -> mail }
service http on 10.1.0.2 tcp/80 { mode proxy http; -> web }
RULES
prey prey -i wan -i lan --format json peers.pbc
get() { at client curl -s -m 10 "$@" || echo "failed: $?"; }

same 'HAProxy says v1, we believe it, and say v2 to nginx' "$(get http://10.1.0.3:8001/)" 10.1.0.1
same 'HAProxy says v2' "$(get http://10.1.0.3:8002/)" 10.1.0.1
same '… of a client of IPv6, over IPv6' "$(get 'http://[fd00:1::3]:8003/')" fd00:1::1
same '… of a client of IPv6, over IPv4' "$(get 'http://[fd00:1::3]:8002/')" fd00:1::1
same 'nginx says v1' "$(get http://10.1.0.3:8010/)" 10.1.0.1
same 'who is not trusted is himself' "$(get http://10.1.0.2:8000/)" 10.1.0.1
same 'we say v1 to nginx, of both families' "$(get http://10.1.0.2:8001/) $(get 'http://[fd00:1::2]:8001/')" '10.1.0.1 fd00:1::1'
same 'we say v1 to HAProxy' "$(get http://10.1.0.2:8002/told | cut -d' ' -f1) $(get 'http://[fd00:1::2]:8002/told' | cut -d' ' -f1)" '10.1.0.1 fd00:1::1'
same 'we say v2 to HAProxy' "$(get http://10.1.0.2:8003/told | cut -d' ' -f1)" 10.1.0.1
same 'in front of requests: servers hear who asks' "$(get http://10.1.0.3:8004/told)" '10.1.0.1 for=10.1.0.1;proto=http 1.1 prey 10.1.0.3:8004'
same 'in front of TLS that ends here' "$(get -k --resolve a.example:8443:10.1.0.3 https://a.example:8443/told | cut -d' ' -f1,2)" '10.1.0.1 for=10.1.0.1;proto=https'

at client ssh-keyscan -T 10 10.1.0.2 2>/dev/null | awk '/ssh-ed25519/ { print $3 }' >key
same 'SSH: the server speaks first, and shows its key' "$(cat key)" "$(awk '/^ssh-ed25519/ { print $2 }' host.pub)"
printf 'Subject: through the proxy\n\nhello\n' >letter.txt
mails() { # URL
    rm -f letter
    at client curl -s -m 10 "$1" --mail-from a@a.example --mail-rcpt b@b.example -T letter.txt
    same "SMTP: the server speaks first, $1" "$? $(tr -d '\r' <letter | grep -c 'through the proxy')" '0 1'
}
mails smtp://10.1.0.2:25
mails smtp://10.1.0.2:26
mails 'smtp://[fd00:1::2]:26'
for way in '' -R; do
    at client timeout 60 iperf3 -c 10.1.0.2 -n 50M $way --json >iperf.json
    same "iperf3 $way" "$(python3 -c 'import json; e = json.load(open("iperf.json"))["end"]; print(e["sum_sent"]["bytes"] >= 50e6)')" True
done
at client timeout 60 wrk -t 1 -c 20 -d 1 http://10.1.0.2/ >out 2>&1
same 'wrk: no request fails' "$(grep -cE 'Socket errors|Non-2xx' out) $(awk '/requests in/ { print ($1 > 100) }' out)" '0 1'
sed -n '/requests in/s/^/# /p' out
same 'openssl s_client' "$(printf 'GET / HTTP/1.0\r\n\r\n' | at client timeout 60 openssl s_client -connect 10.1.0.2:8443 -servername a.example -quiet 2>/dev/null | tail -1)" one
truncate -s 0 prey.out
prey_ends
same 'it ends with 0' "$status" 0
same 'nothing was refused' "$(python3 -c 'import json; print({k: n for k, n in json.load(open("prey.out"))["proxy"]["refused"].items() if n})')" '{}'
exit $failed
