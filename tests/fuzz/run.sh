#!/bin/sh
# One fuzz target for some seconds: sh tests/fuzz/run.sh fuzz_NAME SECONDS. Seeded, so that two runs begin alike. The kept
# corpus (tests/fuzz/corpus/NAME) is only read; what is found goes to $B/corpus, a crashing input to $B/crash-….
set -u
name=$1
seconds=$2
new=$B/corpus/${name#fuzz_}
kept=tests/fuzz/corpus/${name#fuzz_}
rm -rf "$new"
mkdir -p "$new"
[ -d "$kept" ] || kept=
size=
[ "$name" = fuzz_pbc ] && size=-max_len=16384 # a whole program: libFuzzer would stop at 4 KiB
if [ "$name" = fuzz_pbc ] && [ "$seconds" -gt 1 ]; then export IN_KERNEL=1; fi
if "$B/tests/fuzz/$name" -seed=1 $size -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2500 -print_final_stats=1 \
    -artifact_prefix="$B/crash-$name-" "$new" $kept >"$new.log" 2>&1; then
    echo "ok - $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$new.log") inputs"
else
    tail -60 "$new.log"
    echo "not ok - $name"
    exit 1
fi
