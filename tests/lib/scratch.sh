# What tests of the built programs share, sourced from the tree's top. B is the build folder.
# They work in a folder of their own, $work, below $bin/scratch, and count what failed in $failed.
B=${B:-build}
top=$(pwd)
bin=$(cd "$B" && pwd)
tools=$bin/tests/tools
work=$bin/scratch/$(basename "$0" .sh)${OLD_KERNEL:+-old}
rm -rf "$work"
mkdir -p "$work"
cd "$work" || exit 2
failed=0

ok() { # STATUS SENTENCE
    if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; failed=1; fi
}
same() { # SENTENCE GOT WANTED
    [ "$2" = "$3" ]
    local status=$?
    [ $status -eq 0 ] || printf '# got:    %s\n# wanted: %s\n' "$2" "$3"
    ok $status "$1"
}
has() { # SENTENCE PATTERN: the last run printed it
    grep -qE -- "$2" out
    local status=$?
    [ $status -eq 0 ] || sed 's/^/# /' out
    ok $status "$1"
}
run() { # ARGUMENT...: preyrun into out, err, status
    timeout 60 "$bin/preyrun" "$@" >out 2>err </dev/null
    status=$?
}
# With SPLICE=1 in the environment connections in the wire leave for the packet path, where a service allows that.
rules() { # NAME: rules from standard input, and $limits where they say nothing of flows
    cat >"$1.prey"
    [ -z "${SPLICE-}" ] || sed -i '/tls cert\|-> program/!s/mode proxy inline\( first bytes within [0-9a-z]*\)\{0,1\}/&; splice packets/' "$1.prey"
    grep -q 'limits {.*flows' "$1.prey" || printf '%s' "${limits:-}" >>"$1.prey"
    "$bin/preyc" "$1.prey" -o "$1.pbc" >/dev/null 2>said || { sed 's/^/# /' said; ok 1 "$1.prey compiles"; }
}
capture() { # NAME: frames from standard input
    cat >"$1.notes"
    "$bin/tests/tools/mkcap" "$1.notes" "$1.pcap" || ok 1 "$1.notes is a capture"
}
endless() { # CAPTURE FLAG: its frames again and again; the file FLAG is there once more of them were taken than a pipe holds
    python3 -c '
import sys
raw, left = open(sys.argv[1], "rb").read(), 1 << 20
sys.stdout.buffer.write(raw)
while True:
    left -= sys.stdout.buffer.write(raw[24:] * 100)
    if left < 0: open(sys.argv[2], "w")' "$1" "$2" 2>/dev/null
}
until_there() { # FILE
    local i=0
    while [ ! -e "$1" ] && [ $((i += 1)) -lt 3000 ]; do sleep 0.01; done
}
on_terminal() { # COMMAND: with a terminal as standard error, what that showed into the file `seen`; false where none can be had
    script -qec true /dev/null >/dev/null 2>&1 </dev/null || return 1
    script -qc "$1" seen >/dev/null 2>&1 </dev/null
}
