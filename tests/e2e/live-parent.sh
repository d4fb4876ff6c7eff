#!/usr/bin/env bash
# Two processes: the one that was started keeps the rights; its child, which reads packets, has none. Neither outlives the
# other; signals reach the right one, whichever gets them; what the child may not do ends it.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey server
link client eth0 prey eth0
link prey eth1 server eth0
address client eth0 10.1.0.1/24
address prey eth0 10.1.0.2/24
address prey eth1 10.2.0.2/24
address server eth0 10.2.0.1/24
web server
rules pass <<'END'
pool farm {
  source 10.2.0.50
  server one 10.2.0.1
}
service web on 10.1.0.100 tcp/80 {
  mode passthrough
  announce
  -> farm
}
END
# Open for two hours of a clock 14 hours ahead; by UTC's it is shut.
hour=$(TZ=Pacific/Kiritimati date +%-H)
rules hours <<END
schedule open = mon-sun $(printf '%02u:00-%02u:00' "$hour" $(((hour + 2) % 24))) zone "Pacific/Kiritimati"
firewall edge in default accept {
  drop udp to port 9 during open as OPEN
}
END
child_of() { pgrep -P "$1" || echo none; }
field() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }
ended() { ! kill -0 "$1" 2>/dev/null; }
waited() { # it ends by itself; $status is how
    wait "$prey"
    status=$?
}

# confined HOW OPTION...
confined() {
    local how=$1
    shift
    prey prey "$@" pass.pbc
    child=$(child_of "$prey")
    same "$how: one child" "$(echo "$child" | grep -c '^[0-9]*$')" 1
    for set in CapInh CapPrm CapEff CapBnd CapAmb; do
        same "$how: of $set it has none" "$(field "$child" "$set")" 0000000000000000
    done
    same "$how: it gains none" "$(field "$child" NoNewPrivs)" 1
    same "$how: system calls are filtered, in each thread" \
        "$(for t in "/proc/$child/task/"*; do sed -n 's/^Seccomp:[[:space:]]*//p' "$t/status"; done | sort -u)" 2
    same "$how: a service" "$(ask client 10.1.0.100)" server
}
loose() { # a build with sanitizers looks at its own files
    case $B in */san | */cov) return 0 ;; esac
    return 1
}

for io in packet xdp; do
    confined "$io" -i eth0 -i eth1 --io "$io"
    loose || same "$io: of the files it sees the time zones" "$(readlink "/proc/$child/root")" /usr/share/zoneinfo
    same "$io: of its rights the parent keeps those of capability.def, for good" \
        "$((0x$(field "$prey" CapPrm) & ~0xc001007426)) $((0x$(field "$prey" CapBnd))) $(field "$prey" NoNewPrivs) $(field "$prey" Seccomp)" '0 0 1 2'
    same "$io: so do its threads in the network stacks aside" \
        "$(for t in "/proc/$prey/task/"*; do echo "$((0x$(sed -n 's/^CapPrm:[[:space:]]*//p' "$t/status") & ~0xc001007426)) $(sed -n 's/^Seccomp:[[:space:]]*//p' "$t/status")"; done | sort | uniq -c | tr -s ' ')" ' 3 0 2'
    same "$io: and it has those that it cannot do without" "$((0x$(field "$prey" CapEff) & 0x3000))" $((0x3000))
    # A reload reads the file again, which the child can't.
    kill -HUP "$prey"
    if [ "$io" = packet ]; then
        until_true 100 'a reload' grep -q '^reloaded' prey.err && ok 0 "$io: a reload by the parent"
    fi
    prey_ends
    same "$io: an end" "$status" 0
    ended "$child"
    ok $? "$io: and the child's"
done

# Signals at the child.
prey prey -i eth0 -i eth1 --format json pass.pbc
child=$(child_of "$prey")
kill -HUP "$child"
until_true 100 'SIGHUP at the child' grep -q '^reloaded' prey.err && ok 0 'SIGHUP at the child reloads'
kill -USR1 "$child"
until_true 100 'SIGUSR1 at the child' grep -q '"live"' prey.out && ok 0 'SIGUSR1 at the child prints counters'
kill -TERM "$child"
waited
same 'SIGTERM at the child ends both, with nothing left' "$status|$(at prey nft list tables)" '0|'

# The files of time zones are all that the child may read.
prey prey -i eth0 --monitor --format json hours.pbc
at client python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"", ("10.1.0.2", 9))'
counted() {
    : >prey.out
    kill -USR1 "$prey"
    until_true 50 'counters' grep -q '"live"' prey.out && [ "$(number live watched)" -gt 0 ]
}
until_true 50 'a schedule in a zone' counted && ok 0 'a schedule in a zone holds'
prey_ends

# Where it can't change its root, as below the unit of systemd, Landlock keeps it to them: a zone that lies elsewhere is UTC's then.
mkdir -p zones/Pacific elsewhere bound
cat >bound/preyrun <<END
#!/bin/sh
exec setpriv --bounding-set=-sys_chroot env TZDIR=$work/zones $bin/preyrun "\$@"
END
chmod +x bound/preyrun
programs=$bin
seen() { # the frame, by the rule or by none
    : >prey.out
    kill -USR1 "$prey"
    until_true 50 'counters' grep -q '"live"' prey.out && [ "$(($(number live watched) + $(number verdicts accept packets)))" -gt 0 ]
}
for where in zones elsewhere; do
    rm -f zones/Pacific/Kiritimati
    cp /usr/share/zoneinfo/Pacific/Kiritimati "$where/"
    [ "$where" = zones ] && mv zones/Kiritimati zones/Pacific/ || ln -s "$work/elsewhere/Kiritimati" zones/Pacific/Kiritimati
    bin=$work/bound
    prey prey -i eth0 --monitor --format json hours.pbc
    bin=$programs
    at client python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"", ("10.1.0.2", 9))'
    until_true 50 'a frame' seen
    clock=$([ "$(number live watched)" -gt 0 ] && echo holds || echo 'is UTC')
    if [ "$where" = zones ]; then
        same 'with no other root it reads the time zones' "$clock" holds
    else
        loose || same 'and nothing else' "$clock" 'is UTC'
    fi
    loose || same "and it does not say that it reads more ($where)" "$(grep -c 'may read all files' prey.err)" 0
    prey_ends
done

# The name is the parent's alone, so a signal by name comes once.
prey prey -i eth0 -i eth1 pass.pbc
same 'a signal by its name reaches the parent alone' "$(cat "/proc/$prey/comm") $(cat "/proc/$(child_of "$prey")/comm")" 'preyrun prey-service'

# Death of the child, where nobody can start another one: the parent says so; closed.
child=$(child_of "$prey")
starter_killed
kill -KILL "$child"
waited
cp prey.err out
same 'a killed child ends its parent with 2' "$status" 2
has 'which says so' 'preyrun: the service was ended by signal 9 .Killed.; guard rules stay until the next start or --cleanup'
same 'that is closed' "$(at prey nft list tables)" 'table netdev prey_eth0'
seeing prey "$bin/preyrun" --cleanup 2>out
same 'and --cleanup opens it' "$?|$(at prey nft list tables)" '0|'

# Death of the parent: of the child, too, at once.
for io in packet xdp; do
    prey prey -i eth0 -i eth1 --io "$io" pass.pbc
    child=$(child_of "$prey")
    kill -KILL "$prey"
    wait "$prey" 2>/dev/null
    until_true 100 "$io: the child of a killed parent ends" ended "$child" && ok 0 "$io: the child of a killed parent ends"
    same "$io: no device is left" "$(ip -n "$id-prey" -o link | grep -c 'prey-')" 0
done
at prey "$bin/preyrun" --cleanup 2>out
same 'nothing is left after --cleanup' "$?|$(at prey nft list tables)" '0|'
exit $failed
