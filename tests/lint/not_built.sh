#!/usr/bin/env bash
# What stands in where the build has no clang (make KERNEL=0) compiles, too.
set -u
bad=0
for file in runtime/*/no_*.c runtime/*/*/no_*.c; do
    ${CC:-gcc} -fsyntax-only -I. -I"$B" -D_GNU_SOURCE -DPREY_VERSION='"0"' -std=gnu11 -Wall -Wextra -Wno-unused-parameter -Wmissing-prototypes "$file" || bad=1
done
[ "$bad" = 0 ] && echo 'ok - what is built without clang alone compiles' || echo 'not ok - what is built without clang alone compiles'
exit "$bad"
