#!/usr/bin/env bash
# Options of services in `mode proxy inline` on a bridge: TLS that ends or begins here, requests of one connection that go to different
# servers, a queue, limits by rate and number, idle ends, a server that drains, access logs, who looks on, and recordings.
set -u
EXEC=user # its bridges are user space's
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

across left right
address left eth0 10.1.0.77/24
address right eth0 $(for i in 3 4 5 6 7 8 9; do echo "10.1.0.$i/24"; done) fd00:1::3/64 fd00:1::8/64 fd00:1::9/64
web right
payload 1000000 right
mac=$(at right cat /sys/class/net/eth0/address)
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=a.example -keyout key.pem -out cert.pem 2>said || cat said
cat >tls.conf <<END
daemon off; master_process off; pid $work/tls.pid; error_log $work/tls.error;
events { worker_connections 100; }
http {
  access_log off; client_body_temp_path $work; proxy_temp_path $work; fastcgi_temp_path $work; uwsgi_temp_path $work; scgi_temp_path $work;
  server {
    listen 443 ssl; listen [::]:443 ssl; ssl_certificate $work/cert.pem; ssl_certificate_key $work/key.pem; ssl_protocols TLSv1.3;
    location / { return 200 "\$server_addr \$ssl_server_name \$ssl_protocol \$http_x_forwarded_for\n"; }
  }
}
END
background right nginx -c "$work/tls.conf" -e "$work/tls.error"
until_true 100 'a server of TLS answers' at right curl -sk https://127.0.0.1/

rules options <<END
limits { flows 30_000 }
meter few = 3/h burst 3 per source
pool farm { server one 10.1.0.3:80 mac $mac; server two 10.1.0.4:80 mac $mac }
pool one { server s 10.1.0.3:80 mac $mac; server s6 [fd00:1::3]:80 mac $mac }
pool full { server s 10.1.0.3:80 mac $mac max flows 1 }
service waits on 10.1.0.5 tcp/80 { mode proxy inline; queue 2 within 60s; -> full }
service few on 10.1.0.6 tcp/80 { mode proxy inline; rate few }
service two on 10.1.0.7 tcp/80 { mode proxy inline; max flows 2 per source }
service idle on 10.1.0.7 tcp/8080 { mode proxy inline; idle 1s }
service aged on 10.1.0.7 tcp/8081 { mode proxy inline; max age 1s }
service ends on 10.1.0.8, fd00:1::8 tcp/80 {
  mode proxy inline first bytes within 20s tls cert "$work/cert.pem" key "$work/key.pem"
  access log json "ends.log"
  when sni "bad.example" -> reject
}
service begins on 10.1.0.8, fd00:1::8 tcp/443 {
  mode proxy inline first bytes within 20s tls cert "$work/cert.pem" key "$work/key.pem"
  tls to server sni "a.example" verify off
}
service names on 10.1.0.9, fd00:1::9 tcp/443 { mode proxy inline first bytes within 20s; when sni "bad.example" -> reject }
service requests on 10.1.0.9, fd00:1::9 tcp/80 {
  mode proxy inline http
  access log common "requests.log"
  when host "one.example" -> one
  when path "/no" -> reject
}
service drains on 10.1.0.2 tcp/8080 { mode proxy inline; -> farm }
service rest on any tcp/any { mode proxy inline }
firewall f forward default accept { }
END
prey prey --bridge a:b --format json --record recorded-options --record-snap 128 options.pbc
same 'no route is missed for servers that a bridge reaches by their MAC address' "$(grep -c 'no route' prey.err)" 0
get() { at left curl -s -m 20 "$@" || echo "failed: $?"; }

# ---- TLS ----
for n in 10.1.0.8 '[fd00:1::8]'; do
    it=${n//[\[\]]/}
    same "TLS ends here, on the way to $it" "$(get -k --tlsv1.3 --connect-to "a.example:443:$n:80" https://a.example/from)" "$(case $n in *:*) echo fd00:1::1 ;; *) echo 10.1.0.1 ;; esac)"
    get -k --connect-to "a.example:443:$n:80" https://a.example/files/file | cmp - payload
    ok $? "1 MB by it, from $it"
    same "and begins anew towards $it" "$(get -k --tlsv1.2 --tls-max 1.2 --connect-to "b.example:443:$n:443" https://b.example/)" "$it a.example TLSv1.3 "
done
same 'a name that is refused, where TLS ends here' "$(get -k --connect-to bad.example:443:10.1.0.8:80 https://bad.example/ | tr 6 5)" 'failed: 55'
for n in 10.1.0.9 '[fd00:1::9]'; do
    same "TLS 1.3 passes through to $n" "$(get -k --tlsv1.3 --connect-to "a.example:443:$n:443" https://a.example/)" "${n//[\[\]]/} a.example TLSv1.3 "
    same "… unless the name is refused" "$(get -k --connect-to "bad.example:443:$n:443" https://bad.example/)" 'failed: 35'
done

# ---- requests ----
for n in 10.1.0.9 '[fd00:1::9]'; do
    own=${n//[\[\]]/}
    other=$(case $n in *:*) echo fd00:1::3 ;; *) echo 10.1.0.3 ;; esac)
    at left curl -s -m 20 -w '%{num_connects}\n' -H 'Host: x.example' "http://$n/at" --next -w '%{num_connects}\n' -H 'Host: one.example' "http://$n/at" \
        --next -w '%{num_connects}\n' -H 'Host: x.example' "http://$n/at" --next -w '%{http_code}\n' -H 'Host: x.example' "http://$n/no" >out
    same "requests of one connection go to different servers, and one that is rejected resets it" "$(tr '\n' ' ' <out)" "$own 1 $other 0 $own 0 000 "
done

# ---- limits ----
same 'a rate: three, and then none' "$(for i in 1 2 3 4 5; do get -m 1 http://10.1.0.6/; done | sort | uniq -c | tr -s ' \n' ' ')" ' 2 failed: 28 3 right '
held= # processes that hold a connection
holds() { # ADDRESS PORT FILE
    background left python3 "$top/tests/e2e/live/inline.py" holds "$1" "$2" >"$3"
    held="$held $last"
    until_true 100 "a connection to $1 is open" grep -q open "$3"
}
holds 10.1.0.7 80 first
holds 10.1.0.7 80 second
same 'a third of one client is refused' "$(get http://10.1.0.7/)" 'failed: 7'
same "another client's is not" "$(get --interface 10.1.0.77 http://10.1.0.7/)" right
kill -USR1 $held
wait $held
same 'both go on' "$(tail -qn 1 first second | tr '\n' ' ')" 'answered answered '
same 'and the client may open another' "$(get http://10.1.0.7/)" right

held=
holds 10.1.0.5 80 first
background left curl -s -m 60 http://10.1.0.5/from >waiting
waiting=$last
ctl_says() { ctl counters services.waits.proxy; grep -qE "$1" out; }
until_true 100 'the next connection waits for its server' ctl_says 'queue[a-z_.]* +1$'
same 'it has no answer' "$(cat waiting)" ''
kill -USR1 $held
wait $held $waiting
same 'once there is room it gets one' "$(tail -n 1 first) $(cat waiting)" 'answered 10.1.0.1'

at left python3 "$top/tests/e2e/live/inline.py" rests 10.1.0.7 8080 >out
same 'an idle connection is reset' "$(cat out)" reset

background right python3 "$top/tests/e2e/live/inline.py" echoes 10.1.0.7 8081 >aged_server
aged=$last
until_true 100 'a server of one connection listens' grep -q listens aged_server
at left python3 "$top/tests/e2e/live/inline.py" talks 10.1.0.7 8081 >aged_client
wait "$aged"
same 'max age: both ends of one that is older are reset, whatever they say' "$(cat aged_client) $(tail -n 1 aged_server)" 'reset reset'
ctl counters services.aged.proxy
has 'it is counted' 'ended_by.max-age +1$'

# ---- drained ----
held=
for i in 1 2; do holds 10.1.0.2 8080 "held$i"; done
ctl set farm/one drain
same 'a server drains' "$status" 0
for i in 1 2 3 4 5 6; do get http://10.1.0.2:8080/at; done | sort | uniq -c | tr -s ' ' >out
same 'new connections go to the other' "$(cat out)" ' 6 10.1.0.4'
kill -USR1 $held
wait $held
same 'those that were open go on' "$(tail -qn 1 held1 held2 | tr '\n' ' ')" 'answered answered '

# ---- who looks on ----
held=
holds 10.1.0.2 80 first
ctl flows tcp to port 80
has 'its flow is listed with both ends' '10\.1\.0\.1:[0-9]+ +10\.1\.0\.2:80 +open +rest'
looks() { # NAME COMMAND...
    local name=$1
    shift
    background prey "$bin/preyctl" "$@" >"$name.out" 2>"$name.err"
    until_true 100 "$name looks on" grep -q 'shows\? the packets' "$name.err"
}
looks trace trace tcp source port 5080 to port 80 --count 3
tracer=$last
looks capture capture tcp source port 5080 to port 80 -w seen.pcap --count 3
capturer=$last
get --local-port 5080 http://10.1.0.2/ >/dev/null
wait $tracer $capturer
same 'a trace shows its packets, and what becomes of them' "$(awk '{ print $3, $4, $11 }' trace.out | tr '\n' ,)" 'forward default SYN,forward - ACK,forward - PSH,'
same 'a capture has them' "$(frames_of seen.pcap)" 3
kill -USR1 $held
wait $held


same 'the access log tells of connections' "$(python3 -c "
import json
for l in map(json.loads, open('ends.log')): print(l['client'], l['target'], l['bytes_out'] > 1000000, l.get('reason'))" | sort | uniq -c | tr -s ' ')" ' 1 10.1.0.1 10.1.0.8:80 False None
 1 10.1.0.1 10.1.0.8:80 False rejected
 1 10.1.0.1 10.1.0.8:80 True None
 1 fd00:1::1 [fd00:1::8]:80 False None
 1 fd00:1::1 [fd00:1::8]:80 True None'
prey_ends
same 'it ends well' "$status" 0
exit $failed
