#!/usr/bin/env bash
# A part of bench-kernel (kernel.sh): bans that CrowdSec hands out, by Debian's two bouncers: crowdsec-custom-bouncer with the feed of integrations/, in both
# executors, and crowdsec-firewall-bouncer, which sets them in nftables. A local API in Python (bans_api.py) has the same 100,000 for each, in one answer. Time is from
# that answer to the last member; what a bouncer hasn't done after 60 s, it is not waited for.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" && live_begin >&2
for program in crowdsec-custom-bouncer crowdsec-firewall-bouncer; do
    command -v $program >/dev/null || { printf 'note\tbans of CrowdSec: left out, for there is no %s here\n' $program; exit 0; }
done
between one >&2
runs=3 bans=100000 bound=60
[ -z "${SMALL:-}" ] || runs=1 bans=1000
rules bans <<'END'
set caught = live size 200_000
firewall f forward default accept { drop from caught }
END
# What both configurations have alike.
cat >common.yaml <<END
api_url: http://127.0.0.1:18080/
api_key: drawn
update_frequency: 1s
daemonize: false
log_mode: stdout
log_level: info
prometheus: {enabled: false, listen_addr: 127.0.0.1, listen_port: 60601}
END
{
    cat common.yaml
    printf 'bin_path: %s\nfeed_via_stdin: true\ntotal_retries: 0\npiddir: %s/\ncache_retention_duration: 1s\n' "$top/integrations/crowdsec/prey-crowdsec-feed" "$work"
} >custom.yaml
{
    cat common.yaml
    printf 'mode: nftables\npid_dir: %s/\ndeny_action: DROP\nsupported_decisions_types: [ban]\nblacklists_ipv4: bans\nblacklists_ipv6: bans6\n' "$work"
    printf 'nftables:\n  ipv4: {enabled: true, set-only: false, table: bans, chain: bans}\n  ipv6: {enabled: true, set-only: false, table: bans6, chain: bans6}\n'
} >firewall.yaml
export PATH="$bin:$PATH"

# answered: the moment at which the API has given all bans away, in nanoseconds
answered() { [ -s answered ]; }
# bans NAME CONFIGURATION DONE BOUNCER: one bouncer from its start until DONE or the bound; `TIME COUNT` behind those before in NAME.bans
bans() {
    local api bouncer said
    rm -f answered
    background prey python3 "$top/tests/bench/bans_api.py" $bans answered >api.out 2>&1
    api=$last
    until_true 300 'a local API answers' grep -q ready api.out
    background prey "$4" -c "$2" >"$1.out" 2>&1
    bouncer=$last
    until_true 3000 "$4 has asked" answered || exit 1
    until "$3" || [ $(($(date +%s%N) - $(cat answered))) -gt $((bound * 1000000000)) ]; do sleep 0.05; done
    said=$((($(date +%s%N) - $(cat answered)) / 1000))
    kill -KILL "$bouncer" "$api"
    wait "$bouncer" "$api" 2>/dev/null
    echo "$said $(count_"${1%%.*}")" >>"$1.bans"
}
count_prey() { ctl sets --json && tr ',{' '\n\n' <out | sed -n 's/.*"members": *\([0-9]*\).*/\1/p' | head -1; }
count_nft() { at prey nft -j list set ip bans bans | tr '{' '\n' | grep -c '"val"'; }
prey_done() { [ "$(count_prey)" = $bans ]; }
# A look at the set would hold up its writer: nft's own word counts.
nft_done() { grep -q 'decisions\? added' nft.out; }
for exec in user kernel; do
    for _ in $(seq $runs); do
        prey prey -i wan -i lan --exec $exec bans.pbc >&2
        is_ready prey || exit 1
        bans prey.$exec custom.yaml prey_done crowdsec-custom-bouncer
        prey_ends
    done
done
bans nft firewall.yaml nft_done crowdsec-firewall-bouncer
python3 "$top/tests/bench/sets_lists.py" bans $bans
exit $failed
