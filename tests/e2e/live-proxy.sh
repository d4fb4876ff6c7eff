#!/usr/bin/env bash
# `mode proxy` live: connections end in prey and go on to servers; both families, half-close, a server that speaks first,
# servers that die, reload.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

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
prey prey -i wan -i lan --format json proxy.pbc
ask() { at client curl -s -m 5 "http://$1/" || echo failed; }
for i in 1 2 3 4; do ask 10.1.0.2; done >four
same 'IPv4: four connections, shared' "$(sort four | uniq -c | tr -s ' \n' ' ')" ' 2 one 2 two '
for i in 1 2 3 4; do ask '[fd00:1::2]'; done >six
same 'IPv6 clients reach IPv4 servers' "$(sort six | uniq -c | tr -s ' \n' ' ')" ' 2 one 2 two '
ctl explain 'tcp 10.1.0.1:50000 -> 10.1.0.2:80 syn on wan'
has 'preyctl explain says where a connection ends' 'service web, mode proxy: its connections end here, and what they say chooses the server'
same 'the server sees the proxy' "$(at client curl -s -m 5 http://10.1.0.2/from)" 10.2.0.1
at client bash -c 'head -c 300000 /dev/zero | nc -N -w 5 10.1.0.2 22' >out
same 'a server that speaks first, and a client that ends first' "$(tr -d '\r' <out | tr '\n' ' ')" 'SSH-2.0-speaker heard 300000 '
head -c 30000000 /dev/urandom >web-two/big
at client curl -s -m 20 -o got http://10.1.0.2:8080/files/big
cmp -s got web-two/big
ok $? 'a large file comes whole, by splice'
# A SYN with bytes needs a cookie, which the first of them fetches.
at prey sysctl -q -w net.ipv4.tcp_fastopen=3
for i in 1 2; do at client curl -s -m 5 --tcp-fastopen -o /dev/null http://10.1.0.2/; done
same 'a SYN may bring the first bytes' "$(at prey nstat -asz TcpExtTCPFastOpenPassive | awk '/Passive/ { print $2 }')" 1

# A session goes on through a reload that takes its service away, and gets to its server; new ones find no listener.
mkfifo in
at client nc -N -w 5 10.1.0.2 22 <in >through &
talker=$!
exec 4>in
echo before >&4
until_true 50 'the session is there' grep -q SSH through
sed -i '/^service shell/d' proxy.prey
sed -i 's/^service web /service web2 on 10.1.0.2 tcp\/81 { mode proxy; -> web }\n&/' proxy.prey
"$bin/preyc" proxy.prey -o proxy.pbc 2>out
kill -HUP "$prey"
until_true 100 'it is reloaded' grep -q reloaded prey.err
same 'a service that a reload brings is served' "$(at client curl -s -m 5 http://10.1.0.2:81/ | grep -cE 'one|two')" 1
at client nc -z -w 1 10.1.0.2 22
ok $((! $?)) 'one that it took away has no listener'
echo after >&4
exec 4>&-
wait "$talker"
same 'a session of it goes on' "$(tr -d '\r' <through | tail -1)" 'heard 13'

kill "$web_one"
for i in 1 2 3 4; do ask 10.1.0.2; done >four
same 'a server that is gone: the next one is tried' "$(sort four | uniq -c | tr -s ' \n' ' ')" ' 4 two '
prey_ends
same 'it ends with 0' "$status" 0
