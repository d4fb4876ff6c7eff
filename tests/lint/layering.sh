#!/usr/bin/env bash
# What layers.py refuses: small trees, each with one fault, and one without.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
put() { # FILE LINE...
    mkdir -p "$work/tree/$(dirname "$1")"
    printf '%s\n' "${@:2}" >"$work/tree/$1"
}
# judge SENTENCE STATUS PATTERN: the tree as it was put together ends so, and says this.
judge() {
    git -C "$work/tree" add -A
    python3 tests/lint/layers.py "$work/tree" >"$work/out"
    local status=$?
    if [ $status = "$2" ] && grep -q -- "$3" "$work/out"; then
        echo "ok - $1"
    else
        sed 's/^/# /' "$work/out"
        echo "not ok - $1"
        failed=1
    fi
}
sound() {
    rm -rf "$work/tree"
    git init -q "$work/tree"
    put runtime/live/tell/log.h 'int log_open(int fd);'
    put runtime/live/tell/log.c '#include "runtime/live/tell/log.h"' 'int log_open(int fd)' '{' '    return fd;' '}'
    put runtime/live/main/live.h '#include "runtime/live/tell/log.h"' 'int live(void);'
    put runtime/live/main/live.c '#include "runtime/live/main/live.h"' 'int live(void)' '{' '    return log_open(2);' '}'
}

sound
judge 'includes and calls that run down' 0 '^ok - each arrow points down'

sound
put runtime/live/tell/sink.h '#include "runtime/live/main/live.h"'
judge 'an include that runs up' 1 '^#   runtime/live/tell/sink.h runtime/live/main/live.h: includes$'
put tests/lint/layers.left 'runtime/live/tell/sink.h runtime/live/main/live.h'
judge 'the same, where layers.left names it' 0 '^ok - each arrow points down'

sound
put tests/lint/layers.left 'runtime/live/tell/log.h runtime/live/main/live.h'
judge 'a row of layers.left that nothing needs' 1 '^not ok - each row of layers.left is needed'

sound
put runtime/base/out.h 'int live(void);'
judge 'a header that declares what a higher room defines' 1 '^#   runtime/base/out.h runtime/live/main/live.c: declares live()$'

sound
put runtime/live/tell/sink.c '#include "runtime/live/main/live.h"' 'int sink(void)' '{' '    return live();' '}'
judge 'a call that runs up' 1 '^#   runtime/live/tell/sink.c runtime/live/main/live.c: live()$'

sound
put runtime/check/tcp.h 'int tcp(void);'
put runtime/proxy/plain.h '#include "runtime/check/tcp.h"'
judge 'an include of a room beside it' 1 '^#   runtime/proxy/plain.h runtime/check/tcp.h: includes$'

sound
for i in 1 2 3 4 5 6; do put runtime/live/tell/k$i.h "#include \"runtime/live/tell/k$((i % 6 + 1)).h\""; done
judge 'a knot of six modules' 1 '^#   knot 6 runtime/live/tell/: '

sound
for i in $(seq 25); do put runtime/live/tell/f$i.h ''; done
judge 'a room of more than 25 files' 1 '^#   room runtime/live/tell: 27 files$'
put tests/lint/layers.left 'room runtime/live/tell'
judge 'the same, where layers.left names it' 0 '^ok - no room has more than 25 files'

for tree in lang compiler vm; do
    sound
    for i in $(seq 26); do put $tree/room/inner/f$i.def ''; done
    judge "the same in $tree/, of files of any kind" 1 "^#   room $tree/room/inner: 26 files\$"
done

sound
for i in $(seq 25); do put vm/room/f$i.h '' && put vm/room/inner/f$i.h ''; done
judge 'a room of 25 files with one of 25 in it' 0 '^ok - no room has more than 25 files'

sound
put runtime/nowhere/x.h ''
judge 'a file in no room' 1 '^#   runtime/nowhere/x.h$'
exit $failed
