#!/usr/bin/env bash
# The service of `mode proxy inline` is killed: who has a connection open gets a reset for its next segment, at either
# end, in IPv6 too, and nobody else gets one. The next start takes over at once.
set -u
EXEC=user # its bridges are user space's
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

across left right
web right
rules plain <<'END'
service wire on any tcp/80-85 { mode proxy inline }
firewall f forward default accept { }
END
client="$top/tests/e2e/live/inline.py"

prey prey --bridge a:b --format json plain.pbc
holders=()
for server in 10.1.0.2 fd00:1::2; do
    background left python3 "$client" holds "$server" 80 >"holds.${#holders[@]}"
    until_true 100 "a connection to $server is open" grep -q open "holds.${#holders[@]}"
    holders+=("$last")
done
# A server that speaks, and one behind a connection of no service, which crosses as it is.
for port in 85 86; do
    background right python3 "$client" tells 10.1.0.2 "$port" >"tells.$port"
    tells[port]=$last
    until_true 100 "a server listens on port $port" grep -q listens "tells.$port"
    background left python3 "$client" holds 10.1.0.2 "$port" >"client.$port"
    until_true 100 "its client is connected to port $port" grep -q accepted "tells.$port"
done
cp prey.err out
has 'the start tells the memory of a connection in the wire' 'while idle, [0-9]+ at most; an inline connection takes [0-9.]+ KiB more, plus some pages of tables while few are open$'
service=$(pgrep -P "$prey")
prey_killed "$service"
cp prey.err out
has 'the end is told' 'the service was ended by signal 9'
has 'so are interrupted connections' '^preyrun: 3 interrupted connections are answered by RST, for 120 s'
resets=$(sed -n 's/.*by process \([0-9]*\)$/\1/p' prey.err)
pids="$pids $resets"
# A stranger sends more than its queue holds, and descriptors with it: it takes none, and goes on.
descriptors() { ls "/proc/$resets/fd" | wc -l; }
before=$(descriptors)
same 'a stranger has sent it datagrams' "$(at prey python3 "$client" floods - 1000)" sent
same 'it has no descriptor of a stranger' "$(descriptors)" "$before"
for i in 0 1; do
    kill -USR1 "${holders[i]}"
    wait "${holders[i]}"
    same "client $i gets a reset" "$(tail -n 1 "holds.$i")" reset
done
kill -USR1 "${tells[85]}"
wait "${tells[85]}"
same 'a server that speaks gets a reset' "$(tail -n 1 tells.85)" reset
sniff others.pcap right eth0 tcp port 86
kill -USR1 "${tells[86]}"
of() { tcpdump -n -r others.pcap "$1" 2>/dev/null | wc -l; }
has_repeated() { [ "$(of 'src host 10.1.0.2')" -ge 3 ]; }
until_true 100 'the server of others repeats its segment' has_repeated
sniffed
same 'the connection of others is not reset' "$(of 'tcp[tcpflags] & tcp-rst != 0')" 0
same 'the process has no capability' "$(sed -n 's/^CapEff:\t//p' "/proc/$resets/status")" 0000000000000000

# The next start ends that process, and new connections are served.
prey prey --bridge a:b --format json plain.pbc
until_true 100 'the next start ends it' is_over "$resets"
same 'new connections are served' "$(ask left 10.1.0.2/from)" 10.1.0.1
prey_ends
same 'it ends well' "$status" 0
same 'nobody is left then' "$(grep -c interrupted prey.err)" 0

# No connection was open: nobody is left.
prey prey --bridge a:b --format json plain.pbc
prey_killed "$(pgrep -P "$prey")"
same 'nor after a kill without connections' "$(grep -c interrupted prey.err)" 0
exit $failed
