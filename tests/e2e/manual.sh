#!/bin/sh
# What the manual shows is so: in the examples of man/preyc.1 that begin with `$ cat FILE`, the file is made of what
# stands below, and each command after it prints what the manual says. UPDATE=1 writes what was printed: read the
# difference.
set -u
B=${B:-build}
case $B in /*) build=$B ;; *) build=$(pwd)/$B ;; esac
work=$build/scratch/manual
rm -rf "$work"
mkdir -p "$work"
plain() { sed 's/\\-/-/g; s/\\e/\\/g'; }
roff() { sed 's/\\/\\e/g; s/-/\\-/g'; }

printing=
file=
while IFS= read -r line; do
    case $line in
    .nf) shows=; file=; printing= ;;
    .fi) shows=; file=; printing= ;;
    '$ cat '*)
        file=$work/${line#'$ cat '}
        : >"$file"
        printing=
        shows=yes
        ;;
    '$ '*)
        [ -n "${shows:-}" ] && {
            printf '%s\n' "$line"
            command=$(printf '%s\n' "${line#??}" | plain)
            (cd "$work" && PATH=$build:$PATH timeout 60 sh -c "$command" 2>&1 </dev/null) | roff
            file=
            printing=yes
            continue
        }
        ;;
    *)
        [ -n "$printing" ] && continue
        [ -n "$file" ] && printf '%s\n' "$line" | plain >>"$file"
        ;;
    esac
    printf '%s\n' "$line"
done <man/preyc.1 >"$work/preyc.1"

if [ -n "${UPDATE:-}" ]; then cp "$work/preyc.1" man/preyc.1; fi
if diff man/preyc.1 "$work/preyc.1" >"$work/diff" && grep -q E0715 man/preyc.1; then
    echo 'ok - manual: the commands of preyc.1 print what it shows'
else
    sed 's/^/# /' "$work/diff"
    echo 'not ok - manual: a command of preyc.1 prints something else than it shows'
    exit 1
fi
