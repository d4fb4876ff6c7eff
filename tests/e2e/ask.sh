#!/usr/bin/env bash
# preyc --ask: what would become of a packet, and why, by rules or a program.
set -u
. tests/lib/scratch.sh
asks() { # ARGUMENT...: preyc into out, err, status
    timeout 60 "$bin/preyc" "$@" >out 2>err </dev/null
    status=$?
}
cat >edge.prey <<'END_RULES'
interface wan = "eth0"
set office = 198.51.100.0/24
firewall edge default drop {
  accept state established, related as OPEN
  accept icmp6 type nd
  accept tcp from office to self port 22 on wan as SSH
  reject tcp port 113 with rst as IDENT
  accept tcp to 203.0.113.10 port 80 as WEB
}
pool web { server one 10.0.0.1:8080 }
service shop on 203.0.113.10 tcp/80 { mode passthrough; -> web }
END_RULES
"$bin/preyc" edge.prey -o edge.pbc >/dev/null || exit 1

asks --ask 'tcp 198.51.100.9:50000 -> self:22 syn on wan' edge.prey
same 'each rule that was tried, and the verdict' "$status$(cat err)
$(cat out)" '0
packet  tcp 198.51.100.9:50000 > 192.0.0.8:22 SYN  54 bytes
  state new: there is no flow
  OPEN    no   state is new, not established or related (edge.prey:4)
  edge:5  no   not icmp6 (edge.prey:5)
  SSH     yes  accept (edge.prey:6)
verdict: accept  rule SSH'
cp out of-rules
asks --ask 'tcp 198.51.100.9:50000 -> self:22 syn on wan' edge.pbc
same 'a program says the same' "$(cat out)" "$(cat of-rules)"
printf '%s\n' 'local 192.0.2.1 dev eth0 table local' '192.0.2.0/24 dev eth0' 'local 2001:db8::1 dev eth0 table local' >table
asks --routes table --ask 'tcp 198.51.100.9:50000 -> self:22 syn on wan' --ask 'tcp 198.51.100.9:50000 -> 192.0.2.1:22 syn on wan' \
    --ask 'tcp [2001:db8:9::1]:50000 -> self:23 syn on wan' edge.prey
same '`self` is the local routes'\'' address' "$status $(grep -cx 'packet  tcp 198.51.100.9:50000 > 192.0.2.1:22 SYN  54 bytes' out) $(grep -c '> \[2001:db8::1\]:23' out) $(grep -c 'accept  rule SSH' out)" '0 2 1 2'
asks --routes table --self 192.0.2.9 --ask 'tcp 198.51.100.9:50000 -> self:22 syn on wan' edge.prey
same 'or that of --self' "$status $(grep -c '> 192.0.2.9:22' out)" '0 1'
asks --ask 'tcp 198.51.100.9:50000 -> self:22 syn on "eth0"' edge.prey
same 'so does the device' "$(cat out)" "$(cat of-rules)"
timeout 60 "$bin/preyc" --ask 'tcp 198.51.100.9:50000 -> self:22 syn on wan' - <edge.prey >out
same 'and standard input' "$(tail -1 out)" "$(tail -1 of-rules)"
sed 's/passthrough;/passthrough; announce;/; s/default drop/default drop other frames pass/' edge.prey >told.prey
asks --ask 'arp 203.0.113.1 -> 203.0.113.10' told.prey
same 'who asks for an address that is announced is answered' "$status $(grep answer out)" '0   answered arp 203.0.113.10 is-at 02:00:cb:00:71:0a'
asks --ask 'arp 203.0.113.1 -> 203.0.113.10' edge.prey
same 'nobody answers for one that is not' "$status $(grep answer out)" '0   no answer: service shop has the address 203.0.113.10, but no `announce`'
asks --ask 'arp 203.0.113.1 -> 203.0.113.77' edge.prey
same 'nor for one that nobody has' "$status $(grep answer out)" '0   no answer: this machine doesn'\''t answer for 203.0.113.77'
asks --json --ask 'arp 203.0.113.1 -> 203.0.113.77' edge.prey
same 'so in JSON' "$(python3 -c 'import json; j = json.load(open("out")); print(j["asks_for"])')" "{'address': '203.0.113.77', 'answered': False, 'why': \"this machine doesn't answer for 203.0.113.77\"}"
sed '/accept icmp6/i \  drop arp' edge.prey >deaf.prey
asks --ask 'arp 203.0.113.1 -> 203.0.113.10' deaf.prey
same 'nor where rules drop the question' "$status $(grep answer out)" '0   no answer: the rules don'\''t accept the request'
asks --ask 'tcp 198.51.100.9:50000 -> self:22 syn on eth7' edge.prey
same 'an interface that the rules don'\''t name' "$(sed -n 2p out)|$(tail -1 out)" '  came in on eth7, which the rules don'\''t name|verdict: drop  rule default'
asks --ask 'tcp 192.0.2.1:50000 -> 203.0.113.10:80 syn' --ask 'tcp 192.0.2.1:50000 -> self:113 syn' edge.prey
same 'several, and what leaves' "$(grep -E '^(packet|verdict|$)|sent|answered' out | sed 's/192.0.0.8:[0-9]* >/192.0.0.8 >/')" \
'packet  tcp 192.0.2.1:50000 > 203.0.113.10:80 SYN  54 bytes
  sent tcp 192.0.0.8 > 10.0.0.1:8080 SYN
verdict: forward  rule WEB  service shop  server web/one

packet  tcp 192.0.2.1:50000 > 192.0.0.8:113 SYN  54 bytes
  answered tcp 192.0.0.8 > 192.0.2.1:50000 RST ACK
verdict: reject  rule IDENT'
asks --json --ask 'tcp 192.0.2.1:50000 -> 203.0.113.10:80 syn' --ask 'udp 192.0.2.1:1 -> self:53' edge.prey
same 'JSON, an object a line' "$(python3 -c '
import json
for l in open("out"):
    j = json.loads(l)
    print(j["verdict"], j["rule"], j["server"], len(j["tried"]), j["state"])')" 'forward WEB web/one 5 new
drop default None 5 new'
printf '# which may enter?\n\ntcp 192.0.2.1:50000 -> self:22 syn\n  udp 192.0.2.1:1 -> self:53\r\n' | timeout 60 "$bin/preyc" --ask - edge.pbc >out 2>err
same '- reads lines' "$?$(cat err)$(grep -c '^verdict: drop' out)" 02
{ printf 'udp 192.0.2.1:1 -> self:53\0x\n'; head -c 100000 /dev/zero | tr '\0' x; printf '\nudp 192.0.2.1:1 -> self:53\n'; } | timeout 60 "$bin/preyc" --ask - edge.pbc >out 2>err
same 'lines that are none are told, and the rest is asked' "$?|$(cat err)|$(grep -c '^verdict: drop' out)" \
    '2|preyc: --ask: the input isn'\''t a packet: a line with a zero byte
preyc: --ask: the error is in line 1 of standard input
preyc: --ask: the input isn'\''t a packet: a line longer than 65,536 bytes
preyc: --ask: the error is in line 2 of standard input|1'
asks --ask 'udp 192.0.2.1:1 -> self:53' edge.prey edge.pbc
same 'of several files each is named' "$(grep ':$' out | tr '\n' ' ')$(grep -c ^verdict out)" 'edge.prey: edge.pbc: 2'
head -3 edge.prey >bad.prey; echo 'firewall f { accept nothing }' >>bad.prey
asks --ask 'udp 192.0.2.1:1 -> self:53' bad.prey
same 'rules at fault' "$status$(grep -c 'error:' err)" 22
cat >hours.prey <<'END_RULES'
schedule work = mon-fri 08:00-18:00 zone "America/New_York"
schedule eve = 2026-12-24 18:00 - 2026-12-27
firewall f default drop {
  accept tcp to self port 22 during work as WORK
  accept tcp to self port 80 during eve as EVE
}
END_RULES
decides() { # ARGUMENT...: the rules by which
    asks "$@" hours.prey
    echo "$status$(cat err)" $(sed -n 's/^verdict.*rule //p' out)
}
ssh='tcp 198.51.100.9:50000 -> self:22 syn'
same 'at a time of a day, by the clock of the zone' "$(decides --at 'tue 17:59' --ask "$ssh"; decides --at 'tue 18:00' --ask "$ssh"; decides --at 'sat 09:00' --ask "$ssh"; decides --at 09:00 --ask "$ssh"; decides --ask "$ssh")" \
'0 WORK
0 default
0 default
0 WORK
0 default'
web='tcp 198.51.100.9:50000 -> self:80 syn'
same 'and of a date' "$(decides --at '2026-12-24 17:59' --ask "$web"; decides --at '2026-12-24 18:00' --ask "$web" --ask "$ssh")" \
'0 default
0 EVE default'
asks --self 203.0.113.7,2001:db8::7,203.0.113.8 --ask "$ssh" --ask 'tcp [2001:db8::1]:1 -> self:22 syn' --ask 'tcp 198.51.100.9:50000 -> 203.0.113.8:22 syn' --ask 'tcp 198.51.100.9:50000 -> 192.0.0.8:22 syn' --at 'fri 12:00' hours.prey
same 'this machine is who --self says' "$status$(cat err)
$(grep -E '^(packet|verdict)' out)" '0
packet  tcp 198.51.100.9:50000 > 203.0.113.7:22 SYN  54 bytes
verdict: accept  rule WORK
packet  tcp [2001:db8::1]:1 > [2001:db8::7]:22 SYN  74 bytes
verdict: accept  rule WORK
packet  tcp 198.51.100.9:50000 > 203.0.113.8:22 SYN  54 bytes
verdict: accept  rule WORK
packet  tcp 198.51.100.9:50000 > 192.0.0.8:22 SYN  54 bytes
verdict: drop  rule default'
wrong() { # SENTENCE PATTERN ARGUMENT...
    local sentence=$1 pattern=$2
    shift 2
    asks "$@"
    [ "$status" = 2 ] && grep -qE -- "$pattern" err && [ ! -s out ]
    ok $? "$sentence"
}
# What is wrong with a packet preyctl says in the same words, before it asks anybody.
for packet in 'foo' 'tcp 192.0.2.1:1 -> 192.0.2.2:22 } test' 'tcp 192.0.2.1:1 -> 192.0.2.2:22 syn ; udp' 'tcp 192.0.2.1 -> 192.0.2.2:22' \
    'tcp 192.0.2.1:1 -> 192.0.2.2:99999' 'tcp 192.0.2.1:1 -> 192.0.2.2:80 host x' 'tcp 192.0.2.1:1 -> 192.0.2.2:80 bar' \
    'udp 192.0.2.1:1 -> 192.0.2.2:80 host "x"' 'icmp 192.0.2.1 -> 192.0.2.2 path "/"' 'icmp 192.0.2.1 -> 192.0.2.2 syn' \
    'expect pool web: tcp 192.0.2.1:1 -> 192.0.2.2:80' 'tcp 192.0.2.1:1 -> 192.0.2.2:80 on'; do
    asks --ask "$packet" edge.prey
    sed -i 's/^preyc: --ask: //' err
    said=$(cat err)
    timeout 60 "$bin/preyctl" explain "$packet" >out 2>err
    same "preyctl explain says the same of \`$packet\`" "$? $(sed 's/^preyctl: explain: //' err)" "2 $said"
done
asks --ask 'udp 192.0.2.1:1 -> 192.0.2.2:80 host "x"' edge.prey
same 'a part that asks for a pool, of a packet that gets none' "$status $(cat err)" '2 packet: error: `udp` has no `host` [E0703]
      | udp 192.0.2.1:1 -> 192.0.2.2:80 host "x"
      |                                 ^^^^ write `tcp`: the test then shows the pool that a service in `mode proxy` chooses for a `host`'
wrong 'a word that is none' 'unexpected `foo`' --ask 'foo' edge.prey
wrong 'a test instead of a packet' 'isn.t a packet' --ask 'tcp 1.2.3.4:1 -> self:22 } test "x" {' edge.prey
wrong 'nothing' 'needs a packet' --ask '' edge.prey
wrong 'a name of the rules' 'office' --ask 'tcp office:1 -> self:22' edge.prey
wrong 'no rules' 'needs rules' --ask 'udp 192.0.2.1:1 -> self:53'
wrong 'a device that can'\''t be' 'can'\''t be a device name' --ask 'udp 192.0.2.1:1 -> self:53 on a/b' edge.prey
wrong 'with other options' 'combined only with --self' --ask 'udp 192.0.2.1:1 -> self:53' --check edge.prey
wrong 'a time that is none' 'time:' --at 'noon' --ask "$ssh" edge.prey
wrong 'a time with more behind' 'not a time' --at '09:00; expect' --ask "$ssh" edge.prey
wrong 'a time of nothing' 'works only with --ask' --at '09:00' --check edge.prey
wrong 'an address that is none' 'isn'\''t an IPv4' --self wan --ask "$ssh" edge.prey
wrong 'SARIF' 'prints text or json' --ask 'udp 192.0.2.1:1 -> self:53' --format=sarif edge.prey
wrong 'standard input twice' 'takes one rule file' --ask - -
wrong 'too many' 'up to 64 times' $(for i in $(seq 65); do echo --ask udp; done) edge.prey
cat >web.prey <<'END_RULES'
pool web { server a 10.1.0.11:80 }
pool api { server b 10.1.0.12:80 }
service shop on self tcp/80 { mode proxy http; when host "shop.example.com" path "/api/*" -> api; else -> web }
service raw on self tcp/443 { mode proxy; when sni "a.example" -> api 90%, web 10% }
END_RULES
"$bin/preyc" web.prey -o web.pbc 2>err
hears() { # PORT WORDS: what is made of what the client says
    asks --ask "tcp 198.18.0.1:1024 -> self:$1 syn $2" web.pbc
    sed -n '/^  .*client.\{0,2\} data/s/^  //p' out
}
same 'which pool a host and a path get' "$(hears 80 'host "shop.example.com" path "/api/x"')
$(hears 80 'host "shop.example.com" path "/x"')
$(hears 443 'sni "a.example"')
$(hears 443 'sni "b.example"')
$(hears 81 'host "shop.example.com"')" 'by the client'\''s data: when (web.prey:3) -> api
by the client'\''s data: else (web.prey:3) -> web
by the client'\''s data: when (web.prey:4) -> api 90%, web 10%
closed because of the client'\''s data: no `when` matches, and the service has no `else`
client data is ignored: no proxy service takes the connection'
asks --json --ask 'tcp 198.18.0.1:1024 -> self:80 syn host "shop.example.com" path "/api/x"' web.prey
same 'so in JSON' "$(python3 -c 'import json; print(json.load(open("out"))["heard"])')" "by the client's data: when (web.prey:3) -> api"
asks --ask 'udp 192.0.2.1:1 -> nowhere:53' edge.prey
same 'what is wrong is shown in the line that was given' "$status$(cat err)" '2packet: error: no constant is called `nowhere` [E0201]
      | udp 192.0.2.1:1 -> nowhere:53
      |                    ^^^^^^^'
printf 'udp 192.0.2.1:1 -> self:53\n\nudp 192.0.2 -> self:53\n' | timeout 60 "$bin/preyc" --ask - edge.prey >out 2>err
same 'and which line that was' "$?$(head -2 err)$(tail -1 err)" '2packet: error: `192.0.2` isn'\''t an address [E0107]
      | udp 192.0.2 -> self:53preyc: --ask: the error is in line 3 of standard input'
timeout 60 "$bin/preyc" --ask 'udp 192.0.2.1:1 -> self:53' edge.prey >/dev/full 2>err
same 'a full disk' "$?$(cat err)" "2preyc: can't write to standard output: No space left on device"
printf 'set caught = live size 10\nfirewall f default accept { drop from caught }\n' >caught.prey
asks --ask 'tcp 192.0.2.9:5000 -> self:22 syn' caught.prey
same 'live sets have no members, and that is said' "$status $(tail -1 out) $(cat err)" \
    '0 verdict: accept  rule default preyc: notice: live sets have no members here; to use the members of a running prey, run `preyctl explain`'
head -c 300000 /dev/urandom | timeout 60 "$bin/preyc" --ask - edge.prey >out 2>err
same 'any bytes as packets' "$? $(grep -c Sanitizer err)" '2 0'
exit $failed
