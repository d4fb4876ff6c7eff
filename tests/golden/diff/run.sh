#!/usr/bin/env bash
# What `preyc --diff NAME.old.prey NAME.new.prey` prints must be what NAME.txt holds, with its exit status on the last line;
# the same from the compiled programs, and of a file and itself nothing. UPDATE=1 rewrites the .txt files, for a human to
# read the difference.
set -u
B=$(realpath "${B:-build}")
preyc=$B/preyc
cd "$(dirname "$0")" || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0
tell() { # STATUS NAME
    if [ "$1" -eq 0 ]; then echo "ok - $2"; else
        echo "not ok - $2"
        failed=1
    fi
}

for old in *.old.prey; do
    name=${old%.old.prey}
    new=$name.new.prey
    {
        timeout 60 "$preyc" --diff "$old" "$new" 2>&1
        echo "status $?"
    } >"$work/out"
    [ -z "${UPDATE:-}" ] || cp "$work/out" "$name.txt"
    diff -u "$name.txt" "$work/out" | sed 's/^/# /'
    cmp -s "$name.txt" "$work/out"
    tell $? "diff/$name"

    "$preyc" "$old" -o "$work/old.pbc" 2>/dev/null && "$preyc" "$new" -o "$work/new.pbc" 2>/dev/null
    {
        timeout 60 "$preyc" --diff "$work/old.pbc" "$new" 2>&1
        echo "status $?"
    } >"$work/mixed"
    timeout 60 "$preyc" --diff "$work/old.pbc" "$work/new.pbc" >"$work/programs" 2>&1
    echo "status $?" >>"$work/programs"
    cmp -s "$work/out" "$work/mixed" && cmp -s "$work/out" "$work/programs"
    tell $? "diff/$name: programs differ as their rules do"

    for file in "$old" "$new"; do
        timeout 60 "$preyc" --diff "$file" "$file" >"$work/same" 2>/dev/null &&
            [ "$(cat "$work/same")" = 'no difference for any packet that the rules judge' ]
        tell $? "diff/$file does not differ from itself"
    done

    # JSON carries the same regions, and says what the status says.
    timeout 60 "$preyc" --format=json --diff "$old" "$new" >"$work/json" 2>/dev/null
    status=$?
    python3 as_json.py "$work/json" "$work/out" $status
    tell $? "diff/$name as JSON"
done
exit $failed
