#!/bin/bash
# Tunnels that a `decap` rule opens, in a replay: the verdict is that of what was inside, sums hold each frame once, an
# explanation shows both judgements. B is the build folder.
set -u
. tests/lib/scratch.sh

replayed() { # ARGUMENT...: a replay of tunnels.pcap into out, err, status
    timeout 60 "$bin/preyrun" --pcap tunnels.pcap --self 10.0.0.9 "$@" tunnels.pbc >out 2>err </dev/null
    status=$?
}

cat >tunnels.prey <<'END_OF_RULES'
firewall f default drop {
  decap ipip from 192.0.2.1 to self as IPIP
  decap gue 6080 from 192.0.2.1 to self as GUE
  accept icmp6 type nd
  accept tcp port 80 as WEB
}
END_OF_RULES
"$bin/preyc" tunnels.prey -o tunnels.pbc >/dev/null
ok $? 'the rules compile'
OUTER='eth / ip4 192.0.2.1 > 10.0.0.9'
INNER='ip4 198.51.100.7 > 203.0.113.10'
cat >tunnels.notes <<END_OF_NOTES
$OUTER / $INNER / tcp 1000 > 80 syn
$OUTER / udp 50000 > 6080 csum 0 / payload x"00040000" / $INNER / tcp 1000 > 80 syn
$OUTER proto 4
$OUTER / $INNER / udp 1000 > 80
eth / $INNER / tcp 1000 > 80 syn
$OUTER / ip4 192.0.2.1 > 10.0.0.9 / $INNER / tcp 1000 > 80 syn
$OUTER / $INNER / tcp 1000 > 80 syn off 4
$OUTER / $INNER id 1 frag 16 proto udp / zeros 8
after 200ms
eth / $INNER / tcp 1000 > 80 syn
END_OF_NOTES
"$bin/tests/tools/mkcap" tunnels.notes tunnels.pcap
ok $? 'the frames are a capture'

echo '# Verdicts and sums'
replayed --verdicts -
same 'the verdict, rule and reason are those of what was inside' \
    "$(tail -n +2 out | cut -f 2,3,6 | tr '\t' ' ' | tr '\n' ';')" \
    'accept WEB -;accept WEB -;drop IPIP bad-tunnel;drop default -;accept WEB -;drop IPIP nested-tunnel;drop - bad-tcp-offset;drop - fragment-orphan;accept WEB -;'
replayed
same 'the summary ends well' "$status" 0
has 'what a `decap` rule matched stands in brackets' '^  IPIP  *decap ipip  *\(7\) '
has 'what could not be opened has a row of its own' '^  tunnels, not opened  *drop  *2 '
same 'rows of deciders add up to all frames and their bytes' "$(sed -n '/^decided by/,/^  total/p' out | awk '
    NR > 1 && !/\(/ && !/^  total/ { for (i = 1; i < NF; i++) if ($i == "%") { packets += $(i - 2); bytes += $(i + 1) } }
    /^  total/ { total = $2 " " $5 }
    END { print (packets " " bytes == total) ? "yes" : packets " " bytes " of " total }')" yes

echo '# Explanations'
replayed --explain 2
has 'the outer packet was judged' '^  GUE  *yes  decap gue '
has 'what is inside is named' '^inside  tcp 198\.51\.100\.7:1000 > 203\.0\.113\.10:80 SYN  54 bytes$'
has 'it was judged in its turn' '^  WEB  *yes  accept '
replayed --explain 3
has 'why one was not opened is said' '^  not opened: '
replayed --explain 6
same 'of a tunnel in a tunnel two packets are shown' "$(grep -c 'decap ipip' out)" 2
has 'and why the second stays closed' 'reason nested-tunnel$'
replayed --explain 7
has 'what is malformed inside is shown' '^inside  tcp .*bad-tcp-offset'
replayed --explain 2 --format json
same 'JSON has both lists of rules' \
    "$(python3 -c 'import json, sys; j = json.load(open("out")); print(len(j["tried"]), j["inside"]["bytes"], len(j["tried_inside"]))')" \
    '2 54 4'
exit $failed
