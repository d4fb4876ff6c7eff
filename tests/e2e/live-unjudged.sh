#!/usr/bin/env bash
# A slip in the name of an interface opens nothing without a word: where no firewall judges an interface that is served, or the rules
# name one that this machine lacks, a load and a reload are refused; a start judges what it can, and shuts the rest. --allow-unjudged
# with its name lets it be open, and says so.
set -u
EXEC=user # where it says no other
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@"
live_begin

between server
web server
ip -n "$id-client" route add 10.2.0.0/24 via 10.1.0.2
at prey sysctl -q -w net.ipv4.ip_forward=1

# Each pair: rules that judge all that is served, and the same with a slip; of what this machine itself gets, and what crosses it.
rules own_good <<'RULES'
firewall door on "wan" in default drop { accept icmp6 type nd; accept tcp port 22; accept tcp port 8080 as WEB }
firewall back on "lan" in default accept { }
RULES
sed 's/"wan"/"wam"/' own_good.prey | rules own_slip
sed 's/8080 as WEB/8080 as WEBS/' own_slip.prey | rules own_slip_too
echo 'firewall more on "wax" in default drop { accept icmp6 type nd }' | cat own_slip.prey - | rules own_more
sed '/"lan"/d' own_good.prey | rules own_half
rules way_good <<'RULES'
firewall across forward default drop { accept icmp6 type nd; accept tcp to port 8080 as WEB; accept state established }
RULES
sed 's/across/across on "wam"/' way_good.prey | rules way_slip
sed 's/8080 as WEB/8080 as WEBS/' way_slip.prey | rules way_slip_too
echo 'firewall more on "wax" forward default drop { accept icmp6 type nd }' | cat way_slip.prey - | rules way_more
sed 's/across/across on "wan"/' way_good.prey | rules way_half

# opens ADDRESS PORT [SECONDS]: does a connection get there? Where none is to, one second says it.
opens() { at client nc.openbsd -z -w "${3:-5}" "$1" "$2"; }

# judges EXEC KIND DIRECTION ADDRESS: the whole story, with the executor, the rules, and an address that the rules open 8080 of.
judges() {
    local exec=$1 kind=$2 words=$3 address=$4 shut=' (shut except for ARP, ND and DHCP)' open=' (open)'
    local lacks="this machine has no interface wam, which the rules name: no firewall judges packets that $words wam"
    local wan="no firewall judges packets that $words wan, as .[a-z]*. (${kind}_slip.prey:1) does for wam"
    local half="no firewall judges packets that $words lan, as .[a-z]*. (${kind}_half.prey:1) does for wan"
    at prey timeout 60 "$bin/preyrun" -i wan -i lan --preflight --exec "$exec" --allow-unjudged wgg0,lan "${kind}_good.pbc" >out 2>err </dev/null
    same "$exec: a name that stands for nothing is told" "$? $(grep -c '^preyrun: notice: --allow-unjudged wgg0 has no effect now: neither this machine nor the rules have such a device$' err) $(grep -c 'has no effect now' err)" '0 1 1'
    at prey timeout 60 "$bin/preyrun" -i wan -i lan --preflight --exec "$exec" "${kind}_slip.pbc" >out 2>err </dev/null
    same "$exec: preflight says it" "$? $(grep -c "^preyrun: notice: not judged: $wan$shut\$" err) $(grep -c "^preyrun: notice: not judged: $lacks.*$shut\$" err)" '0 1 1'

    cp "${kind}_good.pbc" file.pbc
    prey prey -i wan -i lan --exec "$exec" file.pbc
    until_true 50 "$exec: what the rules accept gets there" opens "$address" 8080 && ok 0 "$exec: what the rules accept gets there"
    ! opens "$address" 80 1
    ok $? "$exec: and nothing else"
    ctl load "${kind}_slip.pbc"
    same "$exec: a load is refused" "$status $(grep -c "$wan.*; $lacks.*: add a firewall, name the interface with -i, or correct its name; to leave it unjudged, use --allow-unjudged wan,.*; file.pbc keeps running\$" err)" '2 1'
    ctl impact "${kind}_slip.pbc"
    same "$exec: impact foresees it" "$(grep -c 'this machine has no interface wam' out)" 1
    cp "${kind}_half.pbc" file.pbc
    kill -HUP "$prey"
    hears "$exec: a reload is refused" "^preyrun: reload: $half: add a firewall, .*; the old program keeps running\$"
    ! opens "$address" 80 1
    ok $? "$exec: the program before goes on"
    ctl load --allow-unjudged "${kind}_slip.pbc"
    same "$exec: without names the option is refused, and lists them" "$status $(grep -c 'needs device names: write --allow-unjudged wan,.*wam' err)" '2 1'
    ctl load "${kind}_slip.pbc" --allow-unjudged wam
    same "$exec: and so is another name" "$status $(grep -c "$wan" err)" '2 1'
    ctl load "${kind}_slip.pbc" --allow-unjudged wan,lan,wam
    same "$exec: all of them are taken" "$status" 0
    hears "$exec: and it is told" "^preyrun: notice: not judged: $wan$open\$"
    ctl status
    same "$exec: status says it, too" "$(grep -c "^not judged: $wan$open" out)" 1
    until_true 50 "$exec: it is open" opens "$address" 80 && ok 0 "$exec: it is open"
    ctl load "${kind}_good.pbc" --confirm 1s
    hears "$exec: it may come back, where nobody confirms what follows" '^reloaded: .*_slip.pbc: .*nobody has confirmed'
    until_true 50 "$exec: as open as it was" opens "$address" 80 && ok 0 "$exec: as open as it was"
    ctl load "${kind}_good.pbc"
    ctl status
    same "$exec: with rules for all that is served nothing is told" "$(grep -c '^not judged' out)" 0
    ! opens "$address" 80 1
    ok $? "$exec: as before"
    prey_ends

    prey prey -i wan -i lan --exec "$exec" "${kind}_slip.pbc"
    hears "$exec: a start says what it shuts" "^preyrun: notice: not judged: $wan$shut\$"
    ! opens "$address" 80 1 && ! opens "$address" 8080 1
    ok $? "$exec: and shuts it"
    at client ip neigh flush all
    at client ping -q -c 1 -W 1 "$address" >out
    same "$exec: but for ARP" "$(grep -c ' 100% packet loss' out) $(at client ip neigh show 10.1.0.2 | grep -c lladdr)" '1 1'
    ctl status
    same "$exec: which status says" "$(grep -c "^not judged: $wan$shut" out)" 1
    ctl load "${kind}_slip_too.pbc"
    same "$exec: what it shuts keeps no other rules out" "$status $(grep -c "^not judged: ${wan/_slip/_slip_too}$shut; .*$lacks.*$shut\$" out)" '0 1'
    ! opens "$address" 80 1 && ! opens "$address" 8080 1
    ok $? "$exec: and stays shut"
    ctl reload
    same "$exec: nor the same ones" "$status" 0
    ctl load "${kind}_more.pbc"
    same "$exec: but a device that they do not shut does" "$status $(grep -c ": this machine has no interface wax, .*: add a firewall, name the interface with -i, or correct its name; to leave it unjudged, use --allow-unjudged wax;" err)" '2 1'
    ctl load "${kind}_slip.pbc" --allow-unjudged
    same "$exec: and --allow-unjudged still names all that there is" "$status $(grep -c 'write --allow-unjudged wan,.*wam' err)" '2 1'
    ctl load "${kind}_good.pbc"
    until_true 50 "$exec: right rules open it" opens "$address" 8080 && ok 0 "$exec: right rules open it"
    prey_ends

    prey prey -i wan -i lan --exec "$exec" --allow-unjudged 'w*' --allow-unjudged lan "${kind}_slip.pbc"
    hears "$exec: a start with the names says what is open" "^preyrun: notice: not judged: $wan$open\$"
    same "$exec: and nothing of names that devices have" "$(grep -c 'allows nothing' prey.err)" 0
    until_true 50 "$exec: and it is" opens "$address" 80 && ok 0 "$exec: and it is"
    prey_ends
}

cat >listen.py <<'PY'
import socket
for port in 80, 8080:
    s = socket.create_server(("", port), backlog=64)
    s.listen(64)
    globals()[f"s{port}"] = s
open("listens", "w").close()
while True:
    c, _ = globals()["s80"].accept()
    c.close()
PY
background prey python3 listen.py
until_true 100 'this machine listens' [ -e listens ]

judges user way 'are forwarded from' 10.2.0.2
at prey timeout 60 "$bin/preyrun" -i wan -i lan --preflight --exec kernel own_good.pbc >out 2>err </dev/null
if [ $? -eq 0 ]; then
    judges kernel way 'are forwarded from' 10.2.0.2
    judges kernel own 'arrive on' 10.1.0.2
else
    sed 's/^/# /' err
    echo "ok - in the kernel # SKIP the kernel lacks what the executor there needs"
fi

# Who only watches is told, and goes on; a name of a pattern, of a test alone, or of nothing needs no device.
prey prey -i wan -i lan --exec user --monitor own_slip.pbc
hears 'monitor tells it as a notice' '^preyrun: notice: not judged: no firewall judges packets that arrive on wan, .* does for wam (open); --monitor enforces nothing$'
prey_ends
rules fine <<'RULES'
allow W0201
interface gone = "eth9"
firewall across on "wa*" forward default drop { accept icmp6 type nd; accept tcp to port 8080; accept udp on "wg*" }
firewall back on "lan" forward default accept { }
test "elsewhere" { expect accept: tcp 10.1.0.1:5 -> 10.2.0.2:8080 syn on "wax" }
RULES
prey prey -i wan -i lan --exec user fine.pbc
same 'patterns, and names that no rule has, need no device' "$(grep -c 'not judged' prey.err)" 0

ctl status
same 'status names a rule that never matches, as the start does' "$(grep -c '^notice: fine.prey:3 never matches: the rule needs packets from wg\*, which -i doesn'\''t name$' out) $(grep -c 'notice: fine.prey:3 never matches: the rule needs packets from wg\*, which -i doesn'\''t name$' prey.err)" '1 1'

# A name is there as soon as its device is.
rules later <<'RULES'
firewall across forward default drop { accept icmp6 type nd; accept tcp to port 8080; accept udp out on "ppp0" }
RULES
ctl load later.pbc
same 'a device that comes later' "$status $(grep -c 'this machine has no interface ppp0, which the rules name.*: add a firewall' err)" '2 1'
prey_ends

at prey timeout 60 "$bin/preyrun" -i wan --preflight --exec user --monitor own_good.pbc >out 2>err </dev/null
same 'a firewall of what is not served is told of' "$? $(grep -c '^preyrun: notice: not judged: no firewall judges packets that arrive on lan.*: -i doesn'\''t name it (open)$' err)" '0 1'
at prey timeout 60 "$bin/preyrun" -i wan -i lan --exec user --monitor --allow-unjudged own_slip.pbc >out 2>err </dev/null
same 'the option without names is an error that lists them' "$? $(grep -c '^preyrun: --allow-unjudged needs device names: write --allow-unjudged wan,wam$' err)" '2 1'
[ "$failed" = 0 ]
