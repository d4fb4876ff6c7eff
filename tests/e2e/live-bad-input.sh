#!/usr/bin/env bash
# Live, when something is wrong: at the start it is named in one line, with status 2 and nothing changed; while running, what
# still can be served is served, and the counters say what was lost and why.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

site one
rules shop <<'RULES'
pool web { server one 10.2.0.2:80 }
pool far { server one 172.30.0.1:80 }
pool silent { server one 10.2.0.77:80 }
service shop on 10.1.0.100 tcp/80 { mode passthrough; announce; -> web }
service nowhere on 10.1.0.101 tcp/80 { mode passthrough; announce; -> far }
service nobody on 10.1.0.102 tcp/80 { mode passthrough; announce; -> silent }
RULES
untouched() { at prey nft list tables; ls "/run/prey/$(stat -L -c %i "/run/netns/$id-prey")" 2>/dev/null | grep -v lock; }
faults() { grep -v "^preyrun: notice: " err; }
says() { # SENTENCE LINE ARGUMENT...: refused with it and status 2, and nothing is changed
    local sentence=$1 line=$2
    shift 2
    timeout 20 ip netns exec "$id-prey" "$bin/preyrun" "$@" >out 2>err </dev/null
    same "$sentence" "$?|$(faults)|$(cat out)|$(untouched)" "2|preyrun: $line||"
}

# At the start.
says 'an interface that is not there' 'there is no interface `eth7`; there are: lo, wan, lan' -i eth7 shop.pbc
says 'a name that is none' '-i needs an interface' -i '' shop.pbc
says 'the same interface twice' '-i wan: the interface is given twice' -i wan -i wan shop.pbc
if ip -n "$id-prey" tuntap add tun9 mode tun 2>/dev/null; then
    # As a CAN bus is (ARPHRD_CAN, set by TUNSETLINK).
    at prey python3 -c "
import fcntl, struct
tun = open('/dev/net/tun', 'r+b', buffering=0)
fcntl.ioctl(tun, 0x400454CA, struct.pack('16sH22x', b'tun9', 0x1001))
fcntl.ioctl(tun, 0x400454CD, 280)"
    ip -n "$id-prey" link set tun9 up
    says 'an interface that carries neither Ethernet nor IP' 'tun9 carries neither Ethernet nor bare IP packets (its ARPHRD type is 280); to fix it: remove its `-i`' -i tun9 shop.pbc
    ip -n "$id-prey" link del tun9
    ip -n "$id-prey" tuntap add tun9 mode tun
    ip -n "$id-prey" link set tun9 up
    says 'a bridge of one without Ethernet' 'tun9 carries no Ethernet, so it can'\''t be a bridge port; to fix it: -i tun9 in place of --bridge' --bridge tun9:wan shop.pbc
    rules tunnels <<'RULES'
pool web { source 10.1.0.1; server one 10.2.0.2 }
service shop on 10.1.0.100 tcp/80 { mode dsr ipip; -> web }
RULES
    says 'rules that need XDP' '--exec kernel: tun9 carries no Ethernet, and XDP sees only Ethernet frames; use --exec user' -i tun9 --exec kernel tunnels.pbc
    says 'by XDP' '--hook xdp: tun9 carries no Ethernet, and XDP programs see only Ethernet frames; use --hook tc' -i tun9 --hook xdp shop.pbc
    says 'the same one twice' '-i tun9: the interface is given twice' -i tun9 -i wan -i tun9 shop.pbc
    if ip -n "$id-prey" link property add dev tun9 altname nine 2>/dev/null; then
        says 'another name of it' '`nine` is an alternative name of tun9, and preyrun takes only the first name; to fix it: -i tun9' -i wan -i tun9 -i nine shop.pbc
    fi
    says 'by AF_XDP' '--io xdp: tun9 carries no Ethernet, and AF_XDP carries only Ethernet frames; use --io packet' -i tun9 --io xdp shop.pbc
    ip -n "$id-prey" link del tun9
fi
echo garbage >garbage.pbc
says 'a program that is none' 'garbage.pbc: not a compiled prey program; compile the rules first: preyc RULES.prey -o FILE.pbc' -i wan garbage.pbc
: >empty.pbc
says 'an empty one' 'empty.pbc: not a compiled prey program; compile the rules first: preyc RULES.prey -o FILE.pbc' -i wan empty.pbc
head -c 300 shop.pbc >short.pbc
says 'one that breaks off' "short.pbc: truncated: 300 bytes of $(stat -c %s shop.pbc); compile the rules again: preyc RULES.prey -o FILE.pbc" -i wan short.pbc
says 'a folder' "$work: not a regular file" -i wan "$work"
says 'a name with a slash' '--name: `../x` isn'\''t a name: at most 30 letters, digits, `_`, `.`, `-`' -i wan --name ../x shop.pbc
at prey setpriv --bounding-set -net_raw,-net_admin --inh-caps -all --reuid 65534 --regid 65534 --clear-groups \
    "$bin/preyrun" -i wan shop.pbc >out 2>err
same 'as nobody' "$?|$(faults)" '2|preyrun: preyrun must run as root (sudo): it lacks the capabilities CAP_NET_ADMIN and CAP_NET_RAW'
timeout 20 ip netns exec "$id-prey" "$bin/preyrun" -i lo --io xdp shop.pbc >out 2>err </dev/null
same '--io xdp where there is none' "$?|$(faults | wc -l)|$(faults | grep -c xdp)|$(untouched)" '2|1|1|'

# While it runs.
for workers in 1 2; do
    ulimit -S -n 16 # which preyrun raises
    prey prey -i wan -i lan --workers $workers --format json shop.pbc
    ulimit -S -n 1024
    same "$workers: a server without a route is named" "$(grep -c '^preyrun: notice: no route leads to server far/one, 172.30.0.1' prey.err)" 1
    same "$workers: it serves" "$(ask client 10.1.0.100)" one
    at prey "$bin/preyrun" -i wan shop.pbc 2>err
    same "$workers: a second of the name is refused" "$? $(faults | sed 's/process [0-9]*/process N/')" \
        '2 preyrun: another preyrun named `wan` already runs here (process N): use `preyctl load` to change its rules, or `preyctl takeover` to change its options or version'
    ask client 10.1.0.101 1 >nowhere
    ask client 10.1.0.102 2 >nobody
    same "$workers: no route, and nobody there" "$(cat nowhere nobody | tr '\n' ' ')" 'failed: 28 failed: 28 '
    same "$workers: others are served meanwhile" "$(ask client 10.1.0.100)" one

    # Its link carries less: the sender is told, and sends less.
    ip -n "$id-prey" link set lan mtu 700
    head -c 200000 /dev/zero >upload
    narrow() { [ "$(at client curl -s -m 3 --data-binary @upload http://10.1.0.100/)" = one ]; }
    until_true 10 "$workers: through a narrow link" narrow && ok 0 "$workers: through a narrow link"
    ip -n "$id-prey" link set lan mtu 1500

    ip -n "$id-prey" link set lan down
    until_true 50 "$workers: down is told" grep -q '^preyrun: lan is down' prey.err
    ip -n "$id-prey" link set lan up
    up() { [ "$(ask client 10.1.0.100 1)" = one ]; }
    until_true 20 "$workers: down, and up again" up && ok 0 "$workers: down, and up again"

    guards=$(at prey nft list table netdev prey_wan | grep -c 'devices = { lan, wan }')
    ok $((guards == 0)) "$workers: guard rules stand on it"
    ip -n "$id-prey" link del lan
    until_true 50 "$workers: gone is told" grep -q '^preyrun: lan is gone' prey.err
    link prey lan inside "again$workers"
    ip -n "$id-inside" link set "again$workers" master bridge
    address prey lan 10.2.0.1/24 fd00:2::1/64
    until_true 50 "$workers: back is told" grep -q '^preyrun: lan is back' prey.err
    until_true 20 "$workers: gone, and back again" up && ok 0 "$workers: gone, and back again"
    same "$workers: guard rules stand on it again" "$(at prey nft list table netdev prey_wan | grep -c 'devices = { lan, wan }')" "$guards"

    # Back while descriptors are short: it is tried again until there are some.
    service=$(cat "/proc/$prey/task/$prey/children")
    for ((free = 0; ; free++)); do [ -e "/proc/$prey/fd/$free" ] || break; done
    prlimit --pid "$prey" --nofile=$free: # which has no other left
    prlimit --pid "${service% }" --nofile=16: # below what it polls, poll itself would fail
    ip -n "$id-prey" link del lan
    link prey lan inside "short$workers"
    ip -n "$id-inside" link set "short$workers" master bridge
    address prey lan 10.2.0.1/24 fd00:2::1/64
    until_true 50 "$workers: too few descriptors are told of" grep -q 'Too many open files' prey.err
    at prey nft flush ruleset
    until_true 50 "$workers: so are guard rules that can't be set" grep -q "prey can't set its guard rules: Too many open files; prey tries again every second" prey.err
    for p in $prey $service; do prlimit --pid "$p" --nofile=1024:; done
    until_true 50 "$workers: with descriptors again, served again" up && ok 0 "$workers: with descriptors again, served again"
    until_true 50 "$workers: and guard rules are told to stand again" grep -q 'guard rules are back' prey.err
    same "$workers: they do" "$(at prey nft list table netdev prey_wan | grep -c 'devices = { lan, wan }')" "$guards"
    truncate -s 0 prey.out
    prey_ends
    same "$workers: it ends with 0" "$status" 0
    same "$workers: the counters say why" "$(python3 -c "print($(number live lost no_way) > 0, $(number live lost neighbour) > 0)")" 'True True'
    grep -q '^preyrun: packets lost, because no route leads to their destination: ' prey.err
    ok $? "$workers: so does the log"
    adds_up "$workers: every frame has one verdict"
    same "$workers: nothing is left" "$(untouched)" ''
done
exit $failed
