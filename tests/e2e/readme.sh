#!/bin/sh
# README.md is true: its rule files are what they claim, and each `$ command` in it prints what stands below it.
#
# Blocks whose first line is `# NAME.prey` (or .txt) become files; the commands of each `console` block are run among
# them, and README.md as it would then read must equal README.md. Only the line with the time that a replay took is
# left out. UPDATE=1 writes what was printed into README.md: read the difference.
set -u
B=${B:-build}
top=$(pwd)
case $B in /*) build=$B ;; *) build=$top/$B ;; esac
work=$build/scratch/readme
rm -rf "$work"
mkdir -p "$work" "$build/demo"
ln -s "$build" "$work/build"
"$build/tests/tools/mkcap" tests/examples/web-server.notes "$build/demo/traffic.pcap" || exit 1
"$build/tests/tools/mkcap" tests/examples/laptop.notes "$build/demo/morning.pcap" || exit 1
"$build/tests/tools/mkcap" tests/examples/shop.notes "$build/demo/shop.pcap" || exit 1

# The blocks that name themselves.
awk -v work="$work" '
    /^```/ { inside = !inside; first = inside; if (!inside) file = ""; next }
    inside && first { first = 0; if (match($0, /^# [a-z-]+\.(prey|txt)$/)) file = work "/" substr($0, 3) }
    inside && file { print > file }' README.md

console=
while IFS= read -r line; do
    case $line in
    '```console') console=yes ;;
    '```'*) console= ;;
    esac
    case $console$line in
    'yes$ '*)
        printf '%s\n' "$line"
        (cd "$work" && timeout 60 sh -c "${line#??}" 2>&1 </dev/null) | sed 's/[ ]*$//'
        ;;
    yes'```console') printf '%s\n' "$line" ;;
    yes*) ;; # what was printed before
    *) printf '%s\n' "$line" ;;
    esac
done <README.md >"$work/README.printed"

if [ -n "${UPDATE:-}" ]; then cp "$work/README.printed" README.md; fi
for f in README.md "$work/README.printed"; do grep -v '^replay  ' "$f" >"$work/$(basename "$f").fixed"; done
failed=0
if diff "$work/README.md.fixed" "$work/README.printed.fixed" >"$work/diff"; then
    echo "ok - README: $(grep -c '^\$ ' README.md) commands print what it shows"
else
    sed 's/^/# /' "$work/diff"
    echo 'not ok - README: a command prints something else than it shows'
    failed=1
fi

# The tables name commands and folders that exist.
for link in $(grep -o '](\([^)h][^)]*\))' README.md | tr -d ']()'); do
    if [ -e "$link" ]; then echo "ok - README: $link is there"; else
        echo "not ok - README: $link is not there"
        failed=1
    fi
done
exit $failed
