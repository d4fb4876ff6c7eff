# prey(5), the man page of the rule language, made of the pages of its reference in their order: awk -f man/reference.awk PAGE.md...
# The first page is the index. Reads what the pages are written in: headings, paragraphs, lists of one depth, tables, fences; `code`,
# **bold**, *italic*, links, whose text alone is shown. Writes man(7) with tables for tbl.

# A character as roff shows it. In code a hyphen is the sign that one types.
function glyph(c, code) {
    if (c == "\\") return "\\e"
    if (c == "^") return "\\(ha"
    if (c == "~") return "\\(ti"
    if (code && c == "-") return "\\-"
    if (code && c == "'") return "\\(aq"
    return c
}

# Text with its marks as roff with fonts.
function inline(s,    out, i, c, code, bold, italic, want, font, shown) {
    font = "R"
    for (i = 1; i <= length(s); i++) {
        c = substr(s, i, 1)
        if (c == "`") { code = !code; continue }
        if (!code && substr(s, i, 2) == "**") { bold = !bold; i++; continue }
        if (!code && c == "*") { italic = !italic; continue }
        if (!code && c == "[" && match(substr(s, i), /^\[[^]]*\]\([^)]*\)/)) {
            shown = substr(s, i + 1, index(substr(s, i), "](") - 2)
            s = substr(s, 1, i - 1) shown substr(s, i + RLENGTH)
            c = substr(s, i, 1)
            if (c == "`") { code = !code; continue }
        }
        want = code || bold ? "B" : italic ? "I" : "R"
        if (want != font) out = out "\\f" want
        font = want
        out = out glyph(c, code)
    }
    return font == "R" ? out : out "\\fR"
}

# A line of text that begins like a request is none.
function line(s) { print (s ~ /^[.']/ ? "\\&" : "") s }

# Text in lines of at most 78 bytes, where words allow it.
function filled(s,    word, n, i, row) {
    n = split(inline(s), word, / +/)
    row = word[1]
    for (i = 2; i <= n; i++) {
        if (length(row) + 1 + length(word[i]) > 78) { line(row); row = word[i] } else row = row " " word[i]
    }
    line(row)
}

# Before what is no list item: a new paragraph, but straight after a heading.
function apart() {
    if (!headed) print ".PP"
    headed = 0
}

# The paragraph or item that was read up to here.
function end_text() {
    if (text != "") {
        if (item) { print ".IP \\(bu 2"; headed = 0 } else apart()
        filled(text)
    }
    text = ""
    item = 0
}

function shown_width(s) {
    gsub(/\]\([^)]*\)|[`*[]/, "", s)
    return length(s)
}

# Columns that stand beside themselves, name number name number, one below the other.
function unfolded(    r, c, rows_now, at) {
    rows_now = rows
    at = rows
    for (c = 3; c < columns; c += 2) {
        for (r = 2; r <= rows_now; r++) {
            if (cell[r, c] == "") continue
            cell[++at, 1] = cell[r, c]
            cell[at, 2] = cell[r, c + 1]
        }
    }
    rows = at
    columns = 2
}

function table_width(    r, c, wide, all) {
    for (c = 1; c <= columns; c++) {
        wide = 0
        for (r = 1; r <= rows; r++) if (shown_width(cell[r, c]) > wide) wide = shown_width(cell[r, c])
        all += wide + 3
    }
    return all - 3
}

# Short rows: columns. A table may go on on the next page.
function as_columns(    r, c, row) {
    print ".TS\nnokeep;"
    row = "l"
    for (c = 2; c <= columns; c++) row = row " l"
    print row "."
    for (r = 1; r <= rows; r++) {
        row = r == 1 ? inline("*" cell[r, 1] "*") : inline(cell[r, 1])
        for (c = 2; c <= columns; c++) row = row "\t" (r == 1 && cell[r, c] != "" ? inline("*" cell[r, c] "*") : inline(cell[r, c]))
        print row
    }
    print ".TE"
}

# Long rows: each its first column, and indented below it the others, those between named by their heads.
function as_list(    r, c, body) {
    for (r = 1; r <= rows; r++) {
        body = ""
        if (r > 1) {
            for (c = 2; c < columns; c++) {
                if (cell[r, c] == "") continue
                body = body (body == "" ? "" : ", ") (cell[1, c] == "" ? "" : "*" cell[1, c] "* ") cell[r, c]
            }
            if (body != "" && cell[r, columns] != "") body = body ": "
            body = body cell[r, columns]
        } else if (cell[r, columns] != "") {
            body = "*" cell[r, columns] "*"
        }
        if (body == "") apart()
        else print ".TP"
        headed = 0
        line(inline(r == 1 ? "*" cell[r, 1] "*" : cell[r, 1]))
        if (body != "") filled(body)
    }
}

function end_table() {
    if (!rows) return
    if (table_width() > WIDE && columns > 2 && cell[1, 1] == cell[1, 3]) unfolded()
    if (table_width() <= WIDE) { apart(); as_columns() } else as_list()
    rows = 0
}

function end_block() { end_text(); end_table() }

# A row of a table: cells between bars, where \| is a bar.
function add_row(s,    c) {
    gsub(/\\\|/, "\001", s)
    sub(/^\| */, "", s)
    sub(/ *\|$/, "", s)
    rows++
    columns = split(s, parts, / *\| */)
    for (c = 1; c <= columns; c++) {
        gsub("\001", "|", parts[c])
        cell[rows, c] = parts[c]
    }
}

BEGIN {
    WIDE = 72 # columns of text on a terminal of 80
    print "'\\\" t"
    print ".\\\" Made of docs/guide/reference/language/."
    print ".TH PREY 5 \"\" \"prey\" \"File formats\""
}
{ gsub(/…/, "...") }
/^```/ && fenced { print ".fi\n.RE"; fenced = 0; next }
fenced {
    shown = ""
    for (i = 1; i <= length($0); i++) shown = shown glyph(substr($0, i, 1), 1)
    line(shown)
    next
}
/^```/ { end_block(); apart(); print ".RS 2\n.nf"; fenced = 1; next }
/^# / && NR != FNR { end_block(); print ".SH " toupper(substr($0, 3)); headed = 1; next }
/^# / {
    print ".SH NAME\nprey \\- " tolower(substr($0, 3, 1)) substr($0, 4) "\n.SH DESCRIPTION"
    headed = 1
    next
}
/^##+ / { end_block(); sub(/^#+ /, ""); print ".SS " $0; headed = 1; next }
NR == FNR && /^- \[[^]]*\]\([a-z-]*\.md\)$/ { next } # the index leads to pages
/^$/ || /^<!--/ { end_block(); next }
/^\|[-|]*$/ { next }
/^\|/ { end_text(); add_row($0); next }
/^- / { end_block(); item = 1; text = substr($0, 3); next }
{ sub(/^ +/, ""); text = text (text == "" ? "" : " ") $0 }
END {
    end_block()
    print ".SH SEE ALSO\n.BR preyc (1),\n.BR preyrun (1),\n.BR preyctl (1)"
    print ".PP\nThe guide, \\fBdocs/guide\\fR, and complete rule files to start from, \\fBrules\\-examples\\fR, are in"
    print "\\fBshare/doc/prey\\fR below the prefix of the installation. On Debian, the package \\fBprey\\-doc\\fR has the guide as HTML,"
    print "with a search: \\fB/usr/share/doc/prey/html/index.html\\fR."
}
