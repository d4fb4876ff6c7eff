#!/bin/sh
# The folder arrows of the architecture: who may include whom. Looks at every #include "..." of the sources.
set -uf # patterns are for git, which lets `*` stand for folders too
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
# The rooms of lang/, from the lowest; small things beside them may be included by all.
small='lang/arena.h lang/hash.h lang/heap.h lang/json.h lang/order.h lang/sources.h lang/utf8.h'
may 'small things of lang/' 'lang/arena.* lang/hash.* lang/heap.* lang/json.* lang/source.* lang/utf8.*' "$small"
may lang/diag/ 'lang/diag/*.[ch]' "$small lang/diag/"
may lang/tree/ 'lang/tree/*.[ch]' "$small lang/words/ lang/tree/"
may lang/lex/ 'lang/lex/*.[chl]' "$small lang/diag/ lang/words/ lang/tree/ lang/lex/"
may lang/parse/ 'lang/parse/*.[chy]' "$small lang/diag/ lang/words/ lang/tree/ lang/lex/ lang/parse/"
may lang/format/ 'lang/format/*.[ch]' "$small lang/diag/ lang/tree/ lang/lex/ lang/parse/parse_file.h lang/format/"
may vm/ 'vm/*.c vm/*.h' 'vm/'
# The rooms of vm/, as its README draws them; `shared` may be included by all.
shared='vm/pbc.h vm/pbc/ vm/tables.h vm/verdict.h vm/cfg.h vm/reason.def vm/counter.def vm/mode.def vm/verdict.def vm/lb.def vm/opcode.def vm/cond.def vm/action.def vm/proto.def vm/endpoint.def vm/icmp.def vm/keyed/ vm/shared/'
may vm/pbc/ 'vm/pbc/*.[ch]' 'vm/pbc/ vm/verdict.def vm/mode.def vm/endpoint.def'
may vm/packet/ 'vm/packet/*.[ch]' "$shared vm/packet/"
may vm/keyed/ 'vm/keyed/*.[ch]' 'vm/keyed/'
may vm/shared/ 'vm/shared/*.[ch]' 'vm/cfg.h vm/shared/ vm/program/'
may vm/program/ 'vm/program/*.[ch]' "$shared vm/program/ vm/packet/ vm/stream/wants.h"
may vm/stream/ 'vm/stream/*.[ch]' 'vm/stream/ vm/packet/wire.h'
may vm/flow/ 'vm/flow/*.[ch]' "$shared vm/flow/ vm/program/ vm/packet/"
may vm/judge/ 'vm/judge/*.[ch]' "$shared vm/judge/ vm/flow/ vm/program/ vm/packet/ vm/stream/"
may vm/forward/ 'vm/forward/*.[ch]' "$shared vm/vm.h vm/context/ vm/forward/ vm/judge/ vm/flow/ vm/program/ vm/packet/ vm/stream/"
may vm/context/ 'vm/context/*.[ch]' "$shared vm/vm.h vm/context/ vm/judge/ vm/flow/ vm/program/ vm/packet/ vm/stream/"
may vm/observe/ 'vm/observe/*.[ch]' "$shared vm/vm.h vm/context/ vm/observe/ vm/judge/ vm/flow/ vm/program/ vm/packet/ vm/stream/"
may vm/worker/ 'vm/worker/*.[ch]' "$shared vm/vm.h vm/context/ vm/worker/ vm/forward/ vm/observe/ vm/judge/ vm/flow/ vm/program/ vm/packet/ vm/stream/"
may vm/words/ 'vm/words/*.[ch]' "$shared vm/vm.h vm/words/ vm/forward/ vm/judge/ vm/flow/ vm/program/ vm/packet/ vm/stream/"
may vm/kernel/ 'vm/kernel/*.[ch]' "$shared vm/kernel/ vm/forward/ vm/context/ vm/judge/ vm/flow/ vm/program/ vm/packet/ vm/stream/"
# What people read of a packet or a capture is worded in one place, runtime/report/.
report='runtime/base/ runtime/counters/ runtime/report/ runtime/record/own.h'
may compiler/ 'compiler/*.c compiler/*.h :!compiler/traffic/*' 'compiler/ lang/ vm/ runtime/capture/ runtime/schedule/'
# The rooms of compiler/: each sees the leaves, the context of a compile and the rooms named; so none is in a circle.
room() {
    name=compiler/$1/
    shift
    may "$name" "$name*.[ch]" \
        "lang/ vm/ runtime/capture/ runtime/schedule/ compiler/compiler.h compiler/device.h compiler/figures.h compiler/progress.h compiler/say.h $name$(printf ' compiler/%s/' "$@" | sed 's| compiler//$||')"
}
room image
room resolve image
# Its rooms, from the lowest.
resolve='lang/ vm/ compiler/compiler.h compiler/image/span.h'
for name in sets names values conditions services nat; do
    resolve="$resolve compiler/resolve/$name/"
    may compiler/resolve/$name/ "compiler/resolve/$name/*.[ch]" "$resolve runtime/schedule/"
done
room normal image
room classify normal
may compiler/classify/boxes/ 'compiler/classify/boxes/*.[ch]' 'vm/ compiler/normal/ compiler/classify/boxes/'
may compiler/classify/tree/ 'compiler/classify/tree/*.[ch]' 'vm/ lang/hash.h compiler/classify/boxes/boxes.h compiler/classify/tree/'
room code image normal classify
room analysis image resolve normal classify
room ruletest image resolve normal analysis
room setup image
# It reads other tools' files: no compile has begun.
may compiler/import/ 'compiler/import/*.[ch]' 'lang/ vm/words/words.h vm/packet/key.h vm/proto.def vm/cond.def compiler/say.h compiler/import/'
may compiler/traffic/ 'compiler/traffic/*.[ch]' "lang/ vm/ runtime/capture/ runtime/schedule/ $report compiler/compiler.h compiler/device.h compiler/progress.h compiler/say.h compiler/traffic/ compiler/image/ compiler/resolve/ compiler/analysis/ compiler/ruletest/"
room command image resolve normal classify analysis setup traffic import
# Leaves of runtime/; the order of its rooms is layers.py's.
may runtime/capture/ 'runtime/capture/*.[ch]' 'runtime/capture/ runtime/base/bytes.h vm/packet/pkt.h'
may runtime/schedule/ 'runtime/schedule/*.[ch]' 'runtime/schedule/ vm/program/program.h'
may runtime/ctl/ 'runtime/ctl/*.[ch]' 'runtime/ctl/ runtime/base/'
may runtime/stats/ 'runtime/stats/*.[ch]' 'runtime/stats/ runtime/report/document/ runtime/report/text.h vm/counter.def runtime/counters/'
may runtime/preyctl/ 'runtime/preyctl/*.[ch]' 'vm/ lang/ compiler/ runtime/preyctl/ runtime/base/ runtime/ctl/message.h runtime/ctl/members.h runtime/ctl/question.def runtime/counters/ runtime/report/document/ runtime/report/json.h runtime/report/text.h'
# JSON is written in one place, lang/, which all may see.
may runtime/ 'runtime/*.c runtime/*.h :!runtime/preyctl/*' 'runtime/ vm/ lang/json.h lang/utf8.h'

# vm's face: of vm/ others include these headers alone, and the tables below. runtime/kernel, which brings the executor of vm/kernel into the
# kernel, sees all.
face='
vm/pbc.h                  types: the program file, and the tables over the .def
vm/verdict.h              types: verdicts, what leaves, events, counters
vm/packet/key.h           types: what conditions ask of a packet
vm/packet/facts.h         types: what is true of the world: interfaces, addresses, neighbours
vm/packet/pkt.h           types: a view of a packet, the pool, times and rates
vm/packet/wire.h          numbers and checksums on the wire
vm/packet/parse/header.h  numbers of protocols, what follows an IP header
vm/packet/parse/read.h    what is read of a packet beside its key
vm/packet/edit/edit.h     editing a packet, tunnels
vm/packet/reply/frame.h   packets of ours
vm/keyed/keyed.h          the bounded table by key, its hash
vm/program/program.h      a program, and what is asked of one
vm/flow/flow.h            types: a flow, its states, the size of a table; TCP between its two sides
vm/judge/decide.h         a judgement on a packet or a connection
vm/judge/lives.h          live sets: their members, and what none of them may be
vm/judge/routes.h         routes and lists of them
vm/judge/draw.h           frames drawn from rules: trials
vm/forward/service.h      which service and server; a proxy loop chooses
vm/stream/first.h         what the first bytes of a connection say
vm/words/words.h          words for people
vm/worker/owner.h         which worker a packet belongs to
vm/worker/whose_owner.h   the same, inline for the dealing program in the kernel
vm/vm.h                   a worker
vm/observe/observe.h      events of observed connections
vm/kernel/gate.h          shapes that programs in the kernel and processes share
vm/kernel/socket.bpf.h    inline for programs in the kernel that give sockets their packets: what stands in one, whose socket it has
vm/kernel/gen/gen.h       what of a program the kernel gets
'
tables='vm/cond.def vm/counter.def vm/icmp.def vm/mode.def vm/opcode.def vm/proto.def vm/reason.def vm/flow/splice_stays.def vm/kernel/up.def vm/kernel/long.def'

# behind_face: of lines WHERE HEADER those whose header is none of the face.
behind_face() { awk -v may="$(printf '%s' "$face" | awk 'NF { print $1 }' | tr '\n' ' ')$tables" 'BEGIN { n = split(may, m, " "); while (n) ok[m[n--]] = 1 } !($2 in ok)'; }
asked=$(git ls-files 'lang/*.[chly]' 'compiler/*.[ch]' 'runtime/*.[ch]' ':!runtime/kernel/*' | xargs grep -n '^ *# *include "vm/' /dev/null |
    sed 's/^\([^:]*:[0-9]*\):.*include "\([^"]*\)".*/\1 \2/')
bad=$(printf '%s\n' "$asked" | behind_face | sed 's/^/#   /; s/ vm/ includes vm/')
idle=$(printf '%s' "$face" | awk 'NF { print $1 }' | while read -r h; do printf '%s\n' "$asked" | grep -q " $h\$" || echo "#   nobody includes $h"; done)
count=$(printf '%s' "$face" | grep -c '^vm/')
if [ -n "$bad$idle" ] || [ "$count" -gt 27 ]; then
    printf '%s\nnot ok - of vm/ others include its face alone, %s headers, at most 27\n' "$bad$idle" "$count"
    status=1
else
    echo "ok - of vm/ others include its face alone, $count headers"
fi
# One that looks behind it is found.
example='compiler/analysis/x.c:3 vm/flow/table/flow_table.h'
if [ "$(printf '%s\n' 'compiler/analysis/x.c:1 vm/flow/flow.h' 'compiler/analysis/x.c:2 vm/cond.def' "$example" | behind_face)" != "$example" ]; then
    echo "not ok - an include of an inner header is found"
    status=1
else
    echo "ok - an include of an inner header is found"
fi

# The vm is pure: no system call, no clock, no stdio but for listings and loading.
pure=$(git ls-files 'vm/*.c' | xargs grep -nE '\b(clock_gettime|gettimeofday|time|random|rand|socket|getenv)\(' /dev/null)
if [ -n "$pure" ]; then
    printf '%s\nnot ok - vm/ asks no clock, no environment, no socket\n' "$pure"
    status=1
else
    echo "ok - vm/ asks no clock, no environment, no socket"
fi
exit $status
