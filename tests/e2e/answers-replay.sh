#!/usr/bin/env bash
# Live sets of DNS answers in a replay: questions, answers and ends by the capture's time, in both executors and from a set that rules
# refuse to question or answer; answers cut at each byte.
set -u
. tests/lib/scratch.sh
dns=$top/tests/e2e/live/dns.py
dns() { python3 "$dns" message "$@"; }
asks() { echo "eth / ip4 $1 > $2 / udp $3 > 53 / payload x\"$(dns question "$4" A "$5")\""; } # CLIENT RESOLVER PORT NAME ID
told() { echo "eth / ip4 $1 > $2 / udp ${6:-53} > $3 / payload x\"$(dns answer "$4" A "$5" "$7" "$8")\""; } # RESOLVER CLIENT PORT NAME ID SPORT ADDRESS TTL
syn() { echo "eth / ip4 10.0.0.1 > $1 / tcp $((port += 1)) > 443 syn"; }
port=50000
rules asked <<'END'
set resolvers = 192.0.2.53
set vendor = live answers "*.example.net" from resolvers never 10.0.0.0/8
firewall f default accept {
  drop udp to port 53 from 10.0.0.66 as SHUT
  drop udp from 192.0.2.53 to 10.0.0.67 as DEAF
  drop to vendor as VENDOR
}
END
C=10.0.0.1 R=192.0.2.53
{
    syn 198.51.100.7
    told $R $C 4000 a.example.net 7 53 198.51.100.7 60 # nobody asked
    asks $C $R 4000 a.example.net 7
    syn 198.51.100.7
    told $R $C 4000 a.example.net 8 53 198.51.100.7 60
    told $R $C 4001 a.example.net 7 53 198.51.100.7 60
    told 192.0.2.54 $C 4000 a.example.net 7 53 198.51.100.7 60
    told $R $C 4000 b.example.net 7 53 198.51.100.7 60
    told $R $C 4000 a.example.net 7 54 198.51.100.7 60
    syn 198.51.100.7
    told $R $C 4000 a.example.net 7 53 198.51.100.7 300
    syn 198.51.100.7
    told $R $C 4000 a.example.net 7 53 198.51.100.8 60 # once more
    syn 198.51.100.8
    asks 10.0.0.66 $R 4000 a.example.net 7
    told $R 10.0.0.66 4000 a.example.net 7 53 198.51.100.9 60 # its question was dropped
    syn 198.51.100.9
    asks 10.0.0.67 $R 4000 a.example.net 7
    told $R 10.0.0.67 4000 a.example.net 7 53 198.51.100.9 60 # it is dropped itself
    syn 198.51.100.9
    asks $C $R 4002 a.example.org 7
    told $R $C 4002 a.example.org 7 53 198.51.100.10 60
    syn 198.51.100.10
    asks $C $R 4003 late.example.net 7
    echo after 10s
    told $R $C 4003 late.example.net 7 53 198.51.100.11 60 # too late
    syn 198.51.100.11
    asks $C $R 4004 in.example.net 7
    told $R $C 4004 in.example.net 7 53 10.1.1.1 60
    syn 10.1.1.1
    echo after 880s
    syn 198.51.100.7
    echo after 10s
    syn 198.51.100.7
} >notes
{
    question=$(asks $C $R 5000 cut.example.net 9) answer=$(told $R $C 5000 cut.example.net 9 53 198.51.100.99 60)
    bytes=${answer##*x\"}
    for n in $(seq 1 $((${#bytes} / 2 - 1))); do printf '%s\n%s\n' "$question" "${answer%x\"*}x\"${bytes:0:2*n}\""; done
    syn 198.51.100.99
} >notes.cut
python3 "$dns" many 10000 >notes.many
capture whole <notes
capture many <notes.many
capture cut <notes.cut

fates() { awk '/tcp/ { print $0 }' lines | sed 's/.*\(VENDOR\|accept\).*/\1/' | tr '\n' ' '; }
executors=user
"$bin/preyrun" --pcap whole.pcap --exec kernel asked.pbc >/dev/null 2>&1 && executors='user kernel'
for exec in $executors; do
    for hook in ${exec/kernel/xdp tc}; do
        more="--exec $exec"
        [ "$exec" = user ] || more="$more --hook $hook"
        run --pcap whole.pcap $more --verdicts lines --describe --self 203.0.113.9 asked.pbc
        same "$exec, $hook: it ends in order" "$status$(cat err)" 0
        same "$exec, $hook: a member is one as of its answer, and until its end" "$(fates)" \
            'accept accept accept VENDOR accept accept accept accept accept accept VENDOR accept '
        run --pcap cut.pcap $more --verdicts lines --describe asked.pbc
        same "$exec, $hook: an answer cut anywhere adds nothing" "$status $(fates)" '0 accept '
        run --pcap many.pcap $more --verdicts lines --describe asked.pbc
        same "$exec, $hook: ten thousand members" "$status $(fates | tr ' ' '\n' | uniq -c | tr -s ' \n' ' ')" '0  100 VENDOR 100 accept '
    done
done
exit $failed
