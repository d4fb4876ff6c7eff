#!/usr/bin/env bash
# `mode proxy inline` beside the executor in the kernel: what comes up, and what does not; sessions that were open before; a reload,
# a recording, and a kill after which the programs in the kernel go on judging.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - connections in the wire beside the kernel executor, live # SKIP this machine lets us mount no file system of BPF'; exit 0; }
live_begin
RECORD=0 # this script records by itself

between one
web one
payload 1000000 one
ip -n "$id-client" route add default via 10.1.0.2
ip -n "$id-client" -6 route add default via fd00:1::2
client=$top/tests/e2e/live/inline.py
at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
rules web <<'RULES'
service wire on any tcp/80-86 { mode proxy inline }
firewall f forward default drop {
  accept state established, related
  accept tcp port 80-90, 8080 as OPEN
  accept icmp
}
RULES
sed 's/80-90/80-91/' web.prey | rules again

# One that is open when prey begins: its SYN was not seen.
holds() { # NAME ADDRESS PORT: in the background, into holds.NAME; ${holder[NAME]} is its process
    : >"holds.$1"
    background client python3 "$client" holds "$2" "$3" >"holds.$1"
    holder[$1]=$last
    until_true 100 "a connection to $2 is open" grep -q open "holds.$1"
}
declare -A holder
holds before 10.2.0.2 80
prey prey -i wan -i lan --record tape --format json web.pbc
ups() { ctl counters kernel.up.inline; sed -n 's/^kernel\.up\.inline  *//p' out | tr -d ,; }
kill -USR1 "${holder[before]}"
wait "${holder[before]}"
same 'a session of before goes on, untouched' "$(tail -n 1 holds.before)" answered
same 'and stays in the kernel' "$(ups)" 0

for server in 10.2.0.2 '[fd00:2::2]'; do
    same "the server at $server sees the client's own address" "$(ask client "$server/from")" "$(case $server in *:*) echo fd00:1::1 ;; *) echo 10.1.0.1 ;; esac)"
    fetches "1 MB arrives as it is from $server" client "$server"
done
same 'short connections, none failed' "$(at client python3 "$client" short 10.2.0.2 80 50)" '50 of 50'
came=$(ups)
[ "$came" -gt 200 ]
ok $? 'their packets come up'

# Others' packets stay where they are, also while connections in the wire are open.
holds wire 10.2.0.2 80
holds wire6 fd00:2::2 80
came=$(ups)
fetches '1 MB of no service' client 10.2.0.2:8080
fetches '1 MB of no service in IPv6' client '[fd00:2::2]:8080'
same 'none of it comes up' "$(ups)" "$came"
ctl flows tcp
has 'both are listed' '10\.1\.0\.1:[0-9]+ +10\.2\.0\.2:80 +.*wire'
background prey "$bin/preyctl" trace tcp port 80 >traced 2>&1
sleep 0.3
same 'one more' "$(ask client 10.2.0.2/)" one
traces() { grep -q '10\.1\.0\.1' traced; }
until_true 100 'it is traced' traces && ok 0 'it is traced'

# A reload, to rules that have the service, too: connections go on.
ctl load again.pbc
same 'a reload takes other rules' "$status" 0
for name in wire wire6; do
    kill -USR1 "${holder[$name]}"
    wait "${holder[$name]}"
    same "a connection goes on under them ($name)" "$(tail -n 1 "holds.$name")" answered
done
prey_ends
same 'it ends well' "$status" 0
replays_alike 'its recording is replayed alike' tape

# The service is killed, and the programs in the kernel are not: segments of interrupted connections are answered by RST.
prey prey -i wan -i lan --format json web.pbc
holds killed 10.2.0.2 80
holds killed6 fd00:2::2 80
background one python3 "$client" tells 10.2.0.2 85 >tells
teller=$last
until_true 100 'a server listens' grep -q listens tells
holds told 10.2.0.2 85
until_true 100 'its client is connected' grep -q accepted tells
prey_killed "$(pgrep -P "$prey")"
cp prey.err out
has 'interrupted connections are told of' '^preyrun: 3 interrupted connections are answered by RST, for 120 s'
resets=$(sed -n 's/.*by process \([0-9]*\)$/\1/p' prey.err)
pids="$pids $resets"
for name in killed killed6; do
    kill -USR1 "${holder[$name]}"
    wait "${holder[$name]}"
    same "a client gets a reset ($name)" "$(tail -n 1 "holds.$name")" reset
done
kill -USR1 "$teller"
wait "$teller"
same 'a server that speaks gets a reset' "$(tail -n 1 tells)" reset
same 'the process has no capability' "$(sed -n 's/^CapEff:\t//p' "/proc/$resets/status")" 0000000000000000
prey prey -i wan -i lan --format json web.pbc
until_true 100 'the next start ends it' is_over "$resets"
same 'new connections are served' "$(ask client 10.2.0.2/from)" 10.1.0.1
prey_ends
same 'it ends well' "$status" 0

# All of what crosses, by this executor; the lab runs it on each kernel (tests/machines/).
if [ -n "${LONG-}" ]; then
    (cd "$top" && W=1 EXEC=kernel bash tests/e2e/live-inline-routed.sh) || failed=1
fi
exit $failed
