#!/usr/bin/env bash
# What the host's own stack does not do while prey runs: answer for a service, forward a second time; what stays its own; and
# that nothing is left after the end, a kill and the next start, a kill and --cleanup.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey server
link client eth0 prey eth0
link prey eth1 server eth0
address client eth0 10.1.0.1/24 fd00:1::1/64
address prey eth0 10.1.0.2/24 fd00:1::2/64
address prey eth1 10.2.0.2/24 fd00:2::2/64
address server eth0 10.2.0.1/24 fd00:2::1/64
for n in client:10.1.0.2:fd00:1::2 server:10.2.0.2:fd00:2::2; do
    v4=${n#*:}
    ip -n "$id-${n%%:*}" route add default via "${v4%%:*}"
    ip -n "$id-${n%%:*}" -6 route add default via "${v4#*:}"
done
at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.ip_local_port_range='32768 62000'
web server

# The service's address is the host's own, where nothing listens.
rules own <<'END'
pool farm {
  server one 10.2.0.1:80
  server one6 [fd00:2::1]:80
}
service web on 10.1.0.2, fd00:1::2 tcp/8000 {
  mode passthrough
  -> farm
}
service kept on 10.1.0.77 tcp/80 {
  mode passthrough keep source
  announce
  -> kept_farm
}
pool kept_farm { server one 10.2.0.1:80 }
END
same 'without prey the host refuses' "$(ask client 10.1.0.2:8000)" 'failed: 7'
prey prey -i eth0 -i eth1 --format json own.pbc
for i in 1 2 3 4 5; do ask client 10.1.0.2:8000; ask client '[fd00:1::2]:8000'; ask client 10.1.0.77; done >out
same 'a service on an address of the host, and one that keeps sources' "$(sort out | uniq -c | tr -s ' ')" ' 15 server'
same "the host's own connection to a server" "$(at prey curl -s -m 20 http://10.2.0.1/)" server
same "the host's other ports still refuse" "$(ask client 10.1.0.2:8001)" 'failed: 7'
at client ping -c 1 -W 20 -s 4000 10.1.0.2 >out
has 'a ping in fragments to the same address' ' 0% packet loss'
at client ping -c 1 -W 20 10.2.0.1 >out
has 'what is not handled here the host still forwards' ' 0% packet loss'
same 'ports that are translated to are reserved' "$(at prey sysctl -n net.ipv4.ip_local_reserved_ports)" 61000-62000
# In user space a second table hides what no socket takes.
tables='table netdev prey_eth0'
told 'by packet' && tables+=$'\ntable inet prey_eth0'
same 'the rules carry the name of the instance' "$(at prey nft list tables)" "$tables"
seeing prey "$bin/preyrun" --cleanup 2>err
same 'a run that lives is left alone' "$? $(cat err)" '0 preyrun: left alone: the running instance `eth0`'
at prey "$bin/preyrun" -i eth0 -i eth1 own.pbc 2>err
same 'a second of the name is refused' "$? $(sed 's/process [0-9]*/process N/' err)" \
    '2 preyrun: another preyrun named `eth0` already runs here (process N): use `preyctl load` to change its rules, or `preyctl takeover` to change its options or version'
prey_ends
same 'it ends with 0' "$status" 0

nothing_left() {
    same "$1: no rules" "$(at prey nft list tables)" ''
    same "$1: no reserved ports" "$(at prey sysctl -n net.ipv4.ip_local_reserved_ports)" ''
    same "$1: no state" "$(ls -d "/run/prey/$(stat -L -c %i "/run/netns/$id-prey")" 2>/dev/null)" ''
}
nothing_left 'after the end'
for i in 1 2 3 4 5; do
    prey prey -i eth0 -i eth1 own.pbc
    same "start $i: a service" "$(ask client 10.1.0.2:8000)" server
    prey_killed
done
same 'a crash is closed: the host does not answer' "$(at client curl -s -m 1 http://10.1.0.2:8000/ || echo "failed: $?")" 'failed: 28'
prey prey -i eth0 -i eth1 own.pbc
cp prey.err out
has 'the next start says what it takes away' 'undone: the table of nftables `prey_eth0`'
prey_ends
nothing_left 'after kills and an end'
prey prey -i eth0 -i eth1 own.pbc
prey_killed
seeing prey "$bin/preyrun" --cleanup 2>err
same 'cleanup ends with 0' "$? $(grep -c 'left alone' err)" '0 0'
nothing_left 'after a kill and a clean-up'
exit $failed
