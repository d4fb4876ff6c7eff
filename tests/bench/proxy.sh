#!/usr/bin/env bash
# bench-proxy: what a connection, a request, a handshake and a GB cost through prey's proxy, beside HAProxy and nginx. Client,
# balancer and server in namespaces joined by veth; the balancer alone on the last CPU, client and server on the first. CPU
# is what the balancer's processes used. Each of RUNS rounds runs every contender once, so that neighbours can be compared; no
# round begins that would end after SECONDS_MOST. Prints Markdown, and says on standard error how far it is, and what is missing.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
. "$top/tests/bench/small.sh"
live_begin
RUNS=${RUNS:-$(size 5 1)}
TIME=${TIME:-$(size 1 0.1)}
# What knows whole seconds alone.
whole=${TIME%.*}
[ "$whole" -ge 1 ] || whole=1
SECONDS_MOST=${SECONDS_MOST:-420}
here=$top/tests/bench
first=0 alone=$(($(nproc) - 1))
load=$(cut -d ' ' -f 1 /proc/loadavg)
say() { echo "bench-proxy: $*" >&2; }

space gen fwd sink
link gen g0 fwd f0
link fwd f1 sink s0
address gen g0 10.1.0.1/24
address fwd f0 10.1.0.2/24
address fwd f1 10.2.0.1/24
address sink s0 10.2.0.2/24 10.2.0.3/24
# Where clients go: to the balancer; or, across it as a bridge, to the server itself.
to=10.1.0.2 across=10.1.0.9
address sink s0 $across/24
for s in gen fwd sink; do
    at $s sysctl -q -w net.ipv4.ip_local_port_range='1024 65535' net.core.somaxconn=65535 net.ipv4.tcp_max_syn_backlog=65535
done
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=a.example -keyout key.pem -out cert.pem \
    >said 2>&1 || say "openssl made no certificate: $(cat said)"
cat cert.pem key.pem >both.pem

# ---- the contenders: 7001 short connections, 7002 echo, 7003 bulk, 7004 HTTP by host, 7005 the same by TLS ----

prey_rules() { # PART...: tcp http tls
    cat <<END
pool farm { server one 10.2.0.2; server two 10.2.0.3 }
pool bulk { server one 10.2.0.2 }
service short on 10.1.0.2 tcp/7001-7002 { mode proxy; -> farm }
service bulk on 10.1.0.2 tcp/7003 { mode proxy; -> bulk }
END
    case $1 in *-*) printf 'pool %s { server one 10.2.0.%s:7004 }\n' a 2 b 3 ;; esac
    local hosts='when host "a.example" -> a; else -> b'
    case $1 in *http*) echo "service web on 10.1.0.2 tcp/7004 { mode proxy http; $hosts }" ;; esac
    case $1 in *tls*) echo "service secure on 10.1.0.2 tcp/7005 { mode proxy http tls cert \"$work/cert.pem\" key \"$work/key.pem\"; $hosts }" ;; esac
}
haproxy_conf() { # GLOBAL DEFAULT
    cat <<END
global
  nbthread 1
  maxconn $((descriptors / 2 - 300))
  maxpipes 100
  $1
defaults
  timeout connect 5s
  timeout client 10m
  timeout server 10m
  $2
listen short
  mode tcp
  bind 10.1.0.2:7001
  server one 10.2.0.2:7001
  server two 10.2.0.3:7001
listen echo
  mode tcp
  bind 10.1.0.2:7002
  server one 10.2.0.2:7002
  server two 10.2.0.3:7002
listen bulk
  mode tcp
  bind 10.1.0.2:7003
  server one 10.2.0.2:7003
frontend web
  mode http
  bind 10.1.0.2:7004
  bind 10.1.0.2:7005 ssl crt $work/both.pem alpn http/1.1
  use_backend a if { hdr(host) -i a.example }
  use_backend b if { hdr(host) -i b.example }
backend a
  mode http
  http-reuse safe
  server one 10.2.0.2:7004
backend b
  mode http
  http-reuse safe
  server two 10.2.0.3:7004
END
}
nginx_conf() { # BUFFER
    local module=/usr/lib/nginx/modules/ngx_stream_module.so
    [ ! -e $module ] || echo "load_module $module;"
    cat <<END
worker_processes 1; daemon off; master_process off; pid $work/nginx.pid; error_log $work/nginx.error;
events { worker_connections $((descriptors - 100)); }
stream {
  upstream short { server 10.2.0.2:7001; server 10.2.0.3:7001; }
  upstream echo { server 10.2.0.2:7002; server 10.2.0.3:7002; }
  proxy_buffer_size $1;
  server { listen 10.1.0.2:7001 reuseport backlog=65535; proxy_pass short; }
  server { listen 10.1.0.2:7002 reuseport; proxy_pass echo; }
  server { listen 10.1.0.2:7003 reuseport; proxy_pass 10.2.0.2:7003; }
}
http {
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path $work; proxy_temp_path $work; fastcgi_temp_path $work; uwsgi_temp_path $work; scgi_temp_path $work;
  upstream a { server 10.2.0.2:7004; keepalive 64; keepalive_requests 1000000000; }
  upstream b { server 10.2.0.3:7004; keepalive 64; keepalive_requests 1000000000; }
  proxy_http_version 1.1; proxy_set_header Connection "";
  ssl_certificate $work/cert.pem; ssl_certificate_key $work/key.pem; ssl_protocols TLSv1.2 TLSv1.3;
  server { listen 10.1.0.2:7004 reuseport; listen 10.1.0.2:7005 ssl reuseport; server_name a.example; location / { proxy_pass http://a; } }
  server { listen 10.1.0.2:7004; listen 10.1.0.2:7005 ssl; server_name b.example; location / { proxy_pass http://b; } }
}
END
}
descriptors=$(ulimit -n)
haproxy_conf '' '' >haproxy.cfg
haproxy_conf 'tune.bufsize 65536' '' >haproxy-64k.cfg
splice='option splice-request
  option splice-response'
haproxy_conf '' "$splice" >haproxy-splice.cfg
haproxy_conf 'tune.pipesize 1048576' "$splice" >haproxy-splice-1m.cfg
nginx_conf 16k >nginx.conf
nginx_conf 64k >nginx-64k.conf
user() { # COMMAND...
    ip netns exec "$id-fwd" "$@" >/dev/null 2>balancer.err &
    pid=$!
    pids="$pids $pid"
}
begin() { # NAME: it serves, $works are its processes; or 1, and why
    local until=$((SECONDS + 15))
    name=$1 to=10.1.0.2
    case $1 in
    inline)
        to=$across
        user "$bin/preyrun" --workers 1 --bridge f0:f1 inline.pbc
        ;;
    prey) user "$bin/preyrun" --workers 1 -i "${PREY_INTERFACE:-f0}" prey.pbc ;;
    haproxy*) user taskset -c "$alone" haproxy -db -f "$1.cfg" ;;
    nginx*) user taskset -c "$alone" nginx -c "$work/$1.conf" -e "$work/nginx.error" ;;
    esac
    while [ $SECONDS -lt $until ]; do
        if SECONDS_OF=1 client echo $to 7002 1 0.01 0 "$pid" >/dev/null 2>&1; then
            # preyrun's workers are threads of its child.
            works="$pid $(cat "/proc/$pid/task/$pid/children" 2>/dev/null)"
            return 0
        fi
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.2
    done
    say "$1 does not serve: $(grep -v notice: balancer.err | tail -3 | tr '\n' ' ')"
    ends
    return 1
}
ends() {
    local try
    kill -TERM "$pid" 2>/dev/null
    for try in $(seq 50); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    return 0
}

# ---- what is measured: one line of `runs` each ----

client() { timeout "${SECONDS_OF:-20}" ip netns exec "$id-gen" taskset -c "$first" "$bin/tests/bench/proxy_client" "$@"; }
cpu() { "$bin/tests/bench/proxy_client" cpu $works; }
note() { # TEST FIGURE...
    local test=$1
    shift
    if [ $# -gt 1 ]; then echo "$name $test $*" >>runs; else say "$name: $test: nothing came"; fi
}
sessions() { # TEST KIND PORT CONNECTIONS RATE
    note "$1" $(client "$2" $to "$3" "$4" "$TIME" "$5" $works)
}
# Half of what the first contender of this round reached: the same for all.
half() { awk -v test="$1" -v name="${all%% *}" '$1 == name && $2 == test { rate = $3 } END { printf "%d", rate / 2 }' runs; }
bulk() { # of one stream: bits a second, CPU ns in all, bytes
    local before got
    before=$(cpu)
    got=$(timeout 20 ip netns exec "$id-gen" taskset -c "$first" iperf3 -c $to -p 7003 $(size "-t $whole" "-n 8M") -l 256K --json 2>&1 |
        python3 -c 'import json, sys; s = json.load(sys.stdin)["end"]["sum_received"]; print(s["bits_per_second"], s["bytes"])' 2>/dev/null)
    note bulk ${got:+${got% *} $(($(cpu) - before)) ${got#* }}
}
requests() { # by wrk: requests a second, CPU ns in all, requests
    local before got
    before=$(cpu)
    got=$(ANSWERS=$(size "" 500) timeout 20 ip netns exec "$id-gen" taskset -c "$first" wrk -t 1 -c 32 -d "$whole" -s "$here/proxy_hosts.lua" http://10.1.0.2:7004/ 2>&1 |
        awk '/requests in/ { n = $1 } /Requests\/sec/ { rate = $2 } /Non-2xx|Socket errors/ { bad = 1 } END { if (n && !bad) print rate, n }')
    note requests ${got:+${got% *} $(($(cpu) - before)) ${got#* }}
}
handshakes() { # by some s_time at once: handshakes a second, CPU ns in all, handshakes
    local before got i asking=
    before=$(cpu)
    for i in $(seq "$(size 4 1)"); do
        timeout 20 ip netns exec "$id-gen" taskset -c "$first" openssl s_time -connect 10.1.0.2:7005 -new -time "$whole" >"handshakes.$i" 2>&1 &
        asking="$asking $!"
    done
    wait $asking
    got=$(cat handshakes.* | awk '/real seconds/ { n += $1; s = $4 } END { if (n) print n / s, n }')
    note handshakes ${got:+${got% *} $(($(cpu) - before)) ${got#* }}
}
contender() { # NAME
    begin "$1" || return
    case $1 in
    *-*) bulk ;;
    inline)
        sessions short short 7001 32 0
        sessions echo echo 7002 16 0
        bulk
        ;;
    *)
        sessions short short 7001 32 0
        sessions echo echo 7002 16 0
        sessions echo-half echo 7002 16 "$(half echo)"
        bulk
        case $1-$can in prey-*http* | haproxy-* | nginx-*)
            requests
            sessions http http 7004 32 0
            sessions http-half http 7004 32 "$(half http)"
            ;;
        esac
        case $1-$can in prey-*tls* | haproxy-* | nginx-*) handshakes ;; esac
        ;;
    esac
    ends
}
resting=$(size 2000 50)
idle() { # NAME: connections that rest, bytes of memory each; the same in TLS
    begin "$1" || return
    note idle $(SECONDS_OF=60 client idle $to 7002 "$idle" $works)
    ends
    case $1-$can in prey-*tls* | haproxy-* | nginx-*) ;; *) return ;; esac
    begin "$1" || return
    note idle-tls "$resting" $(timeout 60 ip netns exec "$id-gen" taskset -c "$first" python3 "$top/tests/e2e/live/resting.py" 10.1.0.2 7005 "$resting" $works)
    ends
}

# ---- the rounds ----

ip netns exec "$id-sink" taskset -c "$first" "$bin/tests/bench/proxy_server" 7001 7002 7004 >server.out 2>server.err &
pids="$pids $!"
until_true 100 'the server listens' grep -q ready server.out
background sink taskset -c "$first" iperf3 -s -p 7003 >/dev/null 2>&1
: >runs
# The most that prey can do of it.
for can in tcp-http-tls tcp-http tcp-tls tcp ''; do
    [ -n "$can" ] || break
    prey_rules $can >prey.prey
    "$bin/preyc" prey.prey -o prey.pbc 2>said || { say "prey does not know $can: $(grep -m 1 error said)"; continue; }
    begin prey && ends && break
    say "that was $can"
done
all=
for c in haproxy nginx; do
    if command -v $c >/dev/null; then all="$all $c"; else say "$c is not installed: its rows are missing"; fi
done
[ -z "$can" ] || all="$all prey"
echo 'service wire on any tcp/any { mode proxy inline }' >inline.prey
"$bin/preyc" inline.prey -o inline.pbc && all="$all inline"
for c in haproxy-64k haproxy-splice haproxy-splice-1m nginx-64k; do
    case " $all " in *" ${c%%-*} "*) all="$all $c" ;; esac
done
for tool in wrk iperf3; do command -v $tool >/dev/null || say "$tool is not installed: what it measures is missing"; done
all=$(echo ${ONLY:-$all})
# Both ends of a connection are descriptors of the balancer.
idle=$((descriptors / 2 - 400))
most=$(size 10000 200)
[ "$idle" -lt "$most" ] || idle=$most
for c in $all; do
    case $c in *-*) ;; *) idle "$c" ;; esac
done
began=$SECONDS
for round in $(seq "$RUNS"); do
    [ $((SECONDS + (round > 1 ? (SECONDS - began) / (round - 1) : 0))) -lt "$SECONDS_MOST" ] || break
    for c in $all; do contender "$c"; done
    say "round $round of $RUNS, $SECONDS s"
done
echo "Linux $(uname -r); $(nproc) cores; load $load at the beginning, $(cut -d ' ' -f 1 /proc/loadavg) at the end"
python3 "$here/proxy_table.py" runs
