#!/bin/bash
# Connections to proxy services, in a replay: the frame that decides names the server, and so do later ones, however the
# bytes came; explanations, sums, flows. B is the build folder.
set -u
. tests/lib/scratch.sh

rules web <<'END_OF_RULES'
pool web { balance round_robin; server a 10.0.0.11:8080; server b 10.0.0.12:8080 }
service raw on 203.0.113.10 tcp/80 { mode proxy; -> web }
service www on 203.0.113.10 tcp/81 { mode proxy http; -> web }
firewall f default drop {
  drop from 198.18.0.66 as EVIL
  accept tcp to 203.0.113.10 flags has syn lacks ack as IN
  accept state established as OPEN
}
END_OF_RULES
REQUEST='GET /a HTTP/1.1|Host: a||' # | stands for CRLF
hex() { printf '%s' "$1" | sed 's/|/\r\n/g' | od -An -tx1 -v | tr -d ' \n'; }
up() { # CLIENT PORT
    echo "eth / ip4 198.18.0.$1 > 203.0.113.10 / tcp 1000 > $2"
}
opened() { # CLIENT PORT: the handshake
    echo "$(up "$1" "$2") syn seq 100"
    echo "eth back / ip4 203.0.113.10 > 198.18.0.$1 / tcp $2 > 1000 syn ack seq 500 ack 101"
    echo "$(up "$1" "$2") ack seq 101 ack 501"
}
data() { # CLIENT PORT SEQ HEX
    echo "$(up "$1" "$2") ack psh seq $3 ack 501 / payload x\"$4\""
}
servers() { # the server column of the last run's lines, in a row
    tail -n +2 lines | cut -f5 | tr '\n' ' '
}

echo '# Where nothing is asked'
capture raw <<END_OF_NOTES
$(opened 1 80)
$(data 1 80 101 "$(hex 'hello')")
$(up 1 80) ack fin seq 106 ack 501
$(up 66 80) syn seq 1
$(up 7 80) ack seq 1 ack 1
END_OF_NOTES
run --pcap raw.pcap --verdicts lines --write left.pcap --flows web.pbc
same 'its first packet has no server, what follows the handshake has' "$(tail -n +2 lines)" "$(printf '%s\n' \
    '1	forward	IN	raw	-	-' '2	accept	OPEN	-	-	-' '3	forward	OPEN	raw	web/a	-' \
    '4	forward	OPEN	raw	web/a	-' '5	forward	OPEN	raw	web/a	-' '6	drop	EVIL	-	-	-' '7	drop	default	-	-	-')"
has 'the summary counts connections' '^proxied +1 connection: 1 given a server$'
has '… and what --write leaves out' '4 frames of these connections went to this machine: the file of --write doesn'\''t contain them'
has 'the server has its frames' '^  web/a +3 '
has 'the list of flows names it' '198\.18\.0\.1:1000.*203\.0\.113\.10:80 +web/a +'
same 'nothing is written' "$(tcpdump -nr left.pcap 2>/dev/null | wc -l)" 0
run --pcap raw.pcap --verdicts lines --down web/a web.pbc
same 'a server that is down gets none' "$(servers)" '- - web/b web/b web/b - - '
run --pcap raw.pcap --format json web.pbc
has 'JSON has the same' '"served":[[:space:]]*1'

echo '# Requests, cut at every byte'
request=$(hex "$REQUEST")
n=$((${#request} / 2))
bytes() { # ORDER-COMMAND: one byte a segment
    for ((i = 0; i < n; i++)); do data 2 81 $((101 + i)) "${request:i*2:2}"; done | "$@"
}
none() { printf -- '- %.0s' $(seq "$1"); }
capture each <<END_OF_NOTES
$(opened 2 81)
$(bytes cat)
END_OF_NOTES
run --pcap each.pcap --verdicts lines web.pbc
same 'the last byte of the head decides' "$(servers)" "$(none $((2 + n)))web/a "
run --pcap each.pcap --explain $((3 + n)) web.pbc
has 'an explanation says what the bytes said' "frame $((3 + n)) decided: method is \"GET\", host is \"a\", path is \"/a\""
has '… and where that is written' 'service www, else -> web \(web\.prey:3\)'
run --pcap each.pcap --explain $((2 + n)) web.pbc
has 'the one before does not decide yet' 'no server: the connection'\''s bytes so far aren'\''t enough to choose a server'
capture back <<END_OF_NOTES
$(opened 2 81)
$(bytes tac)
END_OF_NOTES
run --pcap back.pcap --verdicts lines web.pbc
same 'backwards the first byte does' "$(servers)" "$(none $((2 + n)))web/a "
capture twice <<END_OF_NOTES
$(opened 2 81)
$(data 2 81 101 "${request:0:20}")
$(data 2 81 101 "$(hex 'xxxxxxxxxx')")
$(data 2 81 113 "${request:24}")
$(data 2 81 101 "$request")
END_OF_NOTES
run --pcap twice.pcap --verdicts lines web.pbc
same 'other bytes in place of those that came do not count; the gap is filled' "$(servers)" '- - - - - - web/a '

echo '# Kept connections'
capture kept <<END_OF_NOTES
$(opened 3 81)
$(data 3 81 101 "$request")
$(data 3 81 $((101 + n)) "$(hex 'POST / HTTP/1.1|Host: b|Content-Length: 6||abc')")
$(data 3 81 $((101 + n + 50)) "$(hex "def$REQUEST$REQUEST")")
$(data 3 81 $((101 + n + 53 + 2 * n)) "$(hex "GET / HTTP/1.1|Host: c|")")
END_OF_NOTES
run --pcap kept.pcap --verdicts lines web.pbc
same 'each request names its server, the last of a frame' "$(servers)" '- - - web/a web/b web/b web/b '
capture smuggled <<END_OF_NOTES
$(opened 3 81)
$(data 3 81 101 "$(hex 'GET / HTTP/1.1|Host: a|Content-Length: 1|Transfer-Encoding: chunked||')")
$(data 3 81 172 "$request")
END_OF_NOTES
run --pcap smuggled.pcap --verdicts lines web.pbc
same 'what the proxy refuses gets no server' "$(servers)" '- - - - - '
run --pcap smuggled.pcap --explain 4 web.pbc
has 'an explanation says why' '^  no server: .*Content-Length'
run --pcap smuggled.pcap web.pbc
has 'the summary does' '^proxied +1 connection: 1 closed because of their bytes$'

capture wordless <<END_OF_NOTES
$(opened 3 81)
$(data 3 81 101 "$request")
$(opened 4 81)
$(up 4 81) ack fin seq 101 ack 501
$(opened 5 81)
after 60s
$(up 5 81) ack seq 101 ack 501
END_OF_NOTES
run --pcap wordless.pcap --verdicts lines web.pbc
same 'no byte asks for no server' "$(servers)" '- - - web/a - - - - - - - - '
has 'the summary counts those' '^proxied +3 connections: 1 given a server, 2 closed without a request$'
run --pcap wordless.pcap --explain 8 web.pbc
has '… and an explanation names them' 'no server: the client sent no request before it closed the connection, or before the time for it was up'
rules inline <<'END_OF_RULES'
pool web { server a 10.0.0.11:8080 }
service www on any tcp/81 { mode proxy inline http; when path "/a" -> original; when path "/x" -> reject; else -> web }
firewall f forward default accept { }
END_OF_RULES
n_get() { hex "GET /$1 HTTP/1.1|Host: b||"; }
capture inline <<END_OF_NOTES
$(opened 3 81)
$(data 3 81 101 "$request")
$(data 3 81 $((101 + n)) "$(n_get b)")
$(data 3 81 $((101 + n + 28)) "$request")
$(data 3 81 $((101 + 2 * n + 28)) "$(n_get x)")
END_OF_NOTES
run --pcap inline.pcap --verdicts lines inline.pbc
same 'a request to the original is one of several' "$(servers)" '- - - - web/a - - '
run --pcap inline.pcap --explain 6 inline.pbc
has '… and explained as such' 'no server: the connection continues to the client'\''s destination'
run --pcap inline.pcap --explain 7 inline.pbc
has '… until one is rejected' 'no server: the service rejects the connection'

echo '# What the bytes say'
rules routes <<'END_OF_RULES'
pool web { server a 10.0.0.11:8080 }
pool api { server x 10.0.0.13:8080 }
pool fwd { server y 10.0.0.14:8080 }
names inner = "api.example", "*.api.example"
service tls on 203.0.113.10, 2001:db8::10 tcp/443 {
  mode proxy
  when sni inner -> api
  when alpn "h2" -> fwd
  when bytes payload at 0 is x"5353482d" -> web
  when instruction to 10.9.0.0/16 -> target
  -> web
}
service www on 203.0.113.10 tcp/80 {
  mode proxy http accept proxy from 198.18.0.0/24
  when host "api.example" path "/v1/*" -> api
  when method "POST" -> fwd
  when header "X-Env" "test" -> fwd
  -> web
}
firewall f default accept { }
END_OF_RULES
hello() { # NAME [ALPN]: a ClientHello in hex
    local name alpn='' ext body
    name=$(hex "$1")
    local n=$((${#name} / 2))
    ext=$(printf '0000%04x%04x00%04x%s' $((n + 5)) $((n + 3)) $n "$name")
    if [ $# -gt 1 ]; then
        alpn=$(hex "$2")
        ext+=$(printf '0010%04x%04x%02x%s' $((${#alpn} / 2 + 3)) $((${#alpn} / 2 + 1)) $((${#alpn} / 2)) "$alpn")
    fi
    body=$(printf '0303%064d0000021301%s%04x%s' 0 0100 $((${#ext} / 2)) "$ext")
    printf '160301%04x01%06x%s' $((${#body} / 2 + 4)) $((${#body} / 2)) "$body"
}
sends() { # CLIENT PORT HEX...: a connection
    local client=$1 port=$2 seq=101
    shift 2
    opened "$client" "$port"
    for part; do
        data "$client" "$port" $seq "$part"
        seq=$((seq + ${#part} / 2))
    done
}
HEADER='PROXY TCP4 1.2.3.4 5.6.7.8 1000 80|'
capture said <<END_OF_NOTES
$(sends 1 443 "$(hello www.api.example)")
$(sends 2 443 "$(hello www.example h2)")
$(sends 3 443 "$(hello www.example)")
$(sends 4 443 "$(hex 'SSH-2.0-x')")
$(sends 5 443 "$(hex '1710.9.2.6:666600')")
$(sends 6 80 "$(hex "${HEADER}GET /v2/../v1/x HTTP/1.1|Host: API.example:80||")")
$(sends 7 80 "$(hex 'GET / HTTP/1.1|Host: api.example||')")
$(sends 8 80 "$(hex "${HEADER}POST / HTTP/1.1|Host: b|Content-Length: 0||")" "$(hex 'GET / HTTP/1.1|Host: b|X-Env: test||')")
$(sends 9 80 "$(hex "${HEADER}GET / HTTP/1.1|Host: b||")" | sed 's/198.18.0.9/192.0.2.9/')
END_OF_NOTES
run --pcap said.pcap --verdicts lines routes.pbc
same 'each key routes' "$(tail -n +2 lines | awk '$3 && (NR <= 32 ? NR % 4 == 0 : NR == 33 || NR == 37) { print $5 }' | tr '\n' ' ')" \
    'api/x fwd/y web/a web/a - api/x - fwd/y fwd/y - '
run --pcap said.pcap --explain 8 routes.pbc
has 'the bytes' 'frame 8 decided: sni is "www\.example", alpn offers "h2", no instruction, it begins x"16030100'
has '… the branch that they did not meet' 'service tls, when: no  sni "api\.example", "\*\.api\.example" \(routes\.prey:7\)'
has '… and the one that they did' 'service tls, when -> fwd \(routes\.prey:8\)'
run --pcap said.pcap --explain 20 routes.pbc
has 'a target is no pool' 'instruction to 10\.9\.2\.6:6666'
has '… and no server' 'no server: the client names its destination'
run --pcap said.pcap --explain 24 routes.pbc
has 'who a PROXY header names' 'PROXY header of 1\.2\.3\.4:1000, .*path is "/v1/x"'
run --pcap said.pcap --explain 37 routes.pbc
has 'who may not send one' 'no server: a PROXY header from a source that isn'\''t in `accept proxy from`'
rules told <<'END_OF_RULES'
pool own { source 10.2.0.7-10.2.0.8 ports 5000-5009; server a 10.0.0.11:8080; server b 10.0.0.12:8080 }
service told on 203.0.113.10 tcp/443 { mode proxy; when instruction check sum to 192.168.0.0/16 -> target; when from 10.0.0.0/8 -> own }
END_OF_RULES
capture told <<END_OF_NOTES
$(sends 1 443 "$(hex '20192.168.2.6:666629')")
$(sends 2 443 "$(hex '20172.168.2.6:666627')")
$(sends 3 443 "$(hex '20192.168.2.6:666600')")
$(sends 4 443 "$(hex 'hello')")
END_OF_NOTES
run --pcap told.pcap told.pbc
has 'instructions that are refused' '^proxied +4 connections: 1 given a server, 1 without a server, 2 closed because of their bytes$'
for at in 8,'instruction to a target that `instruction to` doesn'\''t allow' 12,'instruction whose length, target, check or padding is wrong' \
    16,'no `when` takes the connection, and there is no `else`'; do
    run --pcap told.pcap --explain "${at%%,*}" told.pbc
    has "… and why: frame ${at%%,*}" "no server: (an )?${at#*,}"
done
"$bin/preyc" --stats told.prey >out 2>&1
has 'the connections that a source allows' 'own, IPv4 +40 flows: 2 addresses x 10 ports x 2 servers'
run --pcap said.pcap --explain 8 --format json routes.pbc
has 'JSON has the connection' '"connection":\{"mode":"proxy","decided":8,"said":"sni is'
hello_bytes=$(hello www.api.example)
capture six <<END_OF_NOTES
$(sends 1 443 "$(printf '%s' "$hello_bytes" | head -c 40)" | sed 's/ip4 198.18.0.1 > 203.0.113.10/ip6 2001:db8:9::1 > 2001:db8::10/; s/ip4 203.0.113.10 > 198.18.0.1/ip6 2001:db8::10 > 2001:db8:9::1/')
$(for ((i = 20; i < ${#hello_bytes} / 2; i++)); do data 1 443 $((101 + i)) "${hello_bytes:i*2:2}"; done | sed 's/ip4 198.18.0.1 > 203.0.113.10/ip6 2001:db8:9::1 > 2001:db8::10/')
END_OF_NOTES
run --pcap six.pcap --verdicts lines routes.pbc
same 'a hello byte by byte, IPv6' "$(servers)" "$(none $((3 + ${#hello_bytes} / 2 - 20)))api/x "
rules ends <<'END_OF_RULES'
pool web { server a 10.0.0.11:8080 }
pool api { server x 10.0.0.13:8080 }
service tls on 203.0.113.10 tcp/443 { mode proxy tls cert "c" key "k"; when sni "www.api.example" -> api; else -> web }
service own on 203.0.113.10 tcp/444 { mode proxy tls cert "c" key "k"; when from 10.0.0.0/8 -> web; else -> api }
END_OF_RULES
capture ends <<END_OF_NOTES
$(sends 1 443 "$hello_bytes")
$(sends 2 443 "$(hello www.example)")
$(sends 3 444 "$(hello www.example)")
END_OF_NOTES
run --pcap ends.pcap --verdicts lines ends.pbc
same 'where TLS ends here the hello says the name, too' "$(servers)" '- - - api/x - - - web/a - - api/x api/x '
capture late <<END_OF_NOTES
$(sends 1 443 "$(hex 'EHLO')")
after 6s
$(up 1 443) ack seq 105 ack 501
END_OF_NOTES
run --pcap late.pcap --verdicts lines routes.pbc
same 'what does not come in time is absent' "$(servers)" '- - - web/a web/a '
capture silent <<END_OF_NOTES
$(opened 1 443)
after 6s
$(data 1 443 101 "$(hello www.api.example)")
END_OF_NOTES
run --pcap silent.pcap --verdicts lines routes.pbc
same 'nor is what comes after' "$(servers)" '- - - web/a '
run --pcap silent.pcap --explain 4 routes.pbc
has 'an explanation says when that was' 'frame 4 decided: no TLS hello'

echo '# In the wire: destinations that are no pools'
rules wire <<'END_OF_RULES'
pool web { server a 10.0.0.11:8080 }
service wire on any tcp/any vlan none {
  mode proxy inline
  when sni "a.example" -> reject
  when sni "b.example" -> program "/run/filter.sock"
  when bytes payload at 0 is x"41" -> reject
  when bytes payload at 0 is x"42" -> program "/run/filter.sock"
  when bytes payload at 0 is x"43" -> web
  else -> original
}
END_OF_RULES
"$bin/preyc" wire.prey -o wire.pbc >/dev/null || exit 1
for client in 1 2 3 4; do
    opened $client 25
    data $client 25 101 "4$client"
done | capture wire
run --pcap wire.pcap --verdicts lines wire.pbc
same 'only a pool has servers' "$(servers)" '- - - - - - - - - - - web/a - - - - '
has 'the summary tells connections that are rejected' '^proxied +4 connections: 3 given a server, 1 rejected$'
for at in '4,reject,no server: the service rejects the connection' '8,program "/run/filter.sock",no server: an application gets the connection' '12,web,web  maglev -> web/a' \
    '16,original,no server: the connection continues to the client'\''s destination'; do
    IFS=, read -r frame to why <<<"$at"
    run --pcap wire.pcap --explain "$frame" wire.pbc
    has "an explanation says where: $to" "service wire, (when|else) -> $to \(wire\.prey:[0-9]+\)"
    has '… and what that means' "$why"
done
run --pcap wire.pcap --explain 8 --format json wire.pbc
has 'JSON has it' '"to":"program \\"/run/filter\.sock\\""'
for says in a.example,reject 'b.example,program "/run/filter.sock"' c.example,original; do
    "$bin/preyc" --ask "tcp 198.18.0.1:1 -> 203.0.113.1:25 syn sni \"${says%%,*}\"" wire.prey >out 2>&1
    has "so does --ask, by what the client says: ${says#*,}" "-> ${says#*,}\$"
done

echo '# What a capture lacks'
sed -i 's/accept state established as OPEN/accept tcp as OPEN/' web.prey
"$bin/preyc" web.prey -o open.pbc 2>/dev/null
tail -n +4 each.notes | capture late
run --pcap late.pcap open.pbc
has 'a connection without its beginning stays undecided' 'connections?: 1 with bytes missing in the capture$'
sed "s/payload x\"..\"\$/& cut 54/" each.notes | capture cut
run --pcap cut.pcap web.pbc
has 'so does one whose bytes were not kept' '1 undecided$'
exit $failed
