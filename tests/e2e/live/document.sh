# The guide is run: sourced beside lib.sh by a script that knows how, command_of LINE, which runs a line with its prompt and prints
# what that prints. A page may begin with commands that readers do not see, in a comment `<!-- run first`, one a line.

# document_rules FILE: the rule file of that name that a page shows, into this folder.
document_rules() {
    find "$top/docs/guide" -name '*.md' -exec awk -v name="# $1" \
        '/^```/ { inside = !inside; first = inside; next } inside && first { first = 0; take = $0 == name } inside && take' {} + >"$1"
}

# The pages with blocks ```console KIND.
document_pages() { # KIND
    grep -rl --include='*.md' "^\`\`\`console $1\$" "$top/docs/guide" | sort
}

# A page, with what its commands print now where it is of that KIND.
document_printed() { # KIND PAGE
    local inside='' line word=none # the word of the trial that began last
    while IFS= read -r line; do
        case $line in
        '```console '"$1") inside=yes ;;
        '<!-- run first') inside=first ;;
        '```'* | '-->') inside= ;;
        esac
        case $inside$line in
        yes'# '* | yes'$ '* | yes'client$ '*)
            line=$(printf %s "$line" | sed "s/preyctl confirm [a-z]\{8\}/preyctl confirm $word/")
            printf '%s\n' "$line"
            command_of "$line" >answer
            sed 's/[ ]*$//' answer
            word=$(sed -n "s/.*: preyctl confirm \([a-z]\{8\}\)$/\1/p" answer | tail -n 1 | grep . || echo "$word")
            ;;
        first'# '* | first'$ '* | first'client$ '*)
            printf '%s\n' "$line"
            command_of "$line" >answer
            ;;
        yes'```console'*) printf '%s\n' "$line" ;;
        yes*) ;; # what was printed before
        *) printf '%s\n' "$line" ;;
        esac
    done <"$2"
}

# document_is_true KIND PAGE: the blocks ```console KIND show what was printed, but for figures, times, words of trials and
# columns' widths, and whether there are other flows than those that were asked for. A command confirms with the word that the block
# before it shows. UPDATE=1 writes what was printed into the page.
document_is_true() {
    document_printed "$1" "$2" >printed
    [ -z "${UPDATE:-}" ] || cp printed "$2"
    plain() {
        awk -v kind="$1" '/^```/ { inside = $0 == "```console " kind } inside && !/^([a-z]*\$|#) / { word = $NF; gsub(/[0-9][0-9,.:]*( ([mun]?s|min))?/, "N"); gsub(/  +/, " "); sub(/^N of N flows$/, "N flows"); if (sub(/: preyctl confirm [a-z]*$/, ": preyctl confirm WORD")) shown = word } inside && shown && /^([a-z]*\$|#) / { sub("preyctl confirm " shown, "preyctl confirm WORD") } { print }' "$2"
    }
    plain "$1" "$2" >wanted.plain
    plain "$1" printed >printed.plain
    diff wanted.plain printed.plain | sed 's/^/# /'
    cmp -s wanted.plain printed.plain
    ok $? "${2#"$top/"}: the commands print what it shows"
}
