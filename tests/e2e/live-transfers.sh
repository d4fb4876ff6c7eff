#!/usr/bin/env bash
# Live transfers, down and up, through services, a SYN cookie and masquerade: every byte arrives as it was, with super-packets
# and without. 20 MB each; with LIVE=1 a GiB.
set -u
EXEC=user # super-packets come as segments: XDP takes none
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
bytes=20000000 patience=20
[ -z "${LIVE:-}" ] || bytes=1073741824 patience=120

site one
web client
payload "$bytes" one client

rules all <<'END'
set inside = 10.2.0.0/24
interface wan = "wan"
pool farm {
  source 10.2.0.50, fd00:2::50
  server one 10.2.0.2
  server one6 fd00:2::2
}
pool near { server one 10.2.0.2; server one6 fd00:2::2 }
service web on 10.1.0.100, fd00:1::100 tcp/80, tcp/9000 { mode passthrough; announce; -> farm }
service kept on 10.1.0.101, fd00:1::101 tcp/80, tcp/9000 { mode passthrough keep source; announce; -> near }
service proved on 10.1.0.102, fd00:1::102 tcp/80, tcp/9000 { mode passthrough keep source; syn cookies; announce; -> near }
nat home { masquerade from inside out on wan }
END

# up SENTENCE ADDRESS: the payload goes to the server.
up() {
    : >got
    ip netns exec "$id-one" timeout "$patience" nc.openbsd $(case $2 in *:*) echo -6 ;; esac) -l -N -p 9000 >got </dev/null &
    pids="$pids $!"
    local listener=$!
    until_true 100 'the server listens' at one sh -c 'ss -ltn | grep -q :9000'
    at client timeout "$patience" nc.openbsd -N "$2" 9000 <payload
    wait "$listener"
    cmp got payload
    ok $? "$1"
}

for set in ${SETS:-on off}; do
    offloads "$set" client:eth0 one:eth0 prey:wan prey:lan outside:port1 outside:port2 inside:port1 inside:port2
    prey prey -i wan -i lan --format json all.pbc
    for a in 100 101 102; do
        fetches "offload $set: 10.1.0.$a" client "10.1.0.$a"
        fetches "offload $set: fd00:1::$a" client "[fd00:1::$a]"
        up "offload $set: upward, 10.1.0.$a" "10.1.0.$a"
        up "offload $set: upward, fd00:1::$a" "fd00:1::$a"
    done
    fetches "offload $set: masquerade" one 10.1.0.1
    prey_sums "offload $set"
    same "offload $set: by cookies, all of them proven" "$(number cookies sent) $(number cookies proven)" '4 4'
    super=$(python3 -c "print($(number live bytes) > 3000 * $(number live frames))")
    same "offload $set: super-packets" "$super" "$([ $set = on ] && echo True || echo False)"
done
exit $failed
