#!/bin/sh
# The example rule files: each compiles without a word, and each gives the verdicts kept here as NAME.verdicts on the
# capture made of NAME.notes. The options are those of the command that the file itself shows in its first lines.
# UPDATE=1 rewrites the kept verdicts: read the difference.
set -u
B=${B:-build}
work=$B/scratch/examples
mkdir -p "$work"
failed=0

check() { # NAME STATUS: the line of one test
    if [ "$2" -eq 0 ]; then echo "ok - $1"; else echo "not ok - $1"; failed=1; fi
}

for file in rules-examples/*.prey; do
    name=$(basename "$file" .prey)
    golden=tests/examples/$name.verdicts

    "$B/preyc" --werror "$file" -o "$work/$name.pbc" 2>"$work/$name.said" >"$work/$name.good"
    status=$?
    [ "$(grep -c ': good: ' "$work/$name.good")" = "$(wc -l <"$work/$name.good")" ] || cat "$work/$name.good" >>"$work/$name.said"
    [ -s "$work/$name.said" ] && { sed 's/^/# /' "$work/$name.said"; status=1; }
    check "$name.prey compiles without a word" $status

    "$B/preyc" --check "$file" >"$work/$name.said" 2>&1
    check "$name.prey passes preyc --check" $?

    options=$(sed -n 's/^# *preyrun --pcap [^ ]* \(.*\) [^ ]*\.pbc$/\1/p' "$file")
    options=$(echo "$options" | sed "s:--copies :&$work/:") # a folder of the tests
    "$B/tests/tools/mkcap" "tests/examples/$name.notes" "$work/$name.pcap"
    check "$name.notes makes a capture" $?
    # shellcheck disable=SC2086 — several options
    "$B/preyrun" --pcap "$work/$name.pcap" $options --verdicts "$work/$name.verdicts" "$work/$name.pbc" >"$work/$name.summary"
    check "$name.prey replays, options: $options" $?
    [ -n "${UPDATE:-}" ] && cp "$work/$name.verdicts" "$golden"
    diff "$golden" "$work/$name.verdicts" >"$work/$name.diff" 2>&1
    status=$?
    sed 's/^/# /' "$work/$name.diff"
    check "$name.prey gives the kept verdicts ($(($(wc -l <"$golden") - 1)) frames)" $status
done

for file in rules-examples/set-ups/*.prey; do
    "$B/preyc" --werror --check "$file" >"$work/said" 2>&1 && grep -q '^test ' "$file" && grep -Fq "(${file##*/})" rules-examples/set-ups/README.md
    status=$?
    [ $status -eq 0 ] || sed 's/^/# /' "$work/said"
    check "set-ups/${file##*/} compiles without a word, has tests that hold, and is in the index" $status
done

# The one that shows every condition: each of its rules matches something, else it shows nothing.
rules=$(grep -c '^ *count ' rules-examples/every-condition.prey)
"$B/preyrun" --pcap "$work/every-condition.pcap" --on eth0 --self 10.0.0.1 "$work/every-condition.pbc" >"$work/every.summary"
idle=0
for rule in $(sed -n 's/^ *count .* as \([A-Z0-9_]*\).*/\1/p' rules-examples/every-condition.prey); do
    [ "$rule" = ON_ETH1 ] && continue # the frames arrive on eth0
    grep -qw "$rule" "$work/every.summary" || { echo "# $rule matched nothing"; idle=$((idle + 1)); }
done
check "every-condition.prey: each of its $rules rules counts a frame" $idle
exit $failed
