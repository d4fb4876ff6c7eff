/* From raw tokens to the parser's: ends of statements, keywords, and recovery after an error.
 *
 * A newline ends a statement, except after , { = -> : and inside ( ). Before `}` and at the end of the file a missing
 * NL is added, so that the grammar needs no special cases. After an error the rest of the statement, and a block that
 * it opened, is skipped here (`panic`), and the parser gets the one NL that its error rules wait for. */
#include <ctype.h>
#include <string.h>

#include "lang/heap.h"
#include "lang/lex/lex.h"
#include "lang/lex/tokens.tab.h"

uint32_t skip_blanks(const struct parser *p, uint32_t at)
{
    while (p->text[at] == ' ' || p->text[at] == '\t' || p->text[at] == '\r') at++;
    return at;
}

struct span next_word(const struct parser *p, uint32_t at)
{
    struct span word = {p->file, skip_blanks(p, at), 0};
    word.end = word.start;
    while (isalnum((unsigned char)p->text[word.end]) || (p->text[word.end] && strchr("_-.\"", p->text[word.end])))
        word.end++;
    return word;
}

bool word_number(const struct parser *p, struct span word, uint64_t *number)
{
    return word.end > word.start && parse_uint(p->text + word.start, word.end - word.start, number) == 0;
}

/* Skip blanks, newlines and comments. */
static uint32_t skip_lines(const struct parser *p, uint32_t at)
{
    for (;;) {
        at = skip_blanks(p, at);
        if (p->text[at] == '#') {
            const char *nl = memchr(p->text + at, '\n', p->len - at);
            at = nl ? (uint32_t)(nl - p->text) : p->len;
        } else if (p->text[at] == '\n') {
            at++;
        } else {
            return at;
        }
    }
}

static bool looks_like_declaration(const struct parser *p, uint32_t at)
{
    return text_starts_statement(p->text + at, true);
}

/* True if a statement begins at `at`, so a list or parenthesis before it must have ended. */
static bool looks_like_statement(const struct parser *p, uint32_t at)
{
    return text_starts_statement(p->text + skip_blanks(p, at), false);
}

/* True if, before the next declaration, a `}` closes a block whose `{` the parser has not seen: the `{` was
 * forgotten. */
static bool closed_later(const struct parser *p, uint32_t at)
{
    unsigned depth = 0;
    const uint32_t end = p->len - at > 65536 ? at + 65536 : p->len;
    for (bool line_start = true; at < end; at++) {
        char c = p->text[at];
        if (line_start && looks_like_declaration(p, at)) return false;
        line_start = c == '\n';
        if (c == '#') {
            const char *nl = memchr(p->text + at, '\n', end - at);
            at = nl ? (uint32_t)(nl - p->text) - 1 : end - 1;
        } else if (c == '{') {
            depth++;
        } else if (c == '}' && depth-- == 0) {
            return true;
        }
    }
    return false;
}

static void raw(struct parser *p, struct token *t)
{
    if (p->ahead.kind >= 0) {
        *t = p->ahead;
        p->ahead.kind = -1;
    } else {
        lex_next(p, t);
    }
}

static bool at_statement_start(const struct parser *p)
{
    return p->prev == NL || p->prev == LBRACE || p->prev == RBRACE;
}

static void token_make(struct token *t, int kind, uint32_t file, uint32_t at)
{
    *t = (struct token){.kind = kind, .span = {file, at, at}};
}

static bool newline_continues(struct parser *p, const struct token *t)
{
    if (p->prev == COMMA || p->prev == EQ || p->prev == ARROW || p->prev == COLON) {
        if (p->prev == COMMA) p->comma_nl = p->prev_span;
        return p->prev == COMMA || !looks_like_statement(p, t->span.end);
    }
    return p->paren_depth && !looks_like_statement(p, t->span.end);
}

/* Report and drop a comma at the end of a list: the list before it is good. */
static bool trailing_comma(struct parser *p, const struct token *t)
{
    uint32_t next = skip_lines(p, t->span.end);
    bool same_line = next == skip_blanks(p, t->span.end);
    char c = p->text[next];
    if (!(c == '}' || c == ')' || c == ';' || c == '{' || next >= p->len ||
          (!same_line && looks_like_statement(p, next))))
        return false;
    diag(p->diags, E_COMMA, t->span, "the list has no member after this comma");
    diag_suggest_removal(p->diags, SPAN_NONE);
    return true;
}

/* End the statement in hand, if there is one, before `t`, which waits. */
static bool ended_before(struct parser *p, struct token *t)
{
    if (at_statement_start(p)) return false;
    p->ahead = *t;
    token_make(t, NL, p->file, p->prev_span.end);
    return true;
}

static bool filter_close(struct parser *p, struct token *t)
{
    if (ended_before(p, t)) return true;
    if (p->brace_depth == 0) {
        diag(p->diags, E_BRACE, t->span, "this `}` has no matching `{`");
        return false;
    }
    p->brace_depth--;
    return true;
}

static bool filter_eof(struct parser *p, struct token *t)
{
    if (ended_before(p, t)) return true;
    t->kind = YYEOF;
    if (p->brace_depth) {
        diag(p->diags, E_BRACE, p->open_brace, "this `{` is never closed");
        p->brace_depth--;
        p->ahead = (struct token){.kind = RAW_EOF, .span = t->span};
        t->kind = RBRACE;
    }
    return true;
}

static void filter_open(struct parser *p, struct token *t)
{
    if (p->paren_depth < MAX_NESTING) {
        p->open_paren[p->paren_depth++] = t->span.start;
        return;
    }
    t->kind = YYerror;
    diag(p->diags, E_NESTING, t->span, "parentheses are nested more than %d deep", MAX_NESTING);
}

static bool filter_word(struct parser *p, struct token *t)
{
    if (p->brace_depth && at_statement_start(p) && (t->span.start == 0 || p->text[t->span.start - 1] == '\n') &&
        looks_like_declaration(p, t->span.start)) {
        diag(p->diags, E_BRACE, t->span, "the block before this line has no `}`");
        diag_note(p->diags, p->open_brace, "the block begins here");
        p->brace_depth--;
        p->ahead = *t;
        token_make(t, RBRACE, p->file, t->span.start);
        return true;
    }
    t->kind = word_find(t->str.s, t->str.len);
    return true;
}

/* True if `t`, perhaps replaced, goes to the parser; false if it is swallowed. */
static bool filter(struct parser *p, struct token *t)
{
    switch (t->kind) {
    case RAW_SKIPPED:
        /* A `\` that was meant to join the lines, with something behind it. */
        if (p->text[p->pos] == '\r' || p->text[p->pos] == '\n') lex_next(p, t);
        return t->kind == RAW_EOF ? filter_eof(p, t) : false;
    case RAW_NEWLINE:
        if (at_statement_start(p) || newline_continues(p, t)) return false;
        token_make(t, NL, p->file, p->prev_span.end);
        return true;
    case RAW_SEMICOLON: t->kind = NL; return !at_statement_start(p);
    case RAW_EOF: return filter_eof(p, t);
    case RBRACE: return filter_close(p, t);
    case LBRACE:
        p->brace_depth++;
        p->open_brace = t->span;
        return true;
    case LPAREN: filter_open(p, t); return true;
    case RPAREN: p->paren_depth -= p->paren_depth > 0; return true;
    case COMMA: return !trailing_comma(p, t);
    case NAME: return filter_word(p, t);
    default: return true;
    }
}

/* Skip to the end of the statement, with any block that it opens. `depth`: blocks of it that are already open. */
static void skip_statement(struct parser *p, struct token *t, unsigned depth)
{
    int prev = p->prev;
    for (;; prev = t->kind) {
        raw(p, t);
        if (t->kind == RAW_EOF || (t->kind == RBRACE && depth == 0)) {
            p->ahead = *t;
            break;
        }
        if (t->kind == LBRACE) depth++;
        if (t->kind == RBRACE && --depth == 0) break;
        if (t->kind == RAW_SEMICOLON && depth == 0) break;
        if (t->kind != RAW_NEWLINE) continue;
        bool joins = prev == COMMA || prev == EQ || prev == ARROW || prev == COLON;
        if (depth == 0 && (!joins || looks_like_statement(p, t->span.end))) break;
        /* A block that is never closed must not hide the rest of the file. */
        if (depth && looks_like_declaration(p, t->span.end)) break;
    }
    token_make(t, NL, p->file, t->span.start);
    p->panic = false;
}

/* Decide what to skip after an error at `t`, the last token given. */
static void begin_panic(struct parser *p, const struct token *t)
{
    p->panic_depth = 0;
    p->panic = true;
    if (t->kind == LBRACE) {
        p->brace_depth--;
        p->panic_depth = 1;
    } else if (t->kind == NL) {
        uint32_t next = skip_lines(p, p->pos);
        bool no_brace = p->brace_depth == 0 && p->text[next] != '{' && p->missing_brace && closed_later(p, p->pos);
        p->panic = p->ahead.kind < 0 && (p->text[next] == '{' || no_brace);
        p->panic_depth = no_brace;
    } else if (t->kind == RBRACE || t->kind == YYEOF) {
        p->panic = false;
    }
    if (p->panic) p->prev = YYerror; /* no statement begins here */
}

/* True once a file, or all files together, have too many errors. In the latter case each further file still reports its
 * first, since an `include` pattern may match files without rules. */
static bool too_many(struct parser *p)
{
    const unsigned all = diags_errors(p->diags), own = all - p->errors_before;
    if (!p->gave_up && (own >= DIAG_FILE_MAX || (own && all >= DIAG_FILE_MAX))) {
        p->gave_up = true;
        diags_stopped(p->diags);
    }
    return p->gave_up;
}

void parser_panic(struct parser *p) { begin_panic(p, &p->last); }

int yylex(YYSTYPE *value, struct span *span, struct parser *p)
{
    struct token t;
    if (p->panic)
        skip_statement(p, &t, p->panic_depth);
    else
        do raw(p, &t);
        while (!filter(p, &t) && !too_many(p));
    if (too_many(p)) t.kind = YYEOF;
    if (at_statement_start(p)) {
        /* The statement before is done, and a block's header waits for its `}`. */
        if (p->prev == LBRACE) p->header = p->stmt;
        p->stmt = (struct statement){.start = {{.kind = -1}, {.kind = -1}, {.kind = -1}}};
        if (t.kind == RBRACE) p->stmt = p->header;
        p->comma_nl.file = UINT32_MAX;
    }
    if (t.kind == NL || t.kind == LBRACE) {
        p->unclosed_paren = p->paren_depth ? p->open_paren[p->paren_depth - 1] : UINT32_MAX;
        p->paren_depth = 0;
    }
    if (p->stmt.tokens < 3) p->stmt.start[p->stmt.tokens] = t;
    p->stmt.tokens++;
    p->prev = t.kind;
    p->prev_span = t.span;
    p->last = t;
    if (p->log) {
        p->log->tokens = heap_grown(p->log->tokens, (size_t)p->log->count + 1, sizeof(*p->log->tokens), &p->log->cap);
        p->log->tokens[p->log->count++] = (struct logged){t.kind, t.span.start, t.span.end};
    }
    *span = t.span;
    if (t.kind >= SLASHED)
        value->str = t.str;
    else
        value->node = t.node;
    if (t.kind == YYerror) begin_panic(p, &t);
    return t.kind;
}
