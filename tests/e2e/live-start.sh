#!/usr/bin/env bash
# Live start and stop: what is refused and with which words, what is only watched, what stays on the host after an end and
# after a kill.
set -u
EXEC=user # it compares what is told of frames on packet sockets
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey
link client eth0 prey eth0
address client eth0 10.1.0.1/24 fd00:1::1/64
address prey eth0 10.1.0.2/24 fd00:1::2/64
web prey

rules none <<'END'
pool farm {
  source 10.1.0.50
  server one 10.1.0.3
}
service web on 10.1.0.100 tcp/80 {
  mode passthrough; announce
  -> farm
}
END
rules lost <<<"$(sed 's/10.1.0.3/203.0.113.9/' none.prey)"
rules mine <<<"$(sed 's/10.1.0.50/10.1.0.2/' none.prey)"
rules firewall <<'END'
firewall edge in default accept {
  drop tcp port 8080 as CLOSED
  reject udp port 9 as REJECTED
  accept tcp port 80 as WEB
}
END
says() { # SENTENCE LINE ARGUMENT...: refused with it and status 2
    local sentence=$1 line=$2
    shift 2
    timeout 20 ip netns exec "$id-prey" "$bin/preyrun" "$@" >out 2>err </dev/null
    same "$sentence" "$?|$(cat err)|$(cat out)" "2|preyrun: $line|"
}
says 'an interface that is not there' 'there is no interface `eth7`; there are: lo, eth0; to fix it: -i eth0' -i eth7 none.pbc
says 'rules as text' 'none.prey is a rule file, not a compiled program; compile it first: preyc none.prey -o none.pbc' -i eth0 none.prey
timeout 20 "$bin/preyrun" -r /dev/null none.prey >out 2>err
same 'a replay says the same' "$?|$(cat err)" '2|preyrun: none.prey is a rule file, not a compiled program; compile it first: preyc none.prey -o none.pbc'
timeout 20 "$bin/preyrun" --replay . none.prey >out 2>err
same 'so does one of a recording' "$?|$(cat err)" '2|preyrun: none.prey is a rule file, not a compiled program; compile it first: preyc none.prey -o none.pbc'
says 'rules that are not there' 'nobody.prey: No such file or directory' -i eth0 nobody.prey
says 'a program that is not there' 'none: No such file or directory' -i eth0 none
says 'what can only be watched' \
    "firewall.prey:2 may drop this machine's own traffic, which only the kernel executor can block: start without --exec user, or add --monitor to count that traffic and let it pass" \
    -i eth0 --exec user firewall.pbc
ip -n "$id-prey" link set eth0 down
says 'an interface that is down' 'eth0 is down; to fix it: ip link set eth0 up' -i eth0 none.pbc
ip -n "$id-prey" link set eth0 up
address prey eth0 fd00:1::2/64
at prey setpriv --bounding-set -net_raw,-net_admin --inh-caps -all --reuid 65534 --regid 65534 --clear-groups \
    "$bin/preyrun" -i eth0 none.pbc >out 2>err
same 'without the right' "$?$(grep -c 'sudo' err)" 21
at prey "$bin/preyrun" --preflight --exec user -i eth0 lost.pbc >out 2>lost
same 'no route to a server is worth a line' "$?|$(cat lost)" "0|preyrun: notice: no route leads to server farm/one, 203.0.113.9; to fix it: ip route add 203.0.113.9 via GATEWAY
preflight: no obstacles"
at prey "$bin/preyrun" --preflight --exec user -i eth0 mine.pbc >out 2>mine
same 'so is translating to an address that is its own' "$?|$(cat mine)" "0|preyrun: notice: pool farm translates to an \
address of this machine itself and to ports from 1024 on; this machine's own connections to the pool's servers then can't use these ports; to fix it, leave out \`source\`
preflight: no obstacles"
at prey "$bin/preyrun" --preflight --exec user -i eth0 none.pbc >out 2>err
same '--preflight only looks' "$?|$(cat err)|$(at prey nft list ruleset)" '0|preflight: no obstacles|'

# Watched: judged and counted, and yet let in; a reject is not answered for the host.
prey prey -i eth0 --monitor --format json firewall.pbc
same 'ready says what is only watched' "$(cat prey.err)" \
    'ready: eth0: eth0 by packet, 1 worker, firewall.pbc; packets to this machine itself are only counted'
same 'what the rules drop gets through' "$(at client curl -s -m 20 http://10.1.0.2:8080/)" prey
background prey nc -u -l -k -p 9 >/dev/null
until_true 50 'nc listens' at prey sh -c 'ss -lun | grep -q :9'
at client sh -c 'echo x | nc -u -w1 10.1.0.2 9' >/dev/null 2>&1
same 'the client heard no reject' $? 0
truncate -s 0 prey.out
prey_ends
adds_up 'every frame has one verdict'
dropped=$(($(number verdicts drop packets) + $(number verdicts reject packets)))
same 'what was dropped and rejected was watched' "$(number live watched) $((dropped > 3))" "$dropped 1"
same 'no answer was sent' "$(number interfaces 0 sent)" 0

# What is changed on the host.
prey prey -i eth0 --name edge none.pbc
at prey nft list tables >tables
same 'guard rules stand while it runs' "$(cat tables)" 'table netdev prey_edge'
says 'the same name twice' "$(at prey "$bin/preyrun" -i eth0 --name edge none.pbc 2>&1 | sed 's/^preyrun: //')" -i eth0 --name edge none.pbc
grep -q edge err
ok $? 'and the line names it'
prey_ends
same 'a stop takes them away' "$status$(at prey nft list tables)" 0
for again in 1 2 3; do
    prey prey -i eth0 --name edge none.pbc
    prey_killed
    same "kill $again: they stay" "$(at prey nft list tables)" 'table netdev prey_edge'
done
prey prey -i eth0 --name edge none.pbc
prey_ends
same 'the next start and end take them away' "$status$(at prey nft list tables)" 0
prey prey -i eth0 --name edge none.pbc
prey_killed
at prey setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs "$bin/preyrun" --cleanup --name edge >out 2>err
same '--cleanup without rights says what it needs' "$?$(at prey nft list tables) $(cat err)" \
    '2table netdev prey_edge preyrun: --cleanup: Permission denied: run it as root, with sudo'
at prey "$bin/preyrun" --cleanup --name edge >out 2>err
same 'so does --cleanup' "$?$(at prey nft list tables)" 0
# An end by the keyboard, too.
prey prey -i eth0 none.pbc
kill -INT "$prey"
wait "$prey"
same 'SIGINT ends it with 0' "$?" 0
exit $failed
