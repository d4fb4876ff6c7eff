#!/bin/bash
# make demo: from a rule file to verdicts, in a minute. The programs are built; a capture is made here, an example
# compiled, the capture replayed. Everything it writes lies in $B/demo. Nothing is sent, nothing on this machine changes.
set -euo pipefail
B=${B:-build}
demo=$B/demo
rules=rules-examples/web-server.prey
self=203.0.113.10,2001:db8::10
mkdir -p "$demo"

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' plain=$'\e[0m'; fi
step() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
show() { printf '  $ %s\n' "$*"; }

step '1. A capture: traffic that a small web server might see'
"$B/tests/tools/mkcap" tests/examples/web-server.notes "$demo/traffic.pcap"
printf '  %s, made from tests/examples/web-server.notes\n' "$demo/traffic.pcap"

step "2. The rules: a part of $rules"
sed -n '/^firewall edge/,/as WEB/p' "$rules" | sed 's/^/  | /'
printf '  | …\n'

step '3. Compile: preyc checks the rules and writes a program'
show "$B/preyc $rules -o $demo/web-server.pbc"
"$B/preyc" "$rules" -o "$demo/web-server.pbc" | sed 's/^/  /'
printf '  %s, %s bytes\n' "$demo/web-server.pbc" "$(wc -c <"$demo/web-server.pbc")"

step '4. Replay: preyrun judges every frame and sends nothing'
show "$B/preyrun --pcap $demo/traffic.pcap --self $self $demo/web-server.pbc"
"$B/preyrun" --pcap "$demo/traffic.pcap" --self "$self" "$demo/web-server.pbc" | sed 's/^/  /'

step '5. Explain: why did the rules reject frame 19? It came from a guest in the office'
show "$B/preyrun --pcap $demo/traffic.pcap --self $self --explain 19 $demo/web-server.pbc"
"$B/preyrun" --pcap "$demo/traffic.pcap" --self "$self" --explain 19 "$demo/web-server.pbc" | sed 's/^/  /'

step '6. Connections: how each one of a laptop began and ended, one morning'
"$B/tests/tools/mkcap" tests/examples/laptop.notes "$demo/morning.pcap"
"$B/preyc" rules-examples/laptop.prey -o "$demo/laptop.pbc" >/dev/null
show "$B/preyrun --pcap $demo/morning.pcap --self 192.168.1.20,fe80::20 --flows $demo/laptop.pbc"
"$B/preyrun" --pcap "$demo/morning.pcap" --self 192.168.1.20,fe80::20 --flows "$demo/laptop.pbc" |
    sed -n '/^began/,$p' | sed 's/^/  /'

"$B/tests/tools/mkcap" tests/examples/shop.notes "$demo/shop.pcap" # which the guide replays

step 'Next, write your own rules: docs/guide/tutorials/get-started.md'
