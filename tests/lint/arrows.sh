#!/bin/sh
# The folder arrows of the architecture: who may include whom. Looks at every #include "..." of the sources.
set -u
status=0

# may FOLDER-PATTERN ALLOWED-PREFIXES: files below FOLDER include only what begins with one of the prefixes.
may() {
    name=$1
    files=$2
    allowed=$3
    bad=$(git ls-files $files | xargs -r grep -n '^ *# *include "' /dev/null |
        sed 's/^\([^:]*:[0-9]*\):.*include "\([^"]*\)".*/\1 \2/' |
        awk -v allowed="$allowed" '
            { n = split(allowed, a, " "); for (i = 1; i <= n; i++) if (index($2, a[i]) == 1) next; print "#   " $1 " includes " $2 }')
    if [ -n "$bad" ]; then
        printf '%s\nnot ok - %s includes only %s\n' "$bad" "$name" "$allowed"
        status=1
    else
        echo "ok - $name includes only $allowed"
    fi
}

may lang/ 'lang/*.c lang/*.h lang/*.l lang/*.y' 'lang/'
may vm/ 'vm/*.c vm/*.h' 'vm/'
# The rooms of vm/, as its README draws them; `shared` may be included by all.
shared='vm/pbc.h vm/tables.h vm/verdict.h vm/cfg.h vm/reason.def vm/lb.def vm/opcode.def vm/cond.def vm/action.def vm/proto.def vm/icmp.def'
may vm/packet/ 'vm/packet/*.[ch]' "$shared vm/packet/"
may vm/program/ 'vm/program/*.[ch]' "$shared vm/program/ vm/packet/"
may vm/flow/ 'vm/flow/*.[ch]' "$shared vm/flow/ vm/program/ vm/packet/"
may vm/judge/ 'vm/judge/*.[ch]' "$shared vm/judge/ vm/flow/ vm/program/ vm/packet/"
may vm/forward/ 'vm/forward/*.[ch]' "$shared vm/worker.h vm/forward/ vm/judge/ vm/flow/ vm/program/ vm/packet/"
may vm/worker/ 'vm/worker/*.[ch]' "$shared vm/worker.h vm/worker/ vm/forward/ vm/judge/ vm/flow/ vm/program/ vm/packet/"
may vm/words/ 'vm/words/*.[ch]' "$shared vm/vm.h vm/words/ vm/forward/ vm/judge/ vm/flow/ vm/program/ vm/packet/"
may compiler/ 'compiler/*.c compiler/*.h' 'compiler/ lang/ vm/ runtime/capture/ runtime/schedule/'
leaves='lang/ vm/ runtime/capture/ runtime/schedule/'
may compiler/resolve/ 'compiler/resolve/*.[ch]' "$leaves compiler/resolve/ compiler/compiler.h compiler/image.h"
may compiler/normal/ 'compiler/normal/*.[ch]' "$leaves compiler/normal/ compiler/resolve/ compiler/compiler.h compiler/image.h"
may compiler/classify/ 'compiler/classify/*.[ch]' "$leaves compiler/classify/ compiler/normal/ compiler/compiler.h"
may compiler/code/ 'compiler/code/*.[ch]' "$leaves compiler/code/ compiler/classify/ compiler/normal/ compiler/compiler.h compiler/image.h"
may compiler/proof/ 'compiler/proof/*.[ch]' "$leaves compiler/proof/ compiler/normal/ compiler/compiler.h compiler/image.h"
may compiler/ruletest/ 'compiler/ruletest/*.[ch]' "$leaves compiler/ruletest/ compiler/proof/ compiler/normal/ compiler/resolve/ compiler/compiler.h compiler/image.h"
may compiler/diff/ 'compiler/diff/*.[ch]' "$leaves compiler/diff/ compiler/normal/ compiler/proof/ compiler/ruletest/ compiler/compiler.h compiler/image.h"
may compiler/setup/ 'compiler/setup/*.[ch]' "$leaves compiler/setup/ compiler/compiler.h compiler/say.h"
may runtime/capture/ 'runtime/capture/*.c runtime/capture/*.h' 'runtime/capture/ vm/packet/pkt.h'
may runtime/schedule/ 'runtime/schedule/*.c runtime/schedule/*.h' 'runtime/schedule/ vm/program/program.h'
may runtime/ 'runtime/*.c runtime/*.h' 'runtime/ vm/'

# The vm is pure: no system call, no clock, no stdio but for listings and loading.
pure=$(git ls-files 'vm/*.c' | xargs grep -nE '\b(clock_gettime|gettimeofday|time|random|rand|socket|getenv)\(' /dev/null)
if [ -n "$pure" ]; then
    printf '%s\nnot ok - vm/ asks no clock, no environment, no socket\n' "$pure"
    status=1
else
    echo "ok - vm/ asks no clock, no environment, no socket"
fi
exit $status
