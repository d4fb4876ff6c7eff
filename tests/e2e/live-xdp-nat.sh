#!/usr/bin/env bash
# Live on AF_XDP: masquerade and a port forward between two interfaces, a firewall for what crosses, other rules by SIGHUP; the
# host keeps what is its own, its pings among them.
set -u
EXEC=user # --io is user space's
: "${RECORD:=1}" # and what it did is done once more at its end
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

# An inside network, prey between, a world outside.
space client prey far
link client eth0 prey lan
link prey wan far eth0
address client eth0 10.1.0.1/24
address prey lan 10.1.0.2/24
address prey wan 10.2.0.2/24
address far eth0 10.2.0.3/24
ip -n "$id-client" route add default via 10.1.0.2
web client
web far
udp far 53

edge() { # TARGET-PORT DROPPED-PORT: of the forward; of the firewall
    cat <<END
interface lan = "lan"
interface wan = "wan"
const address = 10.2.0.2
set inside = 10.1.0.0/24
nat edge {
  masquerade from inside out on wan ports 40000-50000
  forward address tcp/8000 -> 10.1.0.1:$1
}
firewall crossing forward default accept { drop tcp to port $2 as SHUT }
END
}
edge 80 8080 | rules edge
ping_works() { # SENTENCE NAME OPTION...
    local sentence=$1 name=$2
    shift 2
    at "$name" ping -c 1 -W 20 "$@" >out
    has "$sentence" ' 0% packet loss'
}
hup() { # RULES WORDS: they are taken, or what is said
    cp "$1.pbc" edge.pbc
    : >before
    cp prey.err before
    kill -HUP "$prey"
    said() { tail -c +$(($(stat -c %s before) + 1)) prey.err | grep -q "$1"; }
    until_true 50 "$1: $2" said "$2" && ok 0 "$1: $2"
}

prey prey -i lan -i wan --io xdp --format json edge.pbc
same 'it says how' "$(grep ^ready prey.err)" 'ready: lan: lan, wan by xdp, 1 worker, edge.pbc'
same 'a request from inside arrives from the outer address' "$(ask client 10.2.0.3/from)" 10.2.0.2
head -c 2000000 /dev/urandom >web-far/file
at client curl -s -m 20 http://10.2.0.3/files/file | cmp -s - web-far/file
ok $? '2 MB come in as they are'
same 'a datagram' "$(at client "$tools/udp" ask 10.2.0.3 53)" 'far 10.2.0.2 5'
same 'one in pieces' "$(at client "$tools/udp" ask 10.2.0.3 53 0 4000)" 'far 10.2.0.2 4000'
ping_works 'a ping is translated' client 10.2.0.3
ping_works 'a ping in pieces' client -s 4000 10.2.0.3
ping_works 'the host pings by itself' prey 10.2.0.3
ping_works 'the host is pinged from inside' client 10.1.0.2
ping_works 'the host is pinged from outside, in pieces' far -s 4000 10.2.0.2
same 'the host asks by itself' "$(ask prey 10.2.0.3)" far
at client ping -c 1 -W 20 -t 1 10.2.0.3 >out
has 'who sends what lives too short is told' 'Time to live exceeded'
at client curl -s -m 20 http://10.2.0.3:81/ >out 2>&1
same 'a refusal comes back' "$?" 7
same 'that nobody listens is told from outside' "$(at client python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.connect(("10.2.0.3", 54))
s.send(b"x")
try: s.recv(1)
except Exception as e: print(type(e).__name__)')" ConnectionRefusedError
same 'the port forward' "$(ask far 10.2.0.2:8000)" client
same 'the firewall drops' "$(at client curl -s -m 1 http://10.2.0.3:8080 || echo failed)" failed

kill -USR1 "$prey"
until_true 50 'counters are printed at SIGUSR1' grep -q '^}' prey.out
adds_up 'every frame that was taken has one verdict'
truncate -s 0 prey.out

# Other rules while it runs.
edge 8080 53 | rules other
hup other '^reloaded'
same 'the firewall drops that no more' "$(ask client 10.2.0.3:8080)" far
same 'the forward leads to another port' "$(ask far 10.2.0.2:8000)" client
printf 'pool farm { server one 10.1.0.1:80 }\nservice web on 10.2.0.2 tcp/9000 { mode passthrough; -> farm }\n' | rules service
hup service '^reloaded'
same 'a service in their place is served' "$(ask far 10.2.0.2:9000)" client
printf 'firewall edge in default accept { accept tcp to port 22 }\n' | rules host
hup host 'restart preyrun to apply them'
same 'refused rules leave it' "$(ask far 10.2.0.2:9000)" client
prey_ends
same 'it ends with 0' "$status" 0
same 'what was the host'\''s went back to it' "$(python3 -c "print($(number live given) > 0)") $(number live not_given)" 'True 0'
same 'nothing was lost on the way out' "$(number live lost | tr -dc '1-9')" ''
exit $failed
