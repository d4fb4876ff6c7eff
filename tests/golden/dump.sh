#!/usr/bin/env bash
# dump.sh KIND: what `preyc --dump=KIND` of each tests/golden/KIND/NAME.prey prints must be what NAME.txt holds, and nothing
# else may go wrong. UPDATE=1 rewrites the .txt files, for a human to read the difference.
set -u
kind=$1
B=$(realpath "${B:-build}")
cd "$(dirname "$0")/$kind" || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0
for case in *.prey; do
    name=${case%.prey}
    NO_COLOR=1 timeout 60 "$B/preyc" --dump="$kind" "$case" >"$work/out" 2>"$work/err" || {
        echo "not ok - $kind/$name does not compile"
        sed 's/^/# /' "$work/err"
        failed=1
        continue
    }
    if [ -n "${UPDATE:-}" ]; then
        cp "$work/out" "$name.txt"
    fi
    if diff -u "$name.txt" "$work/out" >"$work/difference" 2>&1; then
        echo "ok - $kind/$name"
    else
        echo "not ok - $kind/$name"
        sed 's/^/# /' "$work/difference" "$work/err"
        failed=1
    fi
done
exit $failed
