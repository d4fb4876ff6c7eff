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
mistake web-server 'a page is served, over both families' 's/^ports web .*/ports web = 80, 4433/'
mistake web-server 'a page is served, over both families' 's/accept tcp to self port web  /accept ip tcp to self port web  /'
mistake web-server 'a page is served, over both families' 's/state established, related as SERVING/state related as SERVING/'
mistake web-server 'a page is served, over both families' 's/established, related as ONGOING/related as ONGOING/'
mistake web-server 'an idle login survives the lunch break' 's/^edition 1$/edition 1; timeouts { tcp established 1h }/'
mistake web-server 'abusers get nothing, not even the site' '/as ABUSE$/{h;d;};/as WEB$/G'
mistake web-server 'no segment enters without its connection' 's/drop state invalid /drop tcp flags has syn, ack state invalid /'
mistake web-server "the server gets its answers, and nobody else's" 's/established, related as ONGOING/established as ONGOING/'
mistake web-server "the server gets its answers, and nobody else's" 's/accept udp, tcp to resolvers port 53 /accept tcp to resolvers port 53 /'
mistake web-server 'the server starts nothing else' 's/accept tcp to mirrors port/accept tcp port/'
mistake web-server 'the server starts nothing else' 's/^firewall outbound out default drop/firewall outbound forward default drop/'
mistake web-server 'one address may not take all connections' 's/flows over 100 per source/flows over 1000 per source/'
mistake web-server 'fragments go where their first one went' 's/^  do sane$/  do sane; drop fragment later as PIECES/'
mistake web-server 'IPv6 works: neighbours, errors, ping' 's/accept icmp6 type nd  *as ND$/accept icmp6 type nd-router-advert as ND/'
mistake web-server 'IPv6 works: neighbours, errors, ping' 's/established, related as ONGOING/established as ONGOING/'
mistake laptop 'a page is fetched, from handshake to end' 's/state established, related as GOES_ON/state related as GOES_ON/'
mistake laptop 'a page is fetched, from handshake to end' 's/established, related as ANSWER/new, related as ANSWER/'
mistake laptop 'nobody opens a connection to this machine' 's/accept state established, related as ANSWER/accept state new, established, related as ANSWER/'
mistake laptop 'nobody opens a connection to this machine' 's/set home      = 192.168.1.0/set home      = 192.168.0.0/'
mistake laptop 'what answers nothing is no answer' 's/drop state invalid as INVALID/drop tcp state invalid as INVALID/'
mistake laptop 'what answers nothing is no answer' 's/state established, related as ANSWER/state established, related, invalid as ANSWER/'
mistake laptop 'names come from our resolvers, while we wait' 's/^edition 1$/edition 1; timeouts { udp 1h }/'
mistake laptop 'names come from our resolvers, while we wait' 's/reject udp, tcp to not resolvers/reject tcp to not resolvers/'
mistake laptop 'errors about our packets reach us, others do not' 's/established, related as ANSWER/established as ANSWER/'
mistake laptop 'ping: ours is answered, questions come from home alone' 's/icmp type echo-request from home /icmp type echo-request /'
mistake laptop 'an address is obtained' 's/to port 68  /to self port 68  /'
mistake laptop 'an address is obtained' 's/source port 547 to port 546/source port 546 to port 547/'
mistake laptop 'printers at home are found' 's/to self port 5353 as MDNS_ANSWER/to self port 5354 as MDNS_ANSWER/'
mistake laptop 'printers at home are found' 's/accept udp from home to 224.0.0.251/accept udp to 224.0.0.251/'
mistake laptop 'manners' 's/^firewall manners out/firewall manners forward/'
mistake home-server 'somebody at home opens a file and closes it again' 's/established, related as GOES_ON/related as GOES_ON/'
mistake home-server 'somebody at home opens a file and closes it again' 's/^ports files = 22, 445/ports files = 22, 139/'
mistake home-server 'nobody else gets anything' 's/accept tcp from lan to self port files/accept tcp to self port files/'
mistake home-server 'an address is obtained and renewed' 's/to 192.168.1.1, 255.255.255.255 port 67/to 192.168.1.1 port 67/'
mistake home-server 'an address is obtained and renewed' 's/udp from 192.168.1.1 source port 67/udp source port 67/'
mistake home-server 'an address is obtained and renewed' 's/source port 547 to self port 546/source port 546 to self port 547/'
mistake home-server 'neighbours, routers and groups' 's/accept icmp6 type nd  *as NEIGHBOURS_OUT/accept icmp6 type nd-neighbor-solicit as NEIGHBOURS_OUT/'
mistake home-server 'neighbours, routers and groups' 's/ ttl 1 as GROUPS6/ ttl 255 as GROUPS6/;s/ ttl 1  *as GROUPS6/ ttl 255 as GROUPS6/'
mistake home-server 'it is found by name, at home alone' 's/source port 5353 to mdns, lan /source port 5353 to mdns /'
mistake home-server 'it is found by name, at home alone' 's/from lan to mdns, self port 5353/to mdns, self port 5353/'
mistake home-server 'one machine may not take all connections' 's/flows over 50 per source/flows over 500 per source/'
mistake home-server 'it fetches updates, and starts nothing else' 's/^firewall leash out default reject/firewall leash out default accept/'
mistake laptop-stateless 'nobody opens a connection to this machine' 's/flags has ack  *as TCP_ANSWER/as TCP_ANSWER/'
mistake laptop-stateless 'nobody opens a connection to this machine' 's/set home      = 192.168.1.0/set home      = 192.168.0.0/'
mistake laptop-stateless 'answers to our questions arrive' 's/source port 123 to self /to self port 123 /'
mistake laptop-stateless 'names come from our resolvers alone' 's/accept udp from resolvers source port 53/accept udp source port 53/'
mistake laptop-stateless 'scans are dropped whatever else they carry' '/as SYN_FIN$/{h;d;};/as TCP_REFUSED$/G'
mistake laptop-stateless 'an address is obtained' 's/source port 67 to port 68/source port 68 to port 67/'
mistake laptop-stateless 'errors reach us, pings only from home' 's/type echo-request from home/type echo-request/'
mistake every-condition 'counting never decides' 's/count tcp port 22 /drop tcp port 22 /'
mistake office-hours 'guests surf while the office is open' 's/during not open /during open /'
mistake office-hours 'guests surf while the office is open' 's/sat 09:00-12:00/sat 09:00-13:00/'
mistake office-hours 'maintenance has its hours, also past midnight' 's/23:00-01:00/23:00-24:00/'
mistake office-hours 'maintenance has its hours, also past midnight' 's/wed, sun/mon, sun/'
mistake office-hours 'guests surf while the office is open' 's/established, related  *as ANSWER/related as ANSWER/'
mistake office-hours 'guests surf while the office is open' '/as CLOSED$/{h;d;};/as ANSWER$/G'
mistake office-hours 'maintenance has its hours, also past midnight' '/as TOO_EARLY$/{h;d;};/as ANSWER$/G'
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
