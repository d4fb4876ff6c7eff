#!/usr/bin/env bash
# Diagnostics as text: each NAME.prey beside this script (or what NAME.gen prints, as NAME.prey) is checked, and exit
# status, standard output and standard error must be what NAME.txt says. NAME.args, where it stands, holds the arguments
# in place of `--check NAME.prey`. UPDATE=1 rewrites the .txt files, for a human to read the difference.
set -u
ulimit -f 20000 # no diagnostic fills a disk
B=$(realpath "${B:-build}")
cd "$(dirname "$0")" || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cp -r ./* "$work"
failed=0
for case in *.prey *.gen *.args; do
    name=${case%.*}
    [ "${case##*.}" = args ] && [ -e "$name.prey" ] && continue
    [ "${case##*.}" = gen ] && bash "./$case" >"$work/$name.prey"
    args=(--check "$name.prey")
    [ -e "$name.args" ] && read -ra args <"$name.args"
    (
        cd "$work" || exit 2
        NO_COLOR=1 timeout 60 "$B/preyc" "${args[@]}" >out 2>err
        echo "exit $?"
        sed 's/^/out: /' out
        cat err
    ) >"$work/result"
    if [ -n "${UPDATE:-}" ]; then
        cp "$work/result" "$name.txt"
    fi
    if diff -u "$name.txt" "$work/result" >"$work/difference" 2>&1; then
        echo "ok - diag/$name"
    else
        echo "not ok - diag/$name"
        sed 's/^/# /' "$work/difference"
        failed=1
    fi
done
exit $failed
