#!/usr/bin/env bash
# COUNT servers (2,000), each asked every 2 s by one loop, for a connection and for a page: what that costs of a core, by the system and in
# the program itself, and that one which goes silent is found as soon as among few. Between namespaces the system counts the servers' side of
# each packet as the asker's, so its part is more than on a wire: a bare loop of socket, connect, send, receive and close costs as much.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
count=${COUNT:-2000}
seconds=${SECONDS_MEASURED:-20}

space prey farm
link prey lan farm eth0
address prey lan 10.2.0.1/24
address farm eth0 10.2.0.2/24
# All addresses of 10.3.0.0/16 are the farm's, behind one neighbour.
at prey ip route add 10.3.0.0/16 via 10.2.0.2
at farm ip route add local 10.3.0.0/16 dev eth0
at farm sysctl -q -w net.core.somaxconn=4096
web farm
# All are asked for the first time within half a second.
kill "$last"
sed -i 's/worker_connections 512/worker_connections 8192/; s/^daemon off;/& worker_rlimit_nofile 16384;/' web-farm/nginx.conf
background farm nginx -c "$work/web-farm/nginx.conf" -e "$work/web-farm/error.log"
until_true 100 'nginx answers' at farm curl -s -o /dev/null http://127.0.0.1/
page() { # NAME CHECK
    {
        echo "check page = $2 every 2s timeout 1s rise 2 fall 3"
        echo 'pool farm { balance round_robin; check page'
        for i in $(seq 0 $((count - 1))); do echo "  server s$i 10.3.$((1 + i / 250)).$((1 + i % 250)):80"; done
        echo '}'
        echo 'service shop on 10.2.0.100 tcp/80 { mode passthrough; -> farm }'
    } | rules "$1"
}
page page 'http GET "/" expect 200'
page open tcp
cp open.pbc many.pbc
prey prey -i lan --log text --format json many.pbc
service=$(cat "/proc/$prey/task/$prey/children")
service=${service%% *}
spent() { # THREAD of the service (0: all of them): clock ticks in the program, and by the system
    local stat=/proc/$service/stat
    [ "$1" = 0 ] || stat=/proc/$service/task/$1/stat
    sed 's/.*) //' "$stat" | awk '{ print $12, $13 }'
}
probes() { at farm awk '/^Tcp:/ { line = $7 } END { print line }' /proc/net/snmp; } # connections that it took
measure() { # KIND
    local main all taken began rate share total
    sleep 3 # the first probes are spread over half a second
    main=$(spent "$service") all=$(spent 0) taken=$(probes) began=$(date +%s.%N)
    sleep "$seconds"
    read -r rate share total <<<"$(python3 -c "
import sys, time
main, main_now, every, every_now = ([int(x) for x in a.split()] for a in sys.argv[1:5])
t = time.time() - $began
percent = lambda a, b: 100 * (b - a) / $(getconf CLK_TCK) / t
print(round(($(probes) - $taken) / t), round(percent(sum(main), sum(main_now)), 2), round(percent(sum(every), sum(every_now)), 2))
print('# in the program', round(percent(main[0], main_now[0]), 2), '%, by the system', round(percent(main[1], main_now[1]), 2), '%', file=sys.stderr)
" "$main" "$(spent "$service")" "$all" "$(spent 0)" 2>parts)"
    echo "# $1: $count servers, $rate probes a second: $share % of a core for the checks; with the worker, which sees their packets too, $total %"
    cat parts
    same "$1: each is asked every 2 s" "$(python3 -c "print(0.85 < $rate * 2 / $count < 1.15)")" True
    # The goal is 3 %; a test fails on time at eight times that.
    same "$1: the checks cost less than 25 % of a core" "$(python3 -c "print($share < 25)")" True
}
measure tcp
cp page.pbc many.pbc
kill -HUP "$prey"
hears 'a reload: pages are asked for' 'reloaded: many.pbc'
measure http
same 'none was taken for bad' "$(grep -c 'is down' prey.err)" 0
same 'guard rules for so many are set once' "$(grep -c 'guard rules were changed' prey.err)" 0
at farm nft -f - <<'END'
table inet silent { chain in { type filter hook input priority 0; ip daddr 10.3.3.7 tcp dport 80 drop; }; }
END
silenced=$(date +%s.%N)
until_true 600 'who goes silent is found' grep -q "farm/s506 is down: no reply within 1 s" prey.err && ok 0 'who goes silent is found'
echo "# after $(python3 -c "import time; print(round(time.time() - $silenced, 2))") s; fall x 1.1 x every + timeout is 7.6 s"
same 'and nobody else' "$(grep -c 'is down' prey.err)" 1
prey_ends
same 'it ends with 0' "$status" 0
exit $failed
