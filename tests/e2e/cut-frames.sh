#!/bin/bash
# Frames that the capture cut: what --write keeps of them has the length that it had on the wire, so that its headers are
# read as whole again. Frames cut at every length, in every mode, as pcap and pcapng; and the corpus, where it is there.
set -u
corpus=$(cd "${PREY_CORPUS:-../shared/corpus}/pcap" 2>/dev/null && pwd)
. tests/lib/scratch.sh

# reread CAPTURE: how many frames it has, and how many of them are dropped with which reason.
reread() {
    timeout 60 "$bin/preyrun" --pcap "$1" --verdicts - all.pbc 2>&1 |
        awk -F'\t' 'NR > 1 { n++; if ($2 != "accept" && $2 != "pass") bad[$6]++ } END { printf "%d frames", n; for (r in bad) printf ", %d %s", bad[r], r }'
}

# How many packets the last replay wrote; its summary is in `out`.
written() { sed -n '/"copied"/,/}/s/.*"answers":[^0-9]*\([0-9]*\).*/\1/p' out; }

rules all <<<'firewall f default accept { }'
modes=('passthrough' 'passthrough keep source' 'dsr l2' 'dsr rewrite' 'dsr ipip' 'dsr gue 6080' 'dsr gue 6080 variant 1')
for i in "${!modes[@]}"; do
    source=
    [ "$i" -ne 0 ] || source='source 10.9.0.1, 2001:db8:9::1 ports 1024-65535;'
    [ "$i" -lt 4 ] || source='source 10.9.0.1, 2001:db8:9::1;'
    rules "mode$i" <<END_OF_RULES
pool web { $source server a 10.0.0.11; server b 2001:db8:1::11 }
service www on any tcp/any, udp/any, sctp/any, icmp, icmp6 { mode ${modes[i]}; -> web }
END_OF_RULES
done

C4='198.51.100.9' V4='203.0.113.10' C6='2001:db8:7::7' V6='2001:db8::10'
packets=(
    "eth / ip4 $C4 > $V4 / tcp 50000 > 80 syn opt x\"020405b4\" / zeros 400"
    "eth / vlan 5 / ip6 $C6 > $V6 / tcp 50001 > 80 syn / zeros 400"
    "eth / ip4 $C4 > $V4 / udp 50002 > 53 / zeros 400"
    "eth / ip6 $C6 > $V6 / udp 50003 > 53 / zeros 400 / pad 9"
    "eth / ip4 $C4 > $V4 / icmp type echo-request id 7 / zeros 400"
    "eth / ip4 $C4 > $V4 / udp 50004 > 53 csum 0 / zeros 1460"
)
for p in "${packets[@]}"; do
    for cut in $(seq 14 90) 200 450 470; do echo "$p / cut $cut"; done
done >cuts.notes
"$bin/tests/tools/mkcap" cuts.notes cuts.pcap || ok 1 'the frames are a capture'
sed 's/eth \(\/ vlan 5 \)*\/ //' cuts.notes >raw.notes
"$bin/tests/tools/mkcap" raw.notes raw.pcap || ok 1 'the packets without a link layer are a capture'

echo '# Cut at every length'
both=(pcap pcapng)
for i in "${!modes[@]}"; do
    for from in cuts raw; do
        # Each mode writes one format of each link, and the next mode the other; with LONG=1 both.
        kinds=${LONG:+${both[*]}}
        for kind in ${kinds:-${both[(i + ${#from}) % 2]}}; do
            timeout 60 "$bin/preyrun" --pcap $from.pcap --self 203.0.113.1 --write left.$kind --format json "mode$i.pbc" >out 2>err </dev/null
            sent=$(written)
            [ "${sent:-0}" -gt 100 ]
            ok $? "${modes[i]}: many frames of $from.pcap leave"
            same "${modes[i]}: what left for $from.pcap, as $kind, is read as whole" "$(reread left.$kind)" "$sent frames"
        done
    done
done
timeout 60 "$bin/preyrun" --pcap cuts.pcap --write left.pcap mode3.pbc >out 2>err </dev/null
same 'tcpdump reads the same lengths' "$(tcpdump -etnr left.pcap 2>/dev/null | grep -c 'length 1502:')" \
    "$(grep -c 'csum 0 .* cut \(4[2-9]\|[5-9].\|200\|4.0\)$' cuts.notes)"

echo '# What is said of one'
printf '%s\n' "eth / ip4 $C4 > $V4 / udp 50002 > 53 / zeros 400 / cut 60" >one.notes
"$bin/tests/tools/mkcap" one.notes one.pcap
explain() { timeout 60 "$bin/preyrun" --pcap one.pcap --explain 1 "$@" 2>&1; }
same '--explain says both lengths' "$(explain mode3.pbc | sed -n 's/^  sent //p')" \
    "udp $C4:50002 > 10.0.0.11:53  442 bytes, 60 captured"
same 'so it does of a tunnel' "$(explain mode4.pbc | sed -n 's/^  sent .*  \([0-9]* bytes\)/\1/p')" '462 bytes, 80 captured'
same 'and in JSON' "$(explain --format json mode5.pbc | grep -o '"bytes":[0-9]*,"captured":[0-9]*' | tail -1)" \
    '"bytes":474,"captured":92'
same 'the packet inside the tunnel has both lengths, too' "$(explain mode4.pbc | sed -n 's/^    inside: .*  \([0-9]* bytes\)/\1/p')" \
    '442 bytes, 60 captured'

# said NOTE RULES ARGUMENT...: the explanation of one frame
said() {
    printf '%s\n' "$1" >one.notes
    "$bin/tests/tools/mkcap" one.notes one.pcap
    shift
    explain "$@" >out
}
said "eth / ip4 $C4 > $V4 / udp 50004 > 53 csum 0 / zeros 1460 / cut 60" mode4.pbc
has 'a cut frame that would have to be fragmented says so' '^  not sent: it must leave in fragments .* the capture lacks some of its bytes$'
has 'its reason is `snapped`' 'reason snapped$'
said "eth / ip4 $C4 > $V4 / udp 50004 > 53 csum 0 / zeros 1460 / cut 60" --format json mode4.pbc
has 'so does JSON' '"reason":"snapped","not_sent":"it must leave in fragments'
said "eth / ip4 $C4 > $V4 / udp 50004 > 53 csum 0 / zeros 1460 / cut 40" mode4.pbc
same 'one that was cut inside its headers says only that' "$(grep -c '^  not sent' out)" 0
rules tunnel <<<'firewall f default drop { decap ipip from 192.0.2.1; accept udp }'
said "eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 $C4 > $V4 / udp 50004 > 53 / zeros 400 / cut 90" --self 10.0.0.9 tunnel.pbc
has 'what was captured of the packet inside is said' '^inside .*  442 bytes, 70 captured$'
said "eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 $C4 > $V4 / udp 50004 > 53 / zeros 400 / cut 90" --self 10.0.0.9 --format json tunnel.pbc
has 'and in JSON' '"inside":\{"packet":"[^"]*","bytes":442,"captured":70\}'

echo '# The corpus, as it is and cut at 70 bytes'
if [ -d "$corpus" ]; then
    cut=0 wrong='' n=0
    for f in "$corpus"/*; do
        editcap -F pcapng -s 70 "$f" cut.pcapng 2>/dev/null || cp "$f" cut.pcapng
        # One in the one mode, the next in the other; with LONG=1 all in both.
        n=$((n + 1))
        for i in ${LONG:+3 4} $([ -n "${LONG-}" ] || echo $((3 + n % 2))); do
            for from in "$f" cut.pcapng; do
                timeout 60 "$bin/preyrun" --pcap "$from" --self 203.0.113.1 --write left.pcap --format json "mode$i.pbc" >out 2>err </dev/null
                sent=$(written)
                grep -q '"snapped":.*[1-9]' out && [ "${sent:-0}" -gt 0 ] || continue
                cut=$((cut + 1))
                got=$(reread left.pcap)
                [ "$got" = "$sent frames" ] || wrong+="# ${f##*/}: ${modes[i]}: $sent sent, read again: $got"$'\n'
            done
        done
    done
    printf '%s' "$wrong"
    [ "$cut" -gt 4 ] && [ -z "$wrong" ]
    ok $? "what leaves for captures with cut frames is read as whole"
else
    echo 'ok - what leaves for captures with cut frames is read as whole # SKIP there is no corpus'
fi
exit $failed
