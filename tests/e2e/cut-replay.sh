#!/bin/bash
# `cut` in a replay: the next packet of a flow that it ended meets none, whichever executor judges, and its end is told. B is the build folder.
set -u
. tests/lib/scratch.sh

cat >rules.prey <<'END'
set caught = live size 100 never 192.0.2.0/24
nat home { masquerade from 10.0.0.0/24 out on "eth0" ports 2000-2001 }
firewall edge default drop {
  add source/32,/128 to caught for 10m CUT udp to port 9 as TRAP
  accept state established as OPEN
  accept udp from 10.0.0.0/24, 198.51.100.0/24 as NEW
}
END
cat >in.notes <<'END'
eth / ip4 198.51.100.7 > 192.0.2.1 / udp 5000 > 53
eth / ip4 192.0.2.1 > 198.51.100.7 / udp 53 > 5000
eth / ip4 198.51.100.8 > 192.0.2.1 / udp 5000 > 53
eth / ip4 10.0.0.5 > 192.0.2.1 / udp 2000 > 53
eth / ip4 10.0.0.5 > 192.0.2.1 / udp 2001 > 53
eth / ip4 198.51.100.7 > 192.0.2.1 / udp 5001 > 9
eth / ip4 192.0.2.1 > 198.51.100.7 / udp 53 > 5000
eth / ip4 192.0.2.1 > 198.51.100.8 / udp 53 > 5000
eth / ip4 10.0.0.6 > 192.0.2.1 / udp 2000 > 53
eth / ip4 10.0.0.5 > 192.0.2.1 / udp 2002 > 9
eth / ip4 10.0.0.6 > 192.0.2.1 / udp 2000 > 53
eth / ip4 10.0.0.6 > 192.0.2.1 / udp 2001 > 53
END
"$bin/tests/tools/mkcap" in.notes in.pcap || ok 1 'a capture'
replay() { # WORD EXECUTOR: verdicts with their rules, and ends of flows
    sed "s/CUT/$1/" rules.prey >now.prey
    "$bin/preyc" now.prey -o now.pbc >/dev/null 2>said || { sed 's/^/# /' said; ok 1 'rules'; }
    timeout 60 "$bin/preyrun" --pcap in.pcap --exec "$2" --self 203.0.113.1 --route default=eth0 --route 10.0.0.0/24=eth1 --flows --json \
        --verdicts lines now.pbc >out 2>err </dev/null || { sed 's/^/# /' err; return 1; }
    python3 - <<'PY'
import json
print(*("%s:%s" % (v["verdict"], v.get("rule") or v.get("reason") or "-") for v in map(json.loads, open("lines"))))
text = open("out").read()
print(text.count('"end":"cut"'))
PY
}
same 'without the word flows go on' "$(replay '' user | head -n 1)" \
    'accept:NEW accept:OPEN accept:NEW forward:NEW forward:NEW accept:NEW accept:OPEN accept:OPEN drop:NEW forward:NEW forward:NEW drop:NEW'
user=$(replay cut user)
same 'with it the next packet meets none, and the ports of who was cut are free' "$user" \
    'accept:NEW accept:OPEN accept:NEW forward:NEW forward:NEW accept:NEW drop:default accept:OPEN drop:NEW forward:NEW forward:NEW forward:NEW
4'
if kernel=$(replay cut kernel); then
    same 'the kernel does the same' "$kernel" "$user"
elif grep -qE 'may not be loaded|may not load eBPF programs|built without|too old' err; then
    echo "ok - the kernel does the same # SKIP $(head -n 1 err)"
else
    ok 1 'the kernel replays'
fi
exit $failed
