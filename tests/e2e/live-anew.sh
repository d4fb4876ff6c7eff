#!/usr/bin/env bash
# An interface that is removed and made anew under its name, again and again under load: nothing that comes by it gets past the
# rules before prey judges there, and it is judged soon, by either executor and each hook.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@"
live_begin

space prey late
space behind
link prey wan behind eth0
address prey wan 10.1.0.1/24
address behind eth0 10.1.0.2/24
ip -n "$id-behind" route add default via 10.1.0.1
at prey sysctl -q -w net.ipv4.ip_forward=1
rules host <<'RULES'
firewall box in default drop { accept udp to port 9; accept ip6 }
RULES
rules router <<'RULES'
firewall ways forward default drop { accept udp to port 9 }
RULES
# Floods both ports from the moment that the device is there, each round by its number, until the file `heard` has it.
cat >floods.py <<'END'
import socket, struct, sys, time
to = sys.argv[1]
def frame(port, text):
    udp = struct.pack("!HHHH", 1000, port, 8 + len(text), 0) + text
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, socket.inet_aton("10.3.0.2"), socket.inet_aton(to))
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xffff) + (total >> 16)
    head = head[:10] + struct.pack("!H", 0xffff ^ ((total & 0xffff) + (total >> 16))) + head[12:]
    return bytes.fromhex("020000000001" "020000000002" "0800") + head + udp
end = time.monotonic() + 200
while time.monotonic() < end:
    try:
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        s.bind(("eth0", 0))
        with open("round") as f: text = f.read().strip().encode()
        while True:
            for port in 10, 9: s.send(frame(port, text))
    except OSError:
        s.close()
        time.sleep(0.0005)
END
# appears: the link is there anew, with the same names and addresses.
appears() {
    ip -n "$id-prey" -batch - <<END
link add far address 02:00:00:00:00:01 type veth peer name eth0 netns $id-late
addr add 10.3.0.1/24 dev far
link set far up
END
    ip -n "$id-late" link set eth0 address 02:00:00:00:00:02 up
}
heard() { grep -qx "$1 $2" heard; } # PORT ROUND

rounds=${ROUNDS-${LONG:+12}}
rounds=${rounds:-6}
# WAY; the rules; who is asked, and at what address.
while IFS=, read -r way rules name address; do
    read -r exec hook <<<"$way"
    echo 0 >round
    appears
    prey prey --exec "$exec" ${hook:+--hook "$hook"} -i wan -i far "$rules.pbc"
    ip netns exec "$id-$name" python3 "$top/tests/e2e/live/texts.py" 9 10 >heard &
    hearing=$!
    until_true 50 "$way, $rules: both ports are listened at" grep -q ready heard
    ip netns exec "$id-late" python3 floods.py "$address" &
    flooding=$!
    pids="$pids $hearing $flooding"
    for ((n = 1; n <= rounds; n++)); do
        ip -n "$id-prey" link del far
        echo "$n" >round
        appears
        until_true 100 "$way, $rules: round $n is judged" heard 9 "$n"
    done
    kill "$flooding"
    wait "$flooding" 2>/dev/null
    kill "$hearing"
    wait "$hearing" 2>/dev/null
    same "$way, $rules: in each of $rounds rounds what the rules accept gets through" "$(grep -c '^9 [1-9]' heard)" "$rounds"
    same "$way, $rules: and in none anything else" "$(grep -c '^10 ' heard)" 0
    prey_ends
    ip -n "$id-prey" link del far
done <<'WAYS'
user,router,behind,10.1.0.2
kernel tc,router,behind,10.1.0.2
kernel tc,host,prey,10.3.0.1
kernel xdp,host,prey,10.3.0.1
WAYS

echo '# Renamed and back, under load: nothing gets behind by a name that nobody serves'
echo 0 >round
appears
prey prey --exec kernel --hook tc -i wan -i far router.pbc
ip netns exec "$id-behind" python3 "$top/tests/e2e/live/texts.py" 9 10 >heard &
hearing=$!
until_true 50 'both ports are listened at' grep -q ready heard
ip netns exec "$id-late" python3 floods.py 10.1.0.2 &
flooding=$!
pids="$pids $hearing $flooding"
until_true 100 'what the rules accept gets there' heard 9 0
for n in 1 2 3; do
    ip -n "$id-prey" link set dev far down # until 6.2 an interface that is up keeps its name
    ip -n "$id-prey" link set dev far name other
    ip -n "$id-prey" link set dev other up
    left() { [ "$(grep -c 'far is called other now' prey.err)" = "$n" ]; }
    until_true 100 "renamed, round $n" left
    ip -n "$id-prey" link set dev other down
    ip -n "$id-prey" link set dev other name far
    ip -n "$id-prey" link set dev far up
    echo "$n" >round
    kill "$flooding" && wait "$flooding" 2>/dev/null
    ip netns exec "$id-late" python3 floods.py 10.1.0.2 &
    flooding=$! pids="$pids $!"
    until_true 100 "served again, round $n" heard 9 "$n"
done
kill "$flooding" "$hearing"
wait "$flooding" "$hearing" 2>/dev/null
same 'in three rounds nothing else gets there' "$(grep -c '^10 ' heard)" 0
prey_ends
ip -n "$id-prey" link del far

echo '# Made anew with the same number and name, as one that comes back from another namespace may be'
appears
ip -n "$id-late" addr replace 10.3.0.2/24 dev eth0
rules asks <<'RULES'
firewall box in default drop { accept icmp ttl 60 }
RULES
pings() { at "$1" ping -c 2 -i 0.2 -W 1 "${@:3}" "$2" >/dev/null 2>&1 && echo answered || echo silence; }
answers() { [ "$(pings late 10.3.0.1 -t 60)" = answered ]; }
prey prey --exec kernel -i wan -i far asks.pbc
same 'requests of 60 hops are answered, others are not' "$(pings late 10.3.0.1 -t 60) $(pings late 10.3.0.1 -t 61)" 'answered silence'
number=$(at prey cat /sys/class/net/far/ifindex)
ip -n "$id-prey" link del far
ip -n "$id-prey" link add far index "$number" type veth peer name eth0 netns "$id-late"
address prey far 10.3.0.1/24
address late eth0 10.3.0.2/24
ip -n "$id-prey" link set far up
ip -n "$id-late" link set eth0 up
until_true 100 'it is judged again: those are answered' answers
same 'and others are not' "$(pings late 10.3.0.1 -t 61)" silence
prey_ends
ip -n "$id-prey" link del far

echo '# Two interfaces that exchange their names: nothing gets past by the rules of the other name'
rules two <<'RULES'
firewall box in default drop { accept icmp on "far"; accept udp to port 9 on "wan" }
RULES
appears
exchanged() { # wan and far have each other's name: until 6.2 an interface that is up keeps its own
    local l
    for l in wan far; do ip -n "$id-prey" link set dev "$l" down; done
    ip -n "$id-prey" link set dev wan name other && ip -n "$id-prey" link set dev far name wan && ip -n "$id-prey" link set dev other name far
    for l in wan far; do ip -n "$id-prey" link set dev "$l" up; done
}
ip -n "$id-late" addr replace 10.3.0.2/24 dev eth0
prey prey --exec kernel -i wan -i far two.pbc
same 'what is accepted on far is answered there' "$(pings late 10.3.0.1) $(pings behind 10.1.0.1)" 'answered silence'
stopped="$prey $(cat "/proc/$prey/task/$prey/children")"
kill -STOP $stopped
exchanged
same 'called wan, and not judged by its rules yet, that interface is shut' "$(pings late 10.3.0.1)" silence
kill -CONT $stopped
answers() { [ "$(pings behind 10.1.0.1)" = answered ]; }
until_true 100 'the interface that is called far now is judged by its rules' answers
same 'and the one that is called wan by those' "$(pings late 10.3.0.1)" silence
prey_ends
[ "$failed" = 0 ]
