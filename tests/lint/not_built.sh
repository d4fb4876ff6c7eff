#!/usr/bin/env bash
# What stands in where the build has no clang (make KERNEL=0) compiles, and has all that the rest of preyrun calls there.
set -u
say() { # GOOD SENTENCE
    if [ "$1" = 0 ]; then echo "ok - $2"; else echo "not ok - $2" && failed=1; fi
}
failed=0
objects=$B/scratch/not_built
rm -rf "$objects"
mkdir -p "$objects"
bad=0
for file in runtime/*/no_*.c runtime/*/*/no_*.c tests/lib/no_*.c; do
    ${CC:-gcc} -c -o "$objects/$(basename "$file" .c).o" -I. -I"$B" -D_GNU_SOURCE -DPREY_VERSION='"0"' -std=gnu11 -Wall -Wextra -Wno-unused-parameter \
        -Wmissing-prototypes "$file" || bad=1
done
say $bad 'what is built without clang alone compiles'

# defined OBJECT..., called OBJECT...: names of other files' use that they have, and want.
defined() { nm -g --defined-only "$@" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u; }
called() { nm -g --undefined-only "$@" 2>/dev/null | awk 'NF == 2 { print $2 }' | sort -u; }
make --no-print-directory -s KERNEL=0 B="$B" runtime-objects | grep -v '/no_[a-z_]*\.o$' >"$objects/kept"
make --no-print-directory -s KERNEL= B="$B" runtime-objects | grep -vxFf "$objects/kept" >"$objects/left"
# shellcheck disable=SC2046
missing=$(comm -12 <(defined $(cat "$objects/left")) \
    <(comm -23 <(called $(cat "$objects/kept") "$objects"/*.o "$B/runtime/preyrun/preyrun.o") <(defined $(cat "$objects/kept") "$objects"/*.o)))
[ -z "$missing" ] || printf '#   %s has no stand-in\n' $missing
[ -z "$missing" ] && [ -s "$objects/left" ]
say $? 'nothing else is called there'
exit $failed
