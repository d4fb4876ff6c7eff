#!/bin/bash
# observe.sh WORK: a replay of long connections that `mode observe` watches, beside tshark, which follows them, and Suricata, which puts
# them together for its rules; where one of them is not installed it says so. A row for each, in nanoseconds of processor time a packet,
# with starting and reading the capture. B is the build folder.
set -euo pipefail
B=${B:-build}
work=$1
capture=$work/observe.pcap
"$B/tests/bench/observe" "$capture"
printf 'firewall f default accept { }\nservice w on any tcp/any { mode observe; sessions to "%s/s.jsonl" }\n' "$work" >"$work/observe.prey"
"$B/preyc" "$work/observe.prey" -o "$work/observe.pbc"
packets=$("$B/preyrun" -r "$capture" "$work/observe.pbc" --json 2>/dev/null | python3 -c 'import json, sys; print(json.load(sys.stdin)["observed"]["packets"])')

spent() { # COMMAND...: nanoseconds a packet
    local TIMEFORMAT='%U %S'
    { time "$@" >/dev/null 2>&1; } 2>&1 | awk -v n="$packets" '{ printf "%.1f", ($1 + $2) * 1e9 / n }'
}
row() { # PEER OURS THEIRS
    local ratio
    ratio=$(awk -v a="$2" -v b="$3" 'BEGIN { printf "%.4f", a / b }')
    printf 'row\ta replay of long connections, watched\tns/pkt\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t-\t-\n' "$2" "$2" "$2" "$1" "$3" "$3" "$3" "$ratio"
}
ours=$(spent "$B/preyrun" -r "$capture" "$work/observe.pbc")
if command -v tshark >/dev/null; then
    row 'tshark -z follow' "$ours" "$(spent tshark -r "$capture" -q -z follow,tcp,raw,0)"
else
    printf 'note\ttshark is not installed: it stands beside watched connections\n'
fi
if command -v suricata >/dev/null; then
    mkdir -p "$work/suricata"
    row 'suricata -r' "$ours" "$(spent suricata -r "$capture" -l "$work/suricata" -k none)"
else
    printf 'note\tsuricata (of bookworm-backports) is not installed: it stands beside watched connections\n'
fi
