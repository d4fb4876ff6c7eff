#!/bin/bash
# observe.sh WORK [ROUNDS]: a replay of long connections that `mode observe` watches, beside tshark, which follows one of them, and
# Suricata, which puts all in order for a rule that nothing matches; where one of them is not installed it says so. Rows are
# nanoseconds of processor time a packet, with starting and reading the capture, which is 100 MB: medians of rounds in turn. SURICATA is
# a command in its place. B is the build folder.
set -euo pipefail
B=${B:-build}
work=$1
rounds=${2:-5}
capture=$work/observe.pcap
"$B/tests/bench/observe" "$capture"
printf 'firewall f default accept { }\nservice w on any tcp/any { mode observe; sessions to "%s/s.jsonl" }\n' "$work" >"$work/observe.prey"
"$B/preyc" "$work/observe.prey" -o "$work/observe.pbc"
packets=$("$B/preyrun" -r "$capture" "$work/observe.pbc" --json 2>/dev/null | python3 -c 'import json, sys; print(json.load(sys.stdin)["observed"]["packets"])')

spent() { # FILE COMMAND...: nanoseconds a packet, as a line of the file
    local file=$1 TIMEFORMAT='%U %S'
    shift
    { time "$@" >/dev/null 2>&1; } 2>&1 | awk -v n="$packets" '{ printf "%.1f\n", ($1 + $2) * 1e9 / n }' >>"$file"
}
middle() { # FILE: median, lowest, highest, with tabs
    sort -n "$1" | awk '{ v[NR] = $1 } END { printf "%s\t%s\t%s", v[int((NR + 1) / 2)], v[1], v[NR] }'
}
row() { # PEER FILE: ratio is the median of rounds
    printf 'row\ta replay of long connections, watched\tns/pkt\t%s\t%s\t%s\t%s\t<= 1000 ns/pkt\t%s\n' "$(middle "$work/ours")" "$1" "$(middle "$2")" \
        "$(paste "$work/ours" "$2" | awk '{ print $1 / $2 }' | sort -n | awk '{ v[NR] = $1 } END { printf "%.4f", v[int((NR + 1) / 2)] }')" \
        "$(middle "$work/ours" | awk '{ print $1 <= 1000 ? "met" : "missed" }')"
}
tshark=$(command -v tshark || true)
suricata=${SURICATA:-$(command -v suricata || true)}
mkdir -p "$work/suricata"
echo 'alert tcp any any -> any any (msg:"never"; content:"|00 01 02 03|nowhere|04 05 06 07|"; sid:1;)' >"$work/never.rules"
rm -f "$work/ours" "$work/tshark.ns" "$work/suricata.ns"
for ((i = 0; i < rounds; i++)); do
    spent "$work/ours" "$B/preyrun" -r "$capture" "$work/observe.pbc"
    [ -z "$tshark" ] || spent "$work/tshark.ns" "$tshark" -r "$capture" -q -z follow,tcp,raw,0
    [ -z "$suricata" ] || spent "$work/suricata.ns" "$suricata" -r "$capture" -l "$work/suricata" -k none -S "$work/never.rules" --set stream.reassembly.depth=0
done
if [ -n "$tshark" ]; then row 'tshark -z follow' "$work/tshark.ns"; else
    printf 'note\ttshark is not installed: it stands beside watched connections\n'
fi
if [ -n "$suricata" ]; then row 'suricata -r' "$work/suricata.ns"; else
    printf 'note\tsuricata (of bookworm-backports) is not installed: it stands beside watched connections\n'
fi
