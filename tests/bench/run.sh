#!/bin/bash
# make bench: speed and memory beside their peers, as one table and $B/bench.json. Never passes or fails on time: a
# figure is read, with its peer's and the spread of both. RESULTS.md keeps a table and says what each row means;
# UPDATE=1 writes this run's table into it: on a quiet machine, or the figures are those of its other work too.
# SMALL=1 only tries it all, with hand-made traffic, within seconds.
set -euo pipefail
B=${B:-build}
export B
here=tests/bench
. $here/small.sh
work=$results/bench
corpus=${PREY_CORPUS:-../shared/corpus}
mkdir -p "$work"

if [ -z "${SMALL:-}" ] && [ -r "$corpus/bench/mix.pcap.xz" ]; then
    xz -dc "$corpus/bench/mix.pcap.xz" >"$work/mix.pcap"
    capture=$work/mix.pcap
    traffic='the mix of the corpus'
else
    make --no-print-directory "B=$B" "$B/tests/tools/mkcap" >/dev/null
    capture=$work/handmade.pcap
    bash $here/traffic.sh "$(size 20000 1000)" >"$work/traffic.notes"
    "$B/tests/tools/mkcap" "$work/traffic.notes" "$capture"
    traffic="hand-made: $(size "there is no corpus at $corpus" "these are small sizes, and no figures")"
fi
cat >"$work/replay.prey" <<'RULES'
firewall edge default drop {
  drop from 198.18.0.0/15
  accept tcp port 22, 80, 443
  accept tcp source port 22, 80, 443
  accept udp port 53
  accept udp source port 53
  accept icmp
  accept icmp6
}
RULES
"$B/preyc" "$work/replay.prey" -o "$work/replay.pbc"

load=$(cut -d ' ' -f 1 /proc/loadavg)
rows=$work/rows
table=$work/table
: >"$rows"
printf 'bench: judging packets …\n' >&2
"$B/tests/bench/judge" "$capture" >>"$rows"
printf 'bench: replaying …\n' >&2
"$B/tests/bench/replay" "$capture" "$work/replay.pbc" "$(size 10 2)" >>"$rows"
printf 'bench: compiling …\n' >&2
"$B/tests/bench/compile" "$work" >>"$rows"
printf 'bench: many rules …\n' >&2
for part in write compile packets; do "$B/tests/bench/rules" $part "$work" >>"$rows"; done
printf 'bench: searching classifiers …\n' >&2
"$B/tests/bench/classify" >>"$rows"
printf 'bench: balancing …\n' >&2
"$B/tests/bench/balance" >>"$rows"
printf 'bench: asking meters …\n' >&2
"$B/tests/bench/meters" >>"$rows"
printf 'bench: looking in live sets …\n' >&2
"$B/tests/bench/live_sets" >>"$rows"
printf 'bench: following connections …\n' >&2
"$B/tests/bench/flows" >>"$rows"
"$B/tests/bench/flow_packets" >>"$rows"
"$B/tests/bench/cookies" >>"$rows"
printf 'bench: watching connections …\n' >&2
"$B/tests/bench/observe" >>"$rows"
bash $here/observe.sh "$work" "$(size 5 1)" >>"$rows"
printf 'bench: large sets …\n' >&2
"$B/tests/bench/sets" "$work" >>"$rows"
printf 'bench: tables of routes …\n' >&2
"$B/tests/bench/routes" >>"$rows"
printf 'bench: first bytes of connections …\n' >&2
"$B/tests/bench/heads" >>"$rows"
printf 'bench: rewriting packets …\n' >&2
"$B/tests/bench/act" "$capture" >>"$rows"
printf 'bench: sending on in every mode …\n' >&2
"$B/tests/bench/modes" >>"$rows"
printf 'bench: handing over …\n' >&2
"$B/tests/bench/handover" >>"$rows"

{
    printf 'traffic: %s; %s; %s cores; load %s; median (lowest to highest)\n\n' "$traffic" "$(uname -sr)" "$(nproc)" "$load"
    awk -f $here/table.awk "$rows"
} | sed 's/ *$//' | tee "$table"

# The same rows for machines.
awk -F '\t' -v traffic="$traffic" -v kernel="$(uname -sr)" '
    function number(v) { return v == "-" ? "null" : v }
    function text(v) { gsub(/["\\]/, "", v); return v == "-" ? "null" : "\"" v "\"" }
    BEGIN { printf "{\"traffic\": %s, \"kernel\": %s, \"rows\": [", text(traffic), text(kernel) }
    $1 == "row" {
        printf "%s\n  {\"what\": %s, \"unit\": %s, \"ours\": {\"median\": %s, \"lowest\": %s, \"highest\": %s}, \"peer\": %s, ", \
            comma, text($2), text($3), number($4), number($5), number($6), text($7)
        printf "\"peer_figure\": {\"median\": %s, \"lowest\": %s, \"highest\": %s}, \"ratio\": %s, \"goal\": %s, \"goal_met\": %s}", \
            number($8), number($9), number($10), number($11), text($12), $13 == "-" ? "null" : $13 == "met" ? "true" : "false"
        comma = ","
    }
    END { print "\n]}" }' "$rows" >"$results/bench.json"
printf '\nas JSON: %s\n' "$results/bench.json"

if [ -n "${UPDATE:-}" ]; then
    awk -v table="$table" '
        /^```/ { fence++; print; if (fence == 1) while ((getline line < table) > 0) print line; next }
        fence != 1' $here/RESULTS.md >"$work/RESULTS.md"
    cp "$work/RESULTS.md" $here/RESULTS.md
fi
