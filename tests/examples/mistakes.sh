#!/bin/sh
# The tests inside the example files catch what one would get wrong: each row below makes one plausible mistake in a copy
# of an example and names the test that must fail then, with no program written.
#   mistake EXAMPLE "TEST THAT FAILS" SED-COMMAND
set -u
B=${B:-build}
work=$B/scratch/mistakes
rm -rf "$work"
mkdir -p "$work"
cp rules-examples/* "$work"
failed=0

mistake() {
    copy=$work/$1.copy.prey
    sed "$3" "rules-examples/$1.prey" >"$copy"
    if cmp -s "rules-examples/$1.prey" "$copy"; then
        echo "not ok - $1: \`$3\` changes something"
        failed=1
        return
    fi
    "$B/preyc" "$copy" -o "$work/out.pbc" >"$work/out" 2>"$work/err"
    status=$?
    if [ $status -eq 1 ] && grep -q "tests* failed: " "$work/err" && grep -Fq "test \"$2\": expected" "$work/err" && [ ! -e "$work/out.pbc" ]; then
        echo "ok - $1: \`$3\` fails \"$2\""
    else
        sed 's/^/# /' "$work/err" | head -20
        echo "not ok - $1: \`$3\` fails \"$2\" (status $status)"
        failed=1
    fi
    rm -f "$work/out.pbc"
}

# A rule that is too wide or too narrow, two in the wrong order, a number mistyped, a family forgotten.
mistake web-server 'only the office may ssh, its guests may not' 's/^set admins .*/set admins  = office/'
mistake web-server 'only the office may ssh, its guests may not' 's/, 2001:db8:1::\/48//'
mistake web-server 'only the office may ssh, its guests may not' '/as SSH$/{h;d;};/as SSH_CLOSED/G'
mistake web-server 'everyone reaches the site, over both families' 's/^ports web .*/ports web = 80, 4433/'
mistake web-server 'everyone reaches the site, over both families' 's/accept tcp to self port web /accept ip tcp to self port web /'
mistake web-server 'abusers get nothing, not even the site' '/as ABUSE$/{h;d;};/as WEB$/G'
mistake web-server 'answers come in, questions on the same ports do not' 's/ flags has ack  *as TCP_ANSWER/ as TCP_ANSWER/'
mistake web-server 'IPv6 works: neighbours, errors, ping' 's/accept icmp6 type nd /accept icmp6 type nd-router-advert /'
mistake web-server 'IPv6 works: neighbours, errors, ping' 's/packet-too-big, //'
mistake laptop 'nobody opens a connection to this machine' 's/flags has ack  *as TCP_ANSWER/as TCP_ANSWER/'
mistake laptop 'nobody opens a connection to this machine' 's/set home      = 192.168.1.0/set home      = 192.168.0.0/'
mistake laptop 'answers to our questions arrive' 's/source port 123 to self /to self port 123 /'
mistake laptop 'names come from our resolvers alone' 's/accept udp from resolvers source port 53/accept udp source port 53/'
mistake laptop 'scans are dropped whatever else they carry' '/as SYN_FIN$/{h;d;};/as TCP_REFUSED$/G'
mistake laptop 'an address is obtained' 's/source port 67 to port 68/source port 68 to port 67/'
mistake laptop 'errors reach us, pings only from home' 's/type echo-request from home/type echo-request/'
mistake every-condition 'counting never decides' 's/count tcp port 22 /drop tcp port 22 /'
mistake office-hours 'guests surf while the office is open' 's/during not open /during open /'
mistake office-hours 'guests surf while the office is open' 's/sat 09:00-12:00/sat 09:00-13:00/'
mistake office-hours 'maintenance has its hours, also past midnight' 's/23:00-01:00/23:00-24:00/'
mistake office-hours 'maintenance has its hours, also past midnight' 's/wed, sun/mon, sun/'
mistake office-hours 'one guest leaves room for the others' 's/20Mbit\/s per source/20Mbit\/s/'
mistake office-hours 'the office works at any hour' 's/accept from office as OFFICE/accept from office during open as OFFICE/'
mistake block-list 'the listed get nothing, over either family' '/as BLOCKED$/{h;d;};/as PING6$/G'
mistake block-list 'the listed get nothing, over either family' 's/drop from blocked /drop ip from blocked /'
mistake block-list 'everybody else reaches the site' 's/drop from blocked /drop from not blocked /'
mistake block-list 'partners inside listed networks reach it too' 's/drop from blocked /drop from listed /'
mistake block-list 'partners inside listed networks reach it too' 's/ except (partners, office)/ except office/'
mistake block-list 'only the office may ssh, whatever the list says' 's/from office to self port 22/from office, partners to self port 22/'
mistake block-list 'only the office may ssh, whatever the list says' '/as SSH$/{h;d;};/as BLOCKED$/G;s/ except (partners, office)/ except partners/'
mistake dns-server 'everybody may ask, over UDP and TCP' 's/accept udp to self port 53 within/accept ip udp to self port 53 within/'
mistake dns-server 'who asks too much is cut off, and only he' 's/burst 100 per source/burst 100/'
mistake dns-server 'who asks too much is cut off, and only he' 's/over client /within client /'
mistake dns-server 'a whole network is held to its share' 's/source\/24,\/48/source\/32,\/128/'
mistake dns-server 'our secondaries are never shut out' 's/^set secondary .*/set secondary = 198.51.100.35/'
mistake dns-server 'floods of connections are cut, open ones stay' 's/ flags has syn lacks ack over syns/ over syns/'
mistake balancer 'the office sees the canary, on both ports and families' '/when from office -> canary/{h;d;};/when ip6 -> shop6/G'
mistake balancer 'the office sees the canary, on both ports and families' 's/^ports web .*/ports web = 443/'
mistake balancer "the parts of the shop's servers are as their weights" 's/weight 5/weight 15/'
mistake balancer 'a backup serves when no other can, then nobody' '/^service rest/,/^}/s/  on no server drop//'
mistake balancer 'a client of the login keeps its server' 's/^service login on 203.0.113.11 tcp\/443/service login on 203.0.113.11 tcp\/444/'
mistake balancer 'what no rule lets in reaches no server' 's/default drop/default accept/'
mistake dns-server 'questions from port 53 are forged' 's/udp source port 53 to self/udp source port 35 to self/'
exit $failed
