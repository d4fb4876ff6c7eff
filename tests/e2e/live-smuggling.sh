#!/usr/bin/env bash
# Live, `mode proxy http`: each request of tests/http/smuggling.t, by way of the proxy, to servers that read loosely, each in
# a way of its own, and to nginx. None is seen as two, and whoever asks next hears his own answer.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

between one
flavours='loose length bodiless early'
mkdir nginx
cat >nginx.conf <<END
daemon off; master_process off; pid $work/nginx/pid; error_log $work/nginx/error.log;
events { worker_connections 512; }
http {
  log_format heads '\$http_x_forwarded_for "\$request" \$status';
  access_log $work/nginx/heads.log heads; client_body_temp_path nginx; proxy_temp_path nginx; fastcgi_temp_path nginx; uwsgi_temp_path nginx; scgi_temp_path nginx;
  server { listen 9004; location / { default_type text/plain; return 200 "\$request_uri"; } }
}
END
background one nginx -p "$work" -c nginx.conf -e nginx/error.log
nginx=$last
n=0
servers=
: >http.rules
for flavour in $flavours nginx; do
    [ $flavour = nginx ] || servers="$servers $flavour:$((9000 + n))"
    cat >>http.rules <<RULES
pool of_$flavour { server s 10.2.0.2:$((9000 + n)) }
service on_$flavour on 10.1.0.2 tcp/$((80 + n)) { mode proxy http; -> of_$flavour }
RULES
    n=$((n + 1))
done
background one python3 "$top/tests/e2e/live/origin.py" $servers
until_true 100 "the loose servers answer" at one curl -s -o /dev/null http://127.0.0.1:9000/report
until_true 100 "nginx answers" at one curl -s -o /dev/null -H "X-Forwarded-For: 10.1.0.1" http://127.0.0.1:9004/
rules http <http.rules
# Each request comes from an address of its own.
at client ip route add local 10.9.0.0/16 dev lo
at prey ip route add 10.9.0.0/16 via 10.1.0.1
prey prey -i wan -i lan http.pbc

n=0
for flavour in $flavours nginx; do
    at client timeout 120 python3 "$top/tests/e2e/live/smuggle.py" "$top/tests/http/smuggling.t" 10.1.0.2 $((80 + n)) 10.9 $flavour nginx/heads.log >"$flavour.out" 2>&1 &
    eval "run_$flavour=$!"
    n=$((n + 1))
done
rows=$(grep -c '^[^#].* | .* | ' "$top/tests/http/smuggling.t")
for flavour in $flavours nginx; do
    eval "wait \$run_$flavour"
    same "$rows requests, each answered as RFC 9112 asks, never seen as two: $flavour" "$(tail -15 "$flavour.out")" "$rows rows 0 faults"
done
prey_ends
same "it ends with 0" "$status" 0
