/* What the stages inside lang/ share: the state of parsing one file, the bounds, the constructors that grammar
 * actions call. The stages, in order: lex.l (bytes to raw tokens, values.c reads the values), tokens.c (newlines,
 * keywords, recovery), parse.y (structure), build*.c (nodes), syntax.c (what to say about an error). */
#pragma once

#include "lang/lang.h"

#define MAX_SOURCE        ((size_t)64 << 20) /* bytes in one file */
#define MAX_NESTING       256                /* parentheses in each other */
#define MAX_INCLUDE_DEPTH 32
#define MAX_INCLUDES      4096  /* files that the includes of one compile may name */
#define MAX_NAME          64    /* bytes */
#define MAX_WORD          128   /* bytes of one unquoted value */
#define MAX_STRING        65536 /* bytes between quotes */

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
void token_log_add(struct token_log *log, const struct token *t);

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
    struct statement stmt;   /* the one in hand */
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

/* lang.c: one file that is in `sources`, without what it includes. */
struct node *parse_alone(struct arena *arena, struct sources *sources, struct diags *d, uint32_t file,
                         struct token_log *log);

/* pattern.c */
struct paths {
    char **path; /* of the heap; what it points to, of the arena */
    uint32_t count, cap;
};
bool is_pattern(const char *path);
/* The files that match the last part of `path`, in the order of their bytes; paths as they would be written. 0, or
 * -E2BIG where more than `most` match, another negative errno where the folder can't be read. out->path is the caller's
 * to free either way. */
int pattern_files(struct arena *arena, const char *path, uint32_t most, struct paths *out);

/* lex.l */
void lex_open(struct parser *p);
void lex_close(struct parser *p);
void lex_next(struct parser *p, struct token *t);

/* lex_error.c: complaints of the lexer. They set t->kind to YYerror: the parser recovers without saying more. */
void lex_error(struct parser *p, struct token *t, enum diag_code code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void comment_check(struct parser *p, struct span span);
void bad_character(struct parser *p, struct token *t);
/* `\` with blanks (and a comment) after it. True if it is an error that ends the statement. */
bool blank_after_backslash(struct parser *p, struct token *t);

/* values.c: what an unquoted word means. Sets t's kind, end and payload, or reports and sets YYerror. May take only a
 * part of the word: returns the bytes taken. */
size_t value_scan(struct parser *p, const char *s, size_t len, struct token *t);
/* strings.c */
void value_string(struct parser *p, const char *s, size_t len, bool closed, struct token *t);
void value_bytes(struct parser *p, const char *s, size_t len, bool closed, struct token *t);
/* values.c: an unsigned number, decimal or 0x, with single _ between digits. 0, -EINVAL or -ERANGE. */
int parse_uint(const char *s, size_t len, uint64_t *out);
int parse_addr4(const char *s, size_t len, struct addr *out);
int parse_addr6(const char *s, size_t len, struct addr *out);
bool is_name(const char *s, size_t len);
void give_value(struct parser *p, struct token *t, int kind, enum node_kind node_kind, struct value v);

/* date.c: `2026-12-24`; false: the word has not its shape. */
bool date_scan(struct parser *p, const char *s, size_t len, struct token *t);

/* value_addr.c: a word with a colon, with dots, in brackets; a port after an address or `self`. */
void scan_colons(struct parser *p, const char *s, size_t len, struct token *t);
void scan_dots(struct parser *p, const char *s, size_t len, struct token *t);
void scan_bracketed(struct parser *p, const char *s, size_t len, struct token *t);
void give_endpoint(struct parser *p, struct token *t, struct value v, const char *port, size_t len);

/* values.c: `80`, `80-90`, `64-` or `-63`: sets kind and v of `out`. 0, -EINVAL or -ERANGE. */
int parse_int_or_range(const char *s, size_t len, struct node *out);

/* words.c: the token of a word, NAME for one that has no meaning. */
int word_find(const char *s, size_t len);
bool token_is_word(int token);
bool word_is_reserved(int token);
bool word_may_start(int token); /* a statement, where what must follow does (word.def) */
/* Does a statement begin here, or (`declaration`) one that stands at the top of a file? A name may look like the word
 * alone: what follows decides. The text ends in a NUL. */
bool text_starts_statement(const char *s, bool declaration);

/* tokens.c */
/* The place behind the blanks at `at`. */
uint32_t skip_blanks(const struct parser *p, uint32_t at);
/* Does the text at `at` begin a statement (so that a list or parenthesis before it must have ended)? */
bool looks_like_statement(const struct parser *p, uint32_t at);

/* The statement in hand was reported: skip the rest of it. */
void parser_panic(struct parser *p);

/* syntax.c: report the error at token `found` where `expected` could stand. */
void syntax_error(struct parser *p, int found, struct span span, const int *expected, int n);
bool expects(const int *expected, int n, int token);
/* Every literal may stand there: which of them has a meaning is not the grammar's to say. */
bool takes_values(const int *expected, int n);
/* meant.c: what the error's author likely meant, as help beside the error just reported. */
void offer_meant(struct parser *p, int found, struct span span, const int *expected, int n);
bool word_is_refused(int token);
/* Behind the colon of a claim, which tells no flags. */
bool in_claim(const struct parser *p, const int *expected, int n);
bool is_claim_flag(int found);
/* And is that the word? */
bool is_word_at(const struct parser *p, struct span span, const char *word);
/* habits.c: what other tools write. Our word for theirs that could stand there; NULL: none. */
const char *synonym(const struct parser *p, struct span span, const int *expected, int n);
/* What says it here, as help beside the error just reported. False: nothing is known of it. */
bool offer_habit(struct parser *p, int found, struct span span, const int *expected, int n);
/* The same for a comparison (`>1024`, `<= 80`) whose sign begins at `sign`: an open range. */
bool offer_range(struct parser *p, struct span sign);
#define ALL_NAMES 100 /* keywords expected at once: any name may stand there */
/* meant.c: the word that ends before offset `end` on its line, but for blanks; empty where there is none. */
struct str word_before(const struct parser *p, uint32_t end);
/* What may be written at the offset where a value or a name is missing; NULL: no row of wanted.def says it. */
const char *wanted_at(const struct parser *p, uint32_t at);
/* parse.y, from bison's tables */
const char *token_name(int kind);

/* The source text of a span, cut to something that fits in a message; in the arena. */
const char *quote(struct parser *p, struct span span);
/* An error that a constructor finds: reported, and the statement in hand is left out of the tree. */
#define build_error(p, ...) ((p)->stmt.bad = true, diag((p)->diags, __VA_ARGS__))

/* build.c: nodes */
struct span span_join(struct span a, struct span b);
struct node *leaf(struct parser *p, enum node_kind kind, struct span span);
struct node *name_node(struct parser *p, struct str word, struct span span);
struct node *int_leaf(struct parser *p, enum node_kind kind, uint64_t i, struct span span);
/* Append all of a chain of siblings; NULL is no sibling. */
struct node *adopt(struct node *parent, struct node *chain);
struct node *chain(struct node *a, struct node *b);
/* Append to a list that is made with its first element: as many as there are, each in constant time. */
struct node *append(struct parser *p, struct node *list, struct node *siblings);
struct node *kids(struct node *list);
/* A node of `kind` with the given chain as children. */
struct node *tree(struct parser *p, enum node_kind kind, struct span span, struct node *children);
struct node *clause(struct parser *p, enum clause clause, struct span span, struct node *children);
struct node *step(struct parser *p, enum clause clause, struct span span, struct node *children);
struct node *choice(struct parser *p, enum clause clause, struct span span);
/* Lists under construction: a container node whose children count. */
struct node *list_of(struct parser *p, struct node *first, struct span span);
struct node *list_more(struct node *list, struct node *next, struct span span);
struct node *list_not(struct parser *p, struct node *list, struct span not_span, unsigned nots, struct span second);
/* `not proto 47` for `proto not 47`. */
struct node *list_outer_not(struct parser *p, struct node *list, struct span not_span, unsigned nots,
                            struct span second);
/* The value of `is not x".."`: flag NOT. NULL for NULL. */
struct node *other_than(struct parser *p, struct node *value, unsigned nots, struct span second);
void list_inner_not(struct parser *p, struct span span);
/* A statement is complete: add it to `body` unless something in it was reported. */
struct node *statement_done(struct parser *p, struct node *body, struct node *n);
/* The statement in hand had an error and is left out. */
struct node *statement_broken(struct parser *p, struct node *body);

/* build_value.c: values where the place decides */
enum want {
    W_INT = 1 << 0,
    W_RANGE = 1 << 1,
    W_ADDR = 1 << 2,
    W_PREFIX = 1 << 3,
    W_ADDR_RANGE = 1 << 4,
    W_ENDPOINT = 1 << 5,
    W_MAC = 1 << 6,
    W_STRING = 1 << 7,
    W_BYTES = 1 << 8,
    W_PERCENT = 1 << 9,
    W_STATUS = 1 << 10,
    W_DURATION = 1 << 11,
    W_RATE = 1 << 12,
    W_BANDWIDTH = 1 << 13,
    W_SIZE = 1 << 14,
    W_RATIO = 1 << 15,
    W_TIME = 1 << 16,
    W_NAME = 1 << 17,
    W_ANY = 1 << 18,
    W_SELF = 1 << 19,
    W_NONE = 1 << 20,
    W_ADDRS = W_ADDR | W_PREFIX | W_ADDR_RANGE | W_NAME | W_ANY | W_SELF,
    W_NUMBERS = W_INT | W_RANGE | W_NAME,
    W_ENDPOINT_RANGE = 1 << 21,
    W_SCALAR = (W_NAME - 1) | W_ENDPOINT_RANGE,
};
/* The value if it is one of `wants` (names always pass W_NAME); else an error that says what `where` takes, and NULL.
 */
struct node *want(struct parser *p, struct node *value, unsigned wants, const char *where);
struct node *want_list(struct parser *p, struct node *list, unsigned wants, const char *where);
struct node *colon_ratio(struct parser *p, struct node *colon);
struct node *colon_time(struct parser *p, struct node *colon);
struct node *colon_time_range(struct parser *p, struct node *colon);
struct node *proto_ports(struct parser *p, struct str word, struct span span);
/* The address of `server`, the range of `servers`, as `wants` says; a constant is asked later. keyword: its place. */
struct node *server_at(struct parser *p, struct node *value, struct span keyword, unsigned wants);
/* What `mss clamp` takes, where it is not `auto`. */
struct node *segment_size(struct parser *p, struct node *value);
struct node *server_ref(struct parser *p, struct str word, struct span span);
struct node *per_prefix(struct parser *p, struct str word, struct span span, struct node *len6);

/* settings.c: one key with its value; without one the last word is it. */
struct node *setting(struct parser *p, struct node *words, struct node *value, bool is_timeout);

/* build_rule.c: declarations and rules */
struct node *const_decl(struct parser *p, struct span kw, struct str word, struct span word_span, struct node *value);
struct node *set_op(struct parser *p, struct node *left, enum node_kind op, struct span op_span, struct node *right);
struct node *set_member(struct parser *p, struct node *value);
struct node *file_ref(struct parser *p, struct node *path, bool live, struct span span);
/* A condition whose list elements are its own children, from a finished list. */
struct node *condition(struct parser *p, enum node_kind kind, struct span span, struct node *list, unsigned wants,
                       const char *where);
struct node *rule_new(struct parser *p, struct node *audit, struct node *verdict);
struct node *rule_part(struct parser *p, struct node *rule, struct node *part, struct span keyword);
struct node *when_new(struct parser *p, struct span kw, struct node *conditions, struct node *pools);
struct node *flag_list(struct parser *p, enum node_kind kind, struct span span, struct node *list);
struct node *packet(struct parser *p, enum clause proto, struct span span, struct node *number, struct node *addrs,
                    struct node *opts);
/* A name that has to be one of those listed (the last is CL_NONE), as a CHOICE; else the nearest is offered, and NULL.
 */
struct node *one_of(struct parser *p, struct node *name, const char *where, const enum clause *choices);
