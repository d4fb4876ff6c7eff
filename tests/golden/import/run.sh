#!/usr/bin/env bash
# What `preyc --import` makes of rule sets of nftables (NAME.nft.json) and iptables (NAME.iptables), those that the kernel judges
# by (tests/import/) among them: NAME.prey, which compiles and is formatted. Of what is no listing (bad/) one line says what is
# wrong, and nothing is written: bad.txt. UPDATE=1 rewrites both, for a human to read the difference.
set -u
B=$(realpath "${B:-build}")
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
import() { # FILE: into $work/out, $work/err; its status
    case $1 in *.iptables) from=iptables ;; *) from=nft ;; esac
    NO_COLOR=1 timeout 60 "$B/preyc" --import $from "$1" >"$work/out" 2>"$work/err" </dev/null
}

for file in *.iptables *.nft.json ../../import/*.iptables; do
    [ -e "$file" ] || continue
    name=$(basename "$file")
    name=${name%.json}
    import "$file"
    status=$?
    [ -z "${UPDATE:-}" ] || cp "$work/out" "$name.prey"
    diff -u "$name.prey" "$work/out" | sed 's/^/# /'
    cmp -s "$name.prey" "$work/out"
    tell $? "import/$name"
    # Status 1 where something could not be imported, and one line says how much.
    grep -q 'ot imported\|NOT IMPORTED' "$work/out" && left=1 || left=0
    [ $status -eq $left ] && [ "$(wc -l <"$work/err")" -eq $left ]
    tell $? "import/$name: the status says whether all could be imported"
    cp "$work/out" "$work/rules.prey"
    NO_COLOR=1 timeout 60 "$B/preyc" --check "$work/rules.prey" >"$work/said" 2>&1 || sed 's/^/# /' "$work/said"
    grep -q ': good: ' "$work/said" && "$B/preyc" --fmt --check "$work/rules.prey" >"$work/said" 2>&1
    tell $? "import/$name compiles, and is formatted"
    # No policy is written behind what has decided all.
    [ "$name" = ends.iptables ] || continue
    "$B/preyc" --werror --check "$work/rules.prey" >"$work/said" 2>&1
    tell $? "import/$name: the check warns of nothing"
done

for file in bad/*; do
    import "$file"
    status=$?
    echo "${file#bad/}, status $status: $(cat "$work/err")"
    [ ! -s "$work/out" ] || echo "$file: something was written"
done >"$work/bad"
[ -z "${UPDATE:-}" ] || cp "$work/bad" bad.txt
diff -u bad.txt "$work/bad" | sed 's/^/# /'
cmp -s bad.txt "$work/bad"
tell $? 'import/bad'
exit $failed
