#!/usr/bin/env bash
# A masquerade whose ports cover all that this machine's own connections are given: some stay with these, and each has its own; so have
# sockets that were bound before. One that is bound later is told and counted, and nobody is given its port. By the executor in user
# space, then by the one in the kernel, where this machine lets us pin programs.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
executors='user kernel'
pins "$@" || executors=user
live_begin

space client prey far
link client eth0 prey lan
link prey wan far eth0
address client eth0 10.1.0.1/24
address prey lan 10.1.0.2/24
address prey wan 10.2.0.2/24
address far eth0 10.2.0.3/24
ip -n "$id-client" route add default via 10.1.0.2
at prey sysctl -q -w net.ipv4.ip_local_port_range='32768 60999'

cat >port.py <<'END'
# serve PORT NAME: answers with its name and the port that it hears; ask ADDRESS PORT FROM[@ADDRESS]...: each answer; hold PORT.
import socket, sys, time
def udp(port, address=""):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, int(port)))
    s.settimeout(2)
    return s
if sys.argv[1] == "serve":
    s = udp(sys.argv[2])
    s.settimeout(None)
    while True:
        _, peer = s.recvfrom(100)
        s.sendto(f"{sys.argv[3]} {peer[1]}".encode(), peer)
elif sys.argv[1] == "hold":
    s = udp(sys.argv[2])
    print("held", flush=True)
    time.sleep(600)
for port in sys.argv[4:]:
    s = udp(*port.split("@"))
    for _ in range(5):
        s.sendto(b"question", (sys.argv[2], int(sys.argv[3])))
        try:
            print(s.recv(100).decode())
            break
        except (TimeoutError, ConnectionRefusedError):
            pass
    else:
        print("nothing")
END
# asks NAME ADDRESS PORT FROM...: what a server there answers each of these ports.
asks() {
    local name=$1
    shift
    at "$name" python3 "$work/port.py" ask "$@"
}

rules home <<'END'
interface wan = "wan"
set inside = 10.1.0.0/24
nat home { masquerade from inside out on wan ports 32768-65535 }
END
sed 's/32768-65535/61000-65535/' home.prey | rules narrow
sed 's/32768-65535/33000-34000/' home.prey | rules few
rules none <<'END'
interface wan = "wan"
firewall gate forward default accept { }
END

background far python3 port.py serve 7 far
background prey python3 port.py serve 40000 prey
until_true 100 'a server answers at far' asks far 127.0.0.1 7 0
until_true 100 'a server answers at prey' asks prey 127.0.0.1 40000 0

# given PORT: a client that was never heard before has it, on its next address.
given() {
    address client eth0 "10.1.0.$((next += 1))/24"
    at client python3 port.py ask 10.2.0.3 7 "$1@10.1.0.$next" | grep -q "far $1"
}
next=10

# reserved: what the kernel gives to no connection of its own.
reserved() { at prey cat /proc/sys/net/ipv4/ip_local_reserved_ports; }

for executor in $executors; do
    prey prey -i lan -i wan --exec "$executor" --stats 127.0.0.1:8404 home.pbc
    awaits '^preyrun: notice: ports 32768-36863 stay reserved for this machine'
    awaits '^preyrun: notice: 1 port of `masquerade`, such as udp 40000, has a socket'
    same "$executor: the rest is kept from the machine's own connections" "$(reserved)" 36864-60999
    asks prey 10.2.0.3 7 0 0 0 0 >out
    same "$executor: the machine's own have answers, on ports that stay with it" \
        "$(awk '$1 == "far" && $2 >= 32768 && $2 <= 36863' out | wc -l)" 4
    same "$executor: and its socket hears who asks" "$(asks far 10.2.0.2 40000 5000)" 'prey 5000'
    same "$executor: a client keeps its port" "$(asks client 10.2.0.3 7 45000)" 'far 45000'
    # What comes for that port is the client's, from whomever, and its own in the host's range never.
    asks client 10.2.0.3 7 40000 32768 33000 36863 2000 2001 2002 2003 >out
    same "$executor: but for one that is the machine's, and others are drawn outside of what it draws from" \
        "$(awk '$1 == "far" && $2 >= 61000' out | wc -l)" 8

    # Later.
    : >held
    background prey python3 -u port.py hold 45001 >held
    holder=$last
    until_true 100 'the port is bound' [ -s held ]
    hears "$executor: a socket that is bound later is told" 'masquerade.* has bound since the start.*, udp 45001: 1$'
    same "$executor: nobody is given its port" "$(asks client 10.2.0.3 7 45001 | grep -c 'far 6[1-5]')" 1
    at prey curl -s http://127.0.0.1:8404/stats.json >out
    has "$executor: it is counted" '"limit": *"bound", *"reached": *1[,}]|"limit":	"bound"'
    kill "$holder"
    wait "$holder" 2>/dev/null
    until_true 100 "$executor: when it is closed, its port is given out again" given 45001
    prey_ends
    same "$executor: what was reserved is given back" "$(reserved)" ''

    # Rules that translate to more ports than those before.
    prey prey -i lan -i wan --exec "$executor" narrow.pbc
    ctl load home.pbc
    same "$executor: a load of rules with more ports" "$status" 0
    hears "$executor: says what stays with this machine" '^preyrun: notice: ports 32768-36863 stay reserved for this machine'
    same "$executor: leaves a socket its own" "$(asks far 10.2.0.2 40000 5001)" 'prey 5001'
    ctl load none.pbc
    background prey python3 port.py serve 50000 between
    between=$last
    until_true 100 'a server answers at prey, on a port that lingers' asks prey 127.0.0.1 50000 0
    ctl load home.pbc
    same "$executor: and a socket that is bound while none has them" "$(asks far 10.2.0.2 50000 5002)" 'between 5002'
    kill "$between"
    wait "$between" 2>/dev/null
    # To fewer than stay with this machine: not before a restart, which is what it says.
    ctl impact few.pbc
    has "$executor: impact of rules whose ports stay with this machine" 'restart preyrun'
    ctl load few.pbc
    same "$executor: they are refused" "$(grep -c 'the ports divided at the start would leave none for translation .*: restart preyrun' err)" 1
    prey_ends
done
