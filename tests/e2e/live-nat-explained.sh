#!/usr/bin/env bash
# preyctl explain, of packets that a nat translates, in both executors: as whom and to whom they leave, by their flow and of a flow
# that would begin; and that a client is refused whose ports are used up, as its packets are.
set -u
EXEC=user # where it says no other
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

between one
udp client 53
at prey sysctl -q -w net.ipv4.ip_forward=1
rules nat <<'RULES'
interface wan = "wan"
firewall f forward default drop {
  accept state established as OLD
  accept from 10.2.0.0/24 as OUT
  accept tcp to 10.2.0.2 port 80 as IN
}
nat home {
  masquerade from 10.2.0.0/24 out on wan ports 40000-40002
  forward self tcp/8080 -> 10.2.0.2:80
}
RULES

# lost_ports: whether the limit was reached as often as packets were dropped
cat >ports.py <<'END'
import json
d = json.load(open("out"))
reached = next(l["reached"] for l in d["limits"] if l["limit"] == "ports")
dropped = d["reasons"]["no-source-port"]["packets"]
print("equal" if reached == dropped > 0 else f"{reached} {dropped}")
END
lost_ports() { # workers tell of limits once a second
    sleep 2
    ctl --json status
    python3 ports.py
}
# explains SENTENCE PACKET WANTED: the lines from where it leaves on, and the verdict.
explains() {
    ctl explain "$2"
    same "$on: $1" "$(grep -A1 -E '^(verdict|leaves)' out | grep -v '^--' | tr -s ' ' | tr '\n' '|')" "$3"
}
for on in user kernel; do
    prey prey -i wan -i lan --exec $on nat.pbc
    explains 'a masquerade, whose port is the own one' 'udp 10.2.0.2:40001 -> 10.1.0.1:53 on lan' \
        'verdict: forward rule OUT|leaves source 10.2.0.2:40001 -> 10.1.0.2:40001|'
    explains 'a masquerade, whose port is drawn' 'udp 10.2.0.2:5000 -> 10.1.0.1:53 on lan' \
        'verdict: forward rule OUT|leaves source 10.2.0.2:5000 -> 10.1.0.2, a free port, chosen at random|'
    explains 'a forward' 'tcp 10.1.0.1:5000 -> 10.1.0.2:8080 syn on wan' \
        'verdict: forward rule -|leaves destination 10.1.0.2:8080 -> 10.2.0.2:80|'
    ctl --json explain 'tcp 10.1.0.1:5000 -> 10.1.0.2:8080 syn on wan'
    has "$on: the same as JSON" '"rewritten":\[\{"field":"destination","before":"10.1.0.2:8080","after":"10.2.0.2:80"\}\]'
    explains 'what no nat takes' 'tcp 10.1.0.1:5000 -> 10.2.0.2:80 syn on wan' 'verdict: accept rule IN|'
    same "$on: a flow begins" "$(talk one 10.1.0.1 53 40001 | cut -d' ' -f1)" client
    explains 'its next packet' 'udp 10.2.0.2:40001 -> 10.1.0.1:53 on lan' \
        'verdict: forward rule OLD|leaves source 10.2.0.2:40001 -> 10.1.0.2:40001|'
    explains 'its answer' 'udp 10.1.0.1:53 -> 10.1.0.2:40001 on wan' \
        'verdict: forward rule -|leaves destination 10.1.0.2:40001 -> 10.2.0.2:40001|'
    for port in 40000 40001 40002; do # a question with its answer would give its port up
        for i in 1 2; do talk one 10.1.0.1 53 $port >/dev/null; done
    done
    explains 'all ports are used up' 'udp 10.2.0.2:5000 -> 10.1.0.1:53 on lan' \
        'verdict: drop rule OUT reason no-source-port|'
    same "$on: so it is" "$(at one "$tools/udp" ask 10.1.0.1 53 5000 2>&1 || echo nothing)" nothing
    ctl status
    has "$on: status counts those that were refused by their reason" '^  dropped +[1-9][0-9]* no-source-port$'
    same "$on: limit ports counts each of them once" "$(lost_ports)" equal
    explains 'those that have one go on' 'udp 10.2.0.2:40002 -> 10.1.0.1:53 on lan' \
        'verdict: forward rule OLD|leaves source 10.2.0.2:40002 -> 10.1.0.2:40002|'
    prey_ends
    same "$on: it ends with 0" $status 0
done

# Targets and ways by which nothing leaves: the start, --preflight and explain say so, once.
link prey aside client eth9
address prey aside 10.8.0.1/24
ip -n "$id-prey" route add 10.9.0.0/24 dev aside
rules nowhere <<'RULES'
firewall f forward default accept { }
nat n {
  forward any on "lan" udp/53, tcp/53 -> 10.1.0.2
  masquerade out on "aside"
}
RULES
prey prey -i wan -i lan --exec kernel --allow-unjudged aside nowhere.pbc
same 'a target that is this machine itself is told once' "$(grep -c 'the target of nat n, 10.1.0.2, is this machine itself' prey.err)" 1
explains 'what is sent to it' 'udp 10.2.0.2:5000 -> 10.9.9.9:53 on lan' \
    'verdict: forward rule default|leaves destination 10.9.9.9:53 -> 10.1.0.2:53|lost 10.1.0.2 is this machine itself, which forwarded packets can'\''t reach|'
ctl explain 'udp 10.2.0.2:5000 -> 10.9.0.9:99 on lan'
has 'so is what a nat takes and a device without a port would send' '^lost +the route to 10.9.0.9 leaves by aside, which -i doesn'\''t name$'
ctl --json explain 'udp 10.2.0.2:5000 -> 10.9.0.9:99 on lan'
has 'the same as JSON' '"lost":"the route to 10.9.0.9 leaves by aside'
ctl status
has 'and status says it' 'packets for a nat are lost when they leave by aside'
prey_ends
exit $failed
