/* From bytes to the parser's tokens: the state of parsing one file, its bounds, and declarations shared by the files of
 * the lexer. In order: lex.l (bytes to raw tokens; values.c, strings.c and their neighbours read the values), tokens.c
 * (newlines, keywords, recovery). */
#pragma once

#include "lang/arena.h"
#include "lang/diag/diag.h"
#include "lang/lex/value_text.h"
#include "lang/sources.h"
#include "lang/tree/ast.h"

#define MAX_NESTING 256   /* depth of nested parentheses */
#define MAX_NAME    64    /* bytes of a name */
#define MAX_WORD    128   /* bytes of one unquoted value */
#define MAX_STRING  65536 /* bytes between quotes */

/* Kinds of raw tokens that only tokens.c sees; numbers above bison's. */
enum { RAW_NEWLINE = 10000, RAW_SEMICOLON, RAW_EOF, RAW_SKIPPED };

/* One raw token as the flex scanner gives it, before tokens.c decides about newlines and keywords. */
struct token {
    int kind;
    struct span span;
    union {
        struct node *node; /* node of a value */
        struct str str;    /* text of a word: a stretch of the source */
    };
};

/* The tokens as the parser took them, for the formatter. */
struct token_log {
    struct logged {
        int kind;
        uint32_t start, end;
    } * tokens;
    uint32_t count, cap;
};

/* State of a statement while it is parsed. */
struct statement {
    struct token start[3]; /* the statement's first tokens; kind < 0: not read yet */
    unsigned tokens;
    bool bad; /* a constructor reported an error, so the statement is left out of the tree */
};

/* The state of parsing one file. */
struct parser {
    struct arena *arena;
    struct sources *sources;
    struct diags *diags;
    void *scanner;
    const char *text;
    uint32_t len, file, pos; /* pos: offset of the next byte to scan */
    unsigned errors_before;  /* diags_errors() at the start of this file */
    struct node *tree;

    /* state of tokens.c */
    struct token ahead; /* one token of look-ahead; kind < 0: none */
    int prev;           /* kind of the last token given to the parser */
    struct span prev_span;
    struct statement stmt;   /* statement being parsed */
    struct statement header; /* statement whose block encloses the current one */
    struct span open_brace;  /* `{` of the enclosing block */
    struct span comma_nl;    /* last comma of this statement at a line's end; file UINT32_MAX: none */
    unsigned brace_depth, paren_depth;
    uint32_t open_paren[MAX_NESTING]; /* offset of each open parenthesis */
    uint32_t unclosed_paren; /* offset of the innermost `(` that the last statement left open; UINT32_MAX: none */
    struct token last;       /* last token given to the parser */
    unsigned panic_depth;    /* blocks that the statement in error has opened */
    bool missing_brace;      /* the error was a missing `{` at the line's end */
    bool panic;              /* the statement is in error: skip to its end */
    bool gave_up;            /* too many errors: the rest of the file is not read */
    struct token_log *log;   /* NULL: no log */
};

/* lex.l */
void lex_open(struct parser *p);
void lex_close(struct parser *p);
void lex_next(struct parser *p, struct token *t);

/* lex_error.c: errors of the lexer. They set t->kind to YYerror, after which the parser recovers silently. */
void lex_error(struct parser *p, struct token *t, enum diag_code code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void comment_check(struct parser *p, struct span span);
void bad_character(struct parser *p, struct token *t);
/* Offer the open range that a comparison (`>1024`, `<= 80`) means, as help beside the error just reported. `sign`:
 * place of the sign. False: no help. */
bool offer_range(struct parser *p, struct span sign);
/* Handle `\` followed by blanks (and a comment). True if it is an error that ends the statement. */
bool blank_after_backslash(struct parser *p, struct token *t);

/* values.c: read an unquoted word. Set t's kind, end and payload, or report and set YYerror. Return the bytes taken,
 * which may be only a part of the word. */
size_t value_scan(struct parser *p, const char *s, size_t len, struct token *t);
/* strings.c */
void value_string(struct parser *p, const char *s, size_t len, bool closed, struct token *t);
void value_bytes(struct parser *p, const char *s, size_t len, bool closed, struct token *t);
void give_value(struct parser *p, struct token *t, int kind, enum node_kind node_kind, struct value v);

/* date.c: read `2026-12-24`. False: the word has another shape. */
bool date_scan(struct parser *p, const char *s, size_t len, struct token *t);

/* value_addr.c: read a word with a colon, with dots, in brackets; a port after an address or `self`. */
void scan_colons(struct parser *p, const char *s, size_t len, struct token *t);
void scan_dots(struct parser *p, const char *s, size_t len, struct token *t);
void scan_bracketed(struct parser *p, const char *s, size_t len, struct token *t);
/* Offer prey's form of an IPv6 address with a mask of its end, as other tools write them. False: it is not such an
 * address. */
bool offer_mask(struct parser *p, const char *s, size_t len, const char *mask, size_t mask_len);
void give_endpoint(struct parser *p, struct token *t, struct value v, const char *port, size_t len);

/* keywords.c: return the token of a word; NAME for a word without special meaning. */
int word_find(const char *s, size_t len);
bool token_is_word(int token);
bool word_is_reserved(int token);
bool word_may_start(int token); /* true for words that may begin a statement (word.def) */
/* True if a statement begins at `s`; with `declaration`, one allowed at the top of a file. Names may be spelled like
 * words that begin statements, so the text behind the word decides. The text ends in a NUL. */
bool text_starts_statement(const char *s, bool declaration);

/* tokens.c */
/* Return the offset behind the blanks at `at`. */
uint32_t skip_blanks(const struct parser *p, uint32_t at);
/* Return the word of letters, digits, `_`, `-`, `.` or quotes at or behind `at`, on the same line. */
struct span next_word(const struct parser *p, uint32_t at);
bool word_number(const struct parser *p, struct span word, uint64_t *number); /* false: not a number */

/* Skip the rest of the current statement, in which an error was reported. */
void parser_panic(struct parser *p);
