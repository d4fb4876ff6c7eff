#!/usr/bin/env bash
# Copies and observed connections by the executor in the kernel: packets of known flows, which no process sees otherwise, are
# mirrored frame by frame as they came and as they left; so is what the machine itself says, cloned to devices at traffic control;
# connections are observed whole, those that are sent on in the kernel and the machine's own.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
RECORD=0 # a recording has samples of what the kernel judges

space client prey one ids
lan switch 1 client prey one
link prey tap0 ids tap0
link prey tap1 ids tap1
udp one 53
web prey
web one
payload 300000 prey one

# frames FILE...: their bytes, a line each.
frames() { for f in "$@"; do tcpdump -nn -t -xx -r "$f" 2>/dev/null; done | awk '/^\t/ { printf "%s", $0; next } { print "" } END { print "" }' | sed 's/\t0x[0-9a-f]*://g' | sort; }
same_frames() { cmp -s <(frames "$2") <(frames "$3"); ok $? "$1"; }                        # SENTENCE FILE FILE
counted() { ctl counters mirrors; awk -v key="mirrors.$1.$2" '$1 == key { print $2 }' out; } # RULE KEY
is() { [ "$(counted "$1" "$2")" = "$3" ]; }                                               # RULE KEY VALUE
up() { ctl counters kernel; awk '$1 ~ /^kernel\.up\./ { n += $2 } END { print n + 0 }' out; }

# Known flows: the first packet of each goes up, the others are sent in the kernel.
rules shop <<'END'
pool near { server one 10.1.0.3 }
service dns on 10.1.0.100 udp/53 { mode passthrough; announce; -> near }
firewall edge default accept {
  mirror to "tap0" udp to 10.1.0.100 port 53 as CAME
  mirror sent to "tap1" udp to 10.1.0.100 port 53 as LEFT
  mirror to file "kept.pcapng" snap 60B udp to 10.1.0.100 port 53 as KEPT
  mirror to file "kept.pcapng" limit 1/h udp to 10.1.0.100 port 53 as RARE
}
END
prey prey -i eth0 --format json shop.pbc
sniff came.pcap client eth0 udp dst port 53 and dst 10.1.0.100
sniff left.pcap one eth0 udp dst port 53
sniff tap0.pcap ids tap0 udp
sniff tap1.pcap ids tap1 udp
for i in 1 2 3 4 5 6 7 8; do talk client 10.1.0.100 53 $((4000 + i % 2)) $((i * 100)); done | cut -d" " -f1 >answers
same 'all are answered' "$(sort answers | uniq -c | tr -s ' ')" ' 8 one'
for rule in CAME LEFT KEPT; do until_true 100 "$rule has copied" is $rule packets 8 && ok 0 "$rule copies eight"; done
until_true 100 'the devices have all' [ "$(frames_of tap0.pcap)$(frames_of tap1.pcap)" = 88 ]
sniffed
same_frames 'the device gets frames as they came' came.pcap tap0.pcap
same_frames 'and as they left' left.pcap tap1.pcap
same 'a file has 60 bytes of each, and the one that a rate allowed' \
    "$(tshark -r kept.pcapng -T fields -e frame.cap_len 2>/dev/null | sort -n | uniq -c | tr -s ' \n' ' ')$(counted RARE packets) $(counted RARE lost_by.rate)" ' 8 60 1 142 1 7'
[ "$(up)" -lt 13 ] # the first three answers of each flow come up: by one interface they prove nothing, and routes are asked
ok $? 'most of them no process has seen'
prey_ends
same 'it ends well' "$status" 0

# What the machine itself says and hears.
rules own <<'END'
firewall heard in default accept {
  mirror to "tap0" tcp as HEARD
  mirror sent to "tap1" tcp as TAKEN
  drop tcp to port 81
}
firewall said out default accept {
  mirror to "tap0" tcp as SAID
  mirror sent to "tap1" tcp as SENT
  mirror to file "own.pcapng" snap 60B tcp as KEPT
}
END
prey prey -i eth0 --format json own.pbc
for d in prey:eth0 ids:tap0 ids:tap1; do at ${d%:*} ethtool -K ${d#*:} gro off >/dev/null 2>&1; done # whoever sniffs sees frames one by one
sniff own.pcap prey eth0 tcp
sniff tap0.pcap ids tap0 tcp
sniff tap1.pcap ids tap1 tcp
fetches 'a file of this machine' client 10.1.0.2
fetches 'a file for this machine' prey 10.1.0.3
whole() { cmp -s <(frames own.pcap) <(frames "$1"); }
for n in 0 1; do
    until_true 100 "tap$n has all" whole tap$n.pcap
    ok $? "what this machine says and hears is on tap$n, frame by frame"
done
sniffed
counts() { [ "$(counted SAID packets)" = "$(counted KEPT packets)" ] && [ "$(counted SAID lost)$(counted KEPT lost)" = 00 ]; }
until_true 100 'all copies are counted' counts
ok $? 'as many copies are counted to a device as to a file, and none is lost'
ip -n "$id-prey" link set dev tap0 down
until_down() { at client curl -s -m 5 -o /dev/null http://10.1.0.2/ && [ "$(counted SAID lost_by.down)" -gt 0 ]; }
until_true 100 'a device that is down' until_down && ok 0 'copies to a device that is down are counted; their packets go on'
prey_ends
same 'it ends well' "$status" 0

# Observed: a service whose connections the kernel sends on, and the machine's own.
rules watch <<'END'
pool near { server one 10.1.0.3 }
service web on 10.1.0.100 tcp/80 { mode passthrough; announce; -> near }
firewall own default accept { }
service watch on any tcp/80 { mode observe; sessions to "sessions.jsonl"; stream to "bytes" }
END
prey prey -i eth0 --format json watch.pbc
fetches 'a file by the service' client 10.1.0.100
fetches 'a file of this machine' client 10.1.0.2
fetches 'a file for this machine' prey 10.1.0.3
ended() { [ -e sessions.jsonl ] && [ "$(wc -l <sessions.jsonl)" -ge "$1" ]; }
until_true 100 'sessions have ended' ended 3
prey_ends
same 'both halves of each are whole, as its client has them' \
    "$(python3 -c 'import json
for s in sorted(map(json.loads, open("sessions.jsonl")), key=lambda s: s["server"]):
    c, v = s["from_client"], s["from_server"]
    print(s["server"], s["why"], c["holes"], v["holes"], v["bytes"] > 300000, c["differing"] + v["differing"])')" \
    '10.1.0.100 closed 0 0 True 0
10.1.0.2 closed 0 0 True 0
10.1.0.3 closed 0 0 True 0'
whole=0
for f in bytes/*.server; do tail -c 300000 "$f" | cmp -s - payload && whole=$((whole + 1)); done
same 'the bytes are those of the file' $whole 3
same 'they came up as copies, and none was lost' "$(number kernel shown | awk '{ print ($1 > 300) }')$(number kernel unseen)" 10
exit $failed
