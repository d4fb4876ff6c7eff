# MANUAL.md is run: sourced beside lib.sh by a script that knows how, command_of LINE, which runs a line with its prompt and
# prints what that prints.

# document_rules FILE: the rule file of that name that the document shows, into this folder.
document_rules() {
    awk -v name="# $1" '/^```/ { inside = !inside; first = inside; next } inside && first { first = 0; take = $0 == name } inside && take' \
        "$top/MANUAL.md" >"$1"
}

# The document, with what its commands print now where it is of that KIND.
document_printed() { # KIND
    local inside='' line word=none # the word of the trial that began last
    while IFS= read -r line; do
        case $line in
        '```console '"$1") inside=yes ;;
        '```'*) inside= ;;
        esac
        case $inside$line in
        yes'# '* | yes'$ '* | yes'client$ '*)
            printf '%s\n' "$line"
            command_of "$(printf %s "$line" | sed "s/preyctl confirm [a-z]\{8\}/preyctl confirm $word/")" >answer
            sed 's/[ ]*$//' answer
            word=$(sed -n "s/.*: preyctl confirm \([a-z]\{8\}\)$/\1/p" answer | tail -n 1 | grep . || echo "$word")
            ;;
        yes'```console'*) printf '%s\n' "$line" ;;
        yes*) ;; # what was printed before
        *) printf '%s\n' "$line" ;;
        esac
    done <"$top/MANUAL.md"
}

# document_is_true KIND SENTENCE: what stands in the blocks ```console KIND is what was printed, but for figures, times, words of trials and
# columns' widths, and whether there are other flows than those that were asked for. UPDATE=1 writes what was printed into the document.
document_is_true() {
    local blocks
    document_printed "$1" >printed
    [ -z "${UPDATE:-}" ] || cp printed "$top/MANUAL.md"
    plain() {
        awk -v kind="$1" '/^```/ { inside = $0 == "```console " kind } inside && !/^([a-z]*\$|#) / { gsub(/[0-9][0-9,.:]*( ([mun]?s|min))?/, "N"); gsub(/  +/, " "); sub(/^N of N flows$/, "N flows"); sub(/: preyctl confirm [a-z]*$/, ": preyctl confirm WORD") } { print }' "$2"
    }
    plain "$1" "$top/MANUAL.md" >wanted.plain
    plain "$1" printed >printed.plain
    diff wanted.plain printed.plain | sed 's/^/# /'
    cmp -s wanted.plain printed.plain
    ok $? "MANUAL.md: $2 print what it shows"
    blocks=$(grep -c "^\`\`\`console $1\$" "$top/MANUAL.md")
    [ "$blocks" -ge 4 ]
    ok $? "they are in $blocks blocks"
}
