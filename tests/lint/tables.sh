#!/bin/sh
# The tables are complete: every opcode, reason, condition and action is documented and stands in a test.
set -u
status=0

# rows TABLE MACRO FIELD: that field (1: ident, 2: name, …) of each row, without quotes.
rows() { sed -n "s/^$2(\\(.*\\)/\\1/p" "$1" | awk -F, -v f="$3" '{ v = $f; gsub(/^[ "]+|[ ")]+$/, "", v); print v }'; }

# each NAME LIST FILES: every word of the list stands, as a word, in one of the files.
each() {
    missing=$(printf '%s\n' $2 | while read -r word; do
        grep -rqwF -e "$word" $3 2>/dev/null || echo "#   $word"
    done)
    if [ -n "$missing" ]; then
        printf '%s\nnot ok - %s\n' "$missing" "$1"
        status=1
    else
        echo "ok - $1"
    fi
}

opcodes=$(rows vm/opcode.def OP 1 | sed 's/^/OP_/')
each "every opcode stands in a unit test" "$opcodes" tests/unit
each "every opcode is described in vm/BYTECODE.md" "$(rows vm/opcode.def OP 2)" vm/BYTECODE.md
# What no single packet can show stands in a unit test, by its identifier; what arrives alone shows, in tests/e2e/live-kernel.sh; what is shut, in live-unjudged.sh; no-way in live-nat-routes.sh.
triples=$(rows vm/reason.def REASON 2 | grep -vx -e - -e no-buffer -e own-source -e unjudged -e no-way)
each "every reason stands in a packet triple" "$triples" tests/packets
each "reasons that no packet shows stand in a unit test" "REASON_NO_BUFFER" tests/unit
each "every state of a flow is in the manual" "$(rows vm/flow/flow_state.def FLOW_STATE 2 | sort -u)" man/preyrun.1
each "every way a flow ends is in the manual" "$(rows vm/flow/flow_end.def FLOW_END 2)" man/preyrun.1
each "every reason is in the manual" "$(rows vm/reason.def REASON 2 | grep -vx -- -)" man/preyrun.1
each "every verdict is in the manual" "$(rows vm/action.def ACTION 2)" man/preyrun.1
each "every ICMP type name is in the reference" "$(rows vm/icmp.def ICMP_TYPE 3)" docs/guide/reference/language
each "every protocol name is in the reference" "$(rows vm/proto.def PROTO 3; rows vm/proto.def SPOKEN 3; rows vm/proto.def UPPER 3)" docs/guide/reference/language
each "every clause is made by the grammar" "$(rows lang/tree/clause.def CLAUSE 1 | sed 's/^/CL_/')" "lang/parse/parse.y lang/parse/build_value.c lang/parse/build_rule.c"
each "every word of a clause is one of the language" \
    "$(rows lang/tree/clause.def CLAUSE 2 | tr ' ' '\n' | grep -vx -e claim -e endpoint -e flag -e reset -e later -e linux -e last -e none -e client -e size -e answers -e once -e cut -e srv | sort -u)" lang/words/word.def
each "every kind of node is told of or in a golden tree" \
    "$(rows lang/tree/ast.def NODE 2)" "lang/TREE.md tests/golden"
# The manual's list of events is that of the table, word and meaning.
missing=$(sed -n 's/^EVENT([^,]*, *"\([^"]*\)", *"[^"]*", *[0-9]*, *"\(.*\)")$/\1\t\2/p' runtime/live/tell/event.def |
    while IFS="$(printf '\t')" read -r word doc; do
        grep -qxF -e "$(printf '%-12s %s' "$word" "$doc")" man/preyrun.1 || printf '#   %-12s %s\n' "$word" "$doc"
    done)
if [ -n "$missing" ]; then
    printf '%s\nnot ok - every event of live traffic is in the manual\n' "$missing"
    status=1
else
    echo "ok - every event of live traffic is in the manual"
fi
exit $status
