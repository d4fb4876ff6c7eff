#!/usr/bin/env bash
# Copies in a replay, of captures and of recordings: nothing is sent; they are counted, or kept in files below --copies, with the frames as
# they came or as they would leave; what does not go is said.
set -u
. tests/lib/scratch.sh

rules shop <<'END'
interface lan = "eth0"
pool near { source 10.9.0.1; server one 10.0.0.11:5353 }
service dns on 203.0.113.10 udp/53 { mode passthrough; announce; -> near }
firewall edge default drop {
  mirror to "tap0" as CAME
  mirror sent to "tap1" udp as LEFT
  mirror to file "/nowhere/but/copies.pcapng" limit 1MiB on lan as KEPT
  mirror sent to socket "ids" snap 20B as TOLD
  mirror to file "rare.pcapng" limit 2/h udp as RARE
  accept tcp port 22
  accept udp to port 53
}
END
capture shop <<'END'
on eth0
eth / ip4 198.18.0.3 > 203.0.113.10 / udp 40000 > 53
eth / ip4 198.18.0.4 > 10.0.0.9 / tcp 40000 > 22 syn seq 1
on eth1
eth / ip4 198.18.0.6 > 10.0.0.9 / tcp 40000 > 25 syn seq 1
eth / vlan 7 / ip4 198.18.0.5 > 203.0.113.10 / udp 40000 > 53
eth / ip4 198.18.0.7 > 10.0.0.9 / udp 40000 > 53
END
fields() { tshark -r "$1" -T fields "${@:2}" 2>/dev/null | tr '\t\n' ' ;'; } # FILE -e FIELD...

# Of a capture.
run --pcap shop.pcap shop.pbc
same 'copies are counted' "$status $(sed -n '/^mirrors/,/^ .*a replay/p' out | tr -s ' ')" '0 mirrors CAME to device tap0: 5 copies, 238 bytes
 LEFT, as they leave, to device tap1: 3 copies, 130 bytes
 KEPT to file /nowhere/but/copies.pcapng: 2 copies, 96 bytes
 TOLD, as they leave, to socket ids: 4 copies, 80 bytes
 RARE to file rare.pcapng: 1 copy, 42 bytes; lost 2: over the rule'\''s rate
 a replay sends nothing: the copies were only counted (--copies DIR keeps them)'
same 'and nothing is written' "$(ls -d /nowhere ./*.pcapng 2>&1 | grep -vc 'No such')" 0
run --pcap shop.pcap --format json shop.pbc
same 'as JSON' "$(python3 -c 'import json; print([(m["rule"], m["to"], m["packets"], m["lost_by"]["rate"]) for m in json.load(open("out"))["mirrors"]])')" \
    "[('CAME', 'device', 5, 0), ('LEFT', 'device', 3, 0), ('KEPT', 'file', 2, 0), ('TOLD', 'socket', 4, 0), ('RARE', 'file', 1, 2)]"
run --pcap shop.pcap --copies kept --write left.pcapng shop.pbc
has 'kept below a directory' '^ +a replay sends nothing: the copies are in files below kept$'
same 'a file each' "$(cd kept && echo *)" 'copies.pcapng device-tap0.pcapng device-tap1.pcapng rare.pcapng socket-ids.pcapng'
same 'as they came, at their times, where they came in' "$(fields kept/device-tap0.pcapng -e frame.time_epoch -e frame.interface_name -e eth.src -e ip.src)" \
    "$(fields shop.pcap -e frame.time_epoch -e frame.interface_name -e eth.src -e ip.src | sed 's/eth1/other/g')"
same 'byte for byte' "$(tshark -r kept/device-tap0.pcapng -x 2>/dev/null | sha256sum)" "$(tshark -r shop.pcap -x 2>/dev/null | sha256sum)"
same 'as they leave: what --write writes, and what stays here' "$(fields kept/device-tap1.pcapng -e eth.dst -e ip.src -e ip.dst -e udp.dstport)" \
    "$(fields left.pcapng -e eth.dst -e ip.src -e ip.dst -e udp.dstport)$(fields shop.pcap -Y 'ip.src == 198.18.0.7' -e eth.dst -e ip.src -e ip.dst -e udp.dstport)"
same 'no more than the rule keeps' "$(fields kept/socket-ids.pcapng -e frame.cap_len -e frame.len | tr ';' '\n' | cut -d' ' -f1 | sort -u)" 20
has 'with the rule, and its flow' 'LEFT'
same 'with rule and flow' "$(tshark -r kept/rare.pcapng -T fields -e frame.comment 2>/dev/null | head -1)" 'rule RARE; flow udp 198.18.0.3:40000 > 203.0.113.10:53'
run --pcap shop.pcap --copies kept shop.pbc
same 'another replay overwrites them' "$(fields kept/device-tap0.pcapng -e frame.number)" '1;2;3;4;5;'

# Of a recording, by the program that ran, and by another one.
"$bin/tests/tools/mkrec" shop.pbc shop.pcap recorded
run --replay recorded
same 'a recording: copies are counted' "$(sed -n '/^mirrors/,/^ .*a replay/p' out | tr -s ' ' | sed 's/: .*//' | tr '\n' ';')" \
    'mirrors CAME to device tap0; LEFT, as they leave, to device tap1; KEPT to file /nowhere/but/copies.pcapng; TOLD, as they leave, to socket ids; RARE to file rare.pcapng; a replay sends nothing;'
run --replay recorded --copies again
same 'and kept' "$status $(fields again/device-tap0.pcapng -e ip.src)" "0 $(fields shop.pcap -e ip.src)"
run --replay recorded --copies later --from 2199-01-01T00:00
same 'from a time on' "$status $(fields later/device-tap0.pcapng -e ip.src)" '0 '
sed '/mirror/d' shop.prey | rules plain
"$bin/tests/tools/mkrec" plain.pbc shop.pcap uncopied
run --replay uncopied --copies other --format json shop.pbc
same 'another program copies what was recorded' "$status $(python3 -c 'import json; print(json.load(open("out"))["mirrors"][0]["packets"])') $(fields other/device-tap0.pcapng -e ip.src)" \
    "0 5 $(fields shop.pcap -e ip.src)"
run --replay uncopied --copies other
same 'no rule copies' "$status $(cat err)" '2 preyrun: --copies: no rule of these programs is a `mirror`'

# What does not go.
run --pcap shop.pcap --copies kept plain.pbc
same 'no rule of a program copies' "$status $(cat err)" '2 preyrun: --copies: no rule of plain.pbc is a `mirror`'
run --pcap shop.pcap --copies shop.pcap shop.pbc
same 'a directory that is none' "$status $(cat err)" '2 preyrun: --copies: shop.pcap/device-tap0.pcapng: Not a directory'
ln -sfn /etc/hostname kept/rare.pcapng
run --pcap shop.pcap --copies kept shop.pbc
same 'a link in it is not followed' "$status $(cat err)" '2 preyrun: --copies: kept/rare.pcapng: Too many levels of symbolic links'
rm kept/rare.pcapng
mkfifo kept/rare.pcapng
run --pcap shop.pcap --copies kept shop.pbc
same 'nor is a FIFO written' "$status $(cat err)" '2 preyrun: --copies: kept/rare.pcapng: not a regular file'
sed 's/"rare.pcapng"/"copies.pcapng"/' shop.prey | rules twice
run --pcap shop.pcap --copies two twice.pbc
same 'two files of one name' "$status $(cat err)" '2 preyrun: --copies: two/copies.pcapng: copies for `copies.pcapng` and for another target would share this file'
run --pcap shop.pcap --copies kept --explain 1 shop.pbc
same 'explained frames alone' "$status $(cat err)" '2 preyrun: --explain prints only frames: leave out --copies'
run -i lo --copies kept shop.pbc
same 'live the rules say where' "$status" 2
mkdir full && if mount -t tmpfs -o size=8k tmpfs full 2>/dev/null; then
    capture many <<<"repeat 2000 eth / ip4 198.18.0.6 > 10.0.0.9 / tcp 40000 > 25 syn seq 1"
    run --pcap many.pcap --copies full shop.pbc
    same 'a full disk is told' "$status $(sed 's/copies: [^ ]*:/copies: F:/' err)" '2 preyrun: --copies: F: No space left on device'
    tshark -r full/device-tap0.pcapng >/dev/null 2>said
    same 'what it took are whole packets' "$? $(grep -v 'Running as' said)" '0 '
    umount full
else
    echo 'ok - a full disk # SKIP no right to mount'
fi
exit $failed
