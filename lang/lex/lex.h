/* From bytes to the parser's tokens: the state of parsing one file, its bounds, and what the files of the lexer share.
 * In order: lex.l (bytes to raw tokens; values.c, strings.c and their neighbours read the values), tokens.c (newlines,
 * keywords, recovery). */
#pragma once

#include "lang/arena.h"
#include "lang/diag/diag.h"
#include "lang/lex/value_text.h"
#include "lang/source.h"
#include "lang/tree/ast.h"

#define MAX_NESTING 256   /* parentheses in each other */
#define MAX_NAME    64    /* bytes */
#define MAX_WORD    128   /* bytes of one unquoted value */
#define MAX_STRING  65536 /* bytes between quotes */

/* Kinds of raw tokens that only tokens.c sees; above all of bison's. */
enum { RAW_NEWLINE = 10000, RAW_SEMICOLON, RAW_EOF, RAW_SKIPPED };

/* One raw token as the flex scanner gives it, before tokens.c decides about newlines and keywords. */
struct token {
    int kind;
    struct span span;
    union {
        struct node *node; /* values */
        struct str str;    /* words: a stretch of the source text */
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

/* What is remembered of a statement while it is parsed. */
struct statement {
    struct token start[3]; /* its first tokens; kind < 0: not there yet */
    unsigned tokens;
    bool bad; /* a constructor reported something: it does not enter the tree */
};

/* The state of parsing one file. */
struct parser {
    struct arena *arena;
    struct sources *sources;
    struct diags *diags;
    void *scanner;
    const char *text;
    uint32_t len, file, pos; /* pos: offset of the next byte to scan */
    unsigned errors_before;  /* diags_errors() when this file began */
    struct node *tree;

    /* tokens.c */
    struct token ahead; /* one token read too early; kind < 0: none */
    int prev;           /* kind of the last token given to the parser */
    struct span prev_span;
    struct statement stmt;   /* the one that is being parsed */
    struct statement header; /* the one whose block we are in */
    struct span open_brace;  /* of the block we are in */
    struct span comma_nl;    /* the last comma of this statement that stood at a line's end; file UINT32_MAX: none */
    unsigned brace_depth, paren_depth;
    uint32_t open_paren[MAX_NESTING]; /* where each parenthesis that is open stands */
    uint32_t unclosed_paren;          /* the innermost that the last statement left open; UINT32_MAX: none */
    struct token last;                /* given to the parser */
    unsigned panic_depth;             /* blocks that the reported statement has opened */
    bool missing_brace;               /* the error was that a `{` is missing at the line's end */
    bool panic;                       /* the statement is reported: skip to its end */
    bool gave_up;                     /* too many errors: the rest of the file is not read */
    struct token_log *log;            /* NULL: nobody asks for the tokens */
};

/* lex.l */
void lex_open(struct parser *p);
void lex_close(struct parser *p);
void lex_next(struct parser *p, struct token *t);

/* lex_error.c: complaints of the lexer. They set t->kind to YYerror: the parser recovers without saying more. */
void lex_error(struct parser *p, struct token *t, enum diag_code code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void comment_check(struct parser *p, struct span span);
void bad_character(struct parser *p, struct token *t);
/* A comparison (`>1024`, `<= 80`) whose sign begins at `sign`: the open range that says it, as help beside the error
 * just reported. False: nothing is known of it. */
bool offer_range(struct parser *p, struct span sign);
/* `\` with blanks (and a comment) after it. True if it is an error that ends the statement. */
bool blank_after_backslash(struct parser *p, struct token *t);

/* values.c: what an unquoted word means. Sets t's kind, end and payload, or reports and sets YYerror. May take only a
 * part of the word: returns the bytes taken. */
size_t value_scan(struct parser *p, const char *s, size_t len, struct token *t);
/* strings.c */
void value_string(struct parser *p, const char *s, size_t len, bool closed, struct token *t);
void value_bytes(struct parser *p, const char *s, size_t len, bool closed, struct token *t);
void give_value(struct parser *p, struct token *t, int kind, enum node_kind node_kind, struct value v);

/* date.c: `2026-12-24`. False: the word has another shape. */
bool date_scan(struct parser *p, const char *s, size_t len, struct token *t);

/* value_addr.c: a word with a colon, with dots, in brackets; a port after an address or `self`. */
void scan_colons(struct parser *p, const char *s, size_t len, struct token *t);
void scan_dots(struct parser *p, const char *s, size_t len, struct token *t);
void scan_bracketed(struct parser *p, const char *s, size_t len, struct token *t);
void give_endpoint(struct parser *p, struct token *t, struct value v, const char *port, size_t len);

/* words.c: the token of a word; NAME for a word without a meaning. */
int word_find(const char *s, size_t len);
bool token_is_word(int token);
bool word_is_reserved(int token);
bool word_may_start(int token); /* a statement, where what must follow does (word.def) */
/* True: a statement begins at `s`; with `declaration`, one that may stand at the top of a file. A name may be spelled
 * like a word that begins one, so what follows decides. The text ends in a NUL. */
bool text_starts_statement(const char *s, bool declaration);

/* tokens.c */
/* The place behind the blanks at `at`. */
uint32_t skip_blanks(const struct parser *p, uint32_t at);
/* The word of letters, digits, `_`, `-`, `.` or quotes at or behind `at`, on the same line. */
struct span next_word(const struct parser *p, uint32_t at);
bool word_number(const struct parser *p, struct span word, uint64_t *number); /* false: the word is no number */
/* True: a statement begins at `at`, so a list or parenthesis before it must have ended. */
bool looks_like_statement(const struct parser *p, uint32_t at);

/* Skip the rest of the current statement, in which an error was reported. */
void parser_panic(struct parser *p);
