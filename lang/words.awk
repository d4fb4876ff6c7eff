# Puts the words of word.def into the grammar, line for line: awk -f lang/words.awk lang/word.def lang/parse.y
/^WORD\(/ && FILENAME ~ /word\.def$/ {
    match($0, /^WORD\([A-Z0-9_]+/); token = substr($0, 6, RLENGTH - 5)
    match($0, /"[^"]+"/); tokens = tokens " " token " " substr($0, RSTART, RLENGTH)
    if ($0 ~ /, *FREE,/) free = free (free ? " | " : "") token
}
FILENAME !~ /word\.def$/ { sub(/@WORDS@/, tokens); sub(/@FREE_WORDS@/, free); print }
