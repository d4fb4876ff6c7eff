# Puts the words of word.def, and its conditions on one number, into the grammar, line for line: awk -f lang/words/words.awk lang/words/word.def lang/parse/parse.y
/^WORD\(/ && FILENAME ~ /word\.def$/ {
    match($0, /^WORD\([A-Z0-9_]+/); token = substr($0, 6, RLENGTH - 5)
    match($0, /"[^"]+"/); tokens = tokens " " token " " substr($0, RSTART, RLENGTH)
    if ($0 ~ /, *FREE,/) free = free (free ? " | " : "") token
}
/^IP_NUMBER\(/ && FILENAME ~ /word\.def$/ {
    match($0, /^IP_NUMBER\([A-Z0-9_]+/); token = substr($0, 11, RLENGTH - 10)
    match($0, /"[^"]+"/); text = substr($0, RSTART + 1, RLENGTH - 2)
    numbers = numbers " | " token " list { $$ = condition(p, N_C_" token ", @$, $2, W_NUMBERS, \"`" text "`\"); }"
}
FILENAME !~ /word\.def$/ { sub(/@WORDS@/, tokens); sub(/@FREE_WORDS@/, free); sub(/@IP_NUMBERS@/, numbers); print }
