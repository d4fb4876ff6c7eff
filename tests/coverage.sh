#!/usr/bin/env bash
# Runs the tests on a build with coverage counters and prints which lines of lang/, compiler/ and vm/ they reach.
# Each of the three must reach 90 % (COVER_MIN), lines that no test can reach included.
set -u
cd "$(dirname "$0")/.." || exit 2
B=${B:-build}/cov
least=${COVER_MIN:-90}
export B
find "$B" -name '*.gcda' -delete
echo "Running the tests on $B ..."
COVERAGE=1 bash tests/run.sh >"$B/tests.log" 2>&1
tail -1 "$B/tests.log"
status=0
for folder in lang compiler vm; do
    gcovr --root . --filter "$folder/" --object-directory "$B" --exclude-unreachable-branches --gcov-ignore-parse-errors \
        "$B/$folder" >"$B/$folder.txt" 2>"$B/$folder.err" || { cat "$B/$folder.err"; status=1; continue; }
    sed -n '/^File/,$p' "$B/$folder.txt"
    percent=$(sed -n 's/^TOTAL.* \([0-9]*\)%.*/\1/p' "$B/$folder.txt")
    if [ "${percent:-0}" -lt "$least" ]; then
        echo "$folder: ${percent:-0} % of the lines, under $least %"
        status=1
    fi
done
exit $status
