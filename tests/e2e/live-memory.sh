#!/usr/bin/env bash
# Memory: little without traffic, as much as connections need with it; those that come later use it again, and reloads take no more.
set -u
EXEC=user # tables in the kernel are there from the start: there are more of them than it allows
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space server prey client
lan outside 1 server prey:wan
lan inside 2 prey:lan client
ip -n "$id-client" route add default via 10.2.0.1
udp server 53

# A balancer whose rules say nothing of limits, with two workers: what it and its parent have, shared libraries by halves. 36.5 MiB; where
# the kernel gives large pages unasked (transparent_hugepage always, Debian's choice), 42.
limits= rules idle <<END
service web on 10.1.0.100 tcp/80 { mode passthrough; -> web }
pool web { server one 10.2.0.2:80 }
END
shares() {
    local p
    for p in "$prey" $(cat "/proc/$prey/task/$prey/children"); do cat "/proc/$p/smaps_rollup"; done | awk '/^Pss:/ { sum += $2 } END { print sum + 0 }'
}
prey prey -i wan --workers 2 --exec user idle.pbc
same 'it says for how many connections there is room' "$(grep -c '^ready: .*, 2 workers, idle.pbc, room for [0-9,]* connections$' prey.err)" 1
if grep -q __asan_init "$bin/preyrun"; then
    echo 'ok - without traffic a balancer has less than 48 MiB # SKIP sanitizers have memory of their own'
else
    echo "# $(shares) KiB"
    same 'without traffic a balancer has less than 48 MiB' "$(($(shares) < 49152))" 1
fi
prey_ends

with() { # NAME SECONDS
    rules "$1" <<END
limits { flows 100_000 }
timeouts { udp $2 }
interface wan = "wan"
set inside = 10.2.0.0/24
nat home { masquerade from inside out on wan }
END
}
with a 30s
with b 40s
cp a.pbc now.pbc
small_prey prey -i wan -i lan now.pbc

many() { # FIRST COUNT: from so many ports, one question each; how many were answered
    at client python3 "$top/tests/e2e/live/ports.py" "$1" "$2"
}
reload() { # NAME N: the N-th since the start
    cp "$1.pbc" new.pbc
    mv new.pbc now.pbc
    kill -HUP "$prey"
    again() { [ "$(grep -c 'reloaded: ' prey.err)" -eq "$1" ]; }
    until_true 100 "reload $2 is made" again "$2"
}
grown() { # SENTENCE MIB BEFORE
    local after
    if grep -q __asan_init "$bin/preyrun"; then
        echo "ok - $1 took less than $2 MiB # SKIP the sanitizers keep what is freed"
        return
    fi
    after=$(rss)
    echo "# $3 KiB of memory, then $after"
    same "$1 took less than $2 MiB" "$((after - $3 < 1024 * $2))" 1
}

same 'the first are answered' "$(many 2000 200)" 200
before=$(rss)
same '2,000 more are answered' "$(many 3000 2000)" 2000
grown '2,000 connections' 10 "$before"
before=$(rss)
same 'the same are answered again' "$(many 3000 2000)" 2000
grown 'and it' 1 "$before"
# The first reload brings code and libraries' memory that others use again.
before=$(rss)
reload b 1
reload a 2
grown 'the first two reloads with them' 2 "$before"
before=$(rss)
for n in 3 5 7 9; do
    reload b "$n"
    reload a "$((n + 1))"
done
grown 'eight reloads with them' 1 "$before"
prey_ends
same 'it ends with 0' "$status" 0
exit $failed
