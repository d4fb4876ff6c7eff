#!/usr/bin/env bash
# Tests of rule files, as text: each NAME.prey beside this script is checked, with the captures that NAME.notes make
# beside it, and exit status, standard output and standard error must be what NAME.txt says. NAME.args, where it stands,
# holds the arguments in place of `--check NAME.prey`. Ports that this machine gives out are written PORT. UPDATE=1 rewrites the .txt files, for a human to read the difference.
set -u
ulimit -f 20000
B=$(realpath "${B:-build}")
cd "$(dirname "$0")" || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cp -r ./* "$work"
failed=0
for notes in *.notes; do
    "$B/tests/tools/mkcap" "$notes" "$work/${notes%.notes}.pcap" || { echo "not ok - tests-inline: $notes makes a capture"; failed=1; }
done
head -c 60 "$work/web.pcap" >"$work/cut.pcap" # inside its first frame
for case in *.prey *.args; do
    name=${case%.*}
    [ "${case##*.}" = args ] && [ -e "$name.prey" ] && continue
    args=(--check "$name.prey")
    [ -e "$name.args" ] && read -ra args <"$name.args"
    (
        cd "$work" || exit 2
        NO_COLOR=1 timeout 60 "$B/preyc" "${args[@]}" >out 2>err
        echo "exit $?"
        sed 's/^/out: /' out
        sed -E 's/(192\.0\.0\.8:)6[1-5][0-9]{3} >/\1PORT >/; s/(> 192\.0\.0\.8:)6[1-5][0-9]{3}/\1PORT/' err
    ) >"$work/result"
    if [ -n "${UPDATE:-}" ]; then
        cp "$work/result" "$name.txt"
    fi
    if diff -u "$name.txt" "$work/result" >"$work/difference" 2>&1; then
        echo "ok - tests-inline/$name"
    else
        echo "not ok - tests-inline/$name"
        sed 's/^/# /' "$work/difference"
        failed=1
    fi
done
# A file whose tests fail gives no program; one whose tests pass does.
cd "$work" || exit 2
timeout 60 "$B/preyc" failing.prey -o failing.pbc >out 2>err
[ $? -eq 1 ] && [ ! -e failing.pbc ] && grep -q '^failing.prey: .* tests failed' err
[ $? -eq 0 ] && echo 'ok - tests-inline: a failing test writes no output' || { echo 'not ok - tests-inline: a failing test writes no output'; failed=1; }
timeout 60 "$B/preyc" passing.prey -o passing.pbc >out 2>err && [ -s passing.pbc ] && grep -q '^passing.prey: good: .* passed$' out && [ "$(wc -l <out)" -eq 1 ] && [ ! -s err ]
[ $? -eq 0 ] && echo 'ok - tests-inline: -o says in a line that tests passed' || { echo 'not ok - tests-inline: -o says in a line that tests passed'; failed=1; }
exit $failed
