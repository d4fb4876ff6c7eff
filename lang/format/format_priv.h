/* What the stages of the formatter share. In order: read.c (tokens and comments to items), marks.c (the tree
 * says where lines may break and what stands in columns; columns to padding), print.c (items to lines).
 *
 * The formatter moves tokens, never values: each is printed as it was written. Comments are not in the tree; they lie
 * between the tokens. */
#pragma once

#include "lang/lex/lex.h"

enum {
    FMT_WIDTH = 100, /* columns that lines are kept within, where words are short enough */
    FMT_INDENT = 2,
    FMT_HANG = 4,      /* a statement's further lines */
    FMT_HANG_MAX = 40, /* further lines stand under the value after `=` up to this column */
    FMT_CLAUSE = 50,   /* a clause up to this width is not broken where it fits on a line of its own */
    FMT_MASK = 24,     /* longer masks may stand on a line after their bytes */
    FMT_REACH = 50,    /* lines whose columns lie further apart are not aligned with each other */
    FMT_REACH_EQ = 24, /* the same for `=` */
};
#define FMT_NONE UINT32_MAX

/* What is aligned among lines that follow each other. In the order in which padding is added. */
enum fmt_column { COLUMN_NONE, COLUMN_EQ, COLUMN_AS, COLUMN_COMMENT, COLUMN_SETTING, COLUMN_SERVER, COLUMN_LAST = 16 };

/* A token of the grammar, but ends of lines. */
struct fmt_word {
    int kind;
    uint32_t start, end;   /* in the text */
    uint32_t width;        /* in characters */
    uint32_t pad;          /* blanks before it, beyond the usual */
    uint8_t column;        /* enum fmt_column */
    bool may_break;        /* a line may end before it, with `\` */
    bool semicolon;        /* in a block on one line: a statement begins here, not the first */
    uint32_t remarks;      /* comments between this word and the next of its statement: the first, */
    uint32_t remark_count; /* and how many */
};

struct fmt_remark {
    uint32_t start, end;
    bool own_line;
};

/* A statement, the header or the `}` of a block, a block on one line, or a comment on its own line. */
struct fmt_item {
    uint32_t first, count; /* words; no words: a comment */
    uint32_t remark;       /* the comment itself, or the one after the statement; FMT_NONE: none */
    unsigned depth;
    bool blank;    /* a blank line before it */
    bool one_line; /* a block on one line */
    bool one_each; /* a list with every member on a line of its own */
    bool after_eq; /* the line ends after `=` */
    bool multi_line;
};

struct fmt {
    struct arena *arena;
    const char *text;
    uint32_t len;
    struct fmt_word *words;
    struct fmt_remark *remarks;
    struct fmt_item *items;
    uint32_t word_count, remark_count, item_count;
};

void fmt_read(struct fmt *f, const struct token_log *log);
void fmt_marks(struct fmt *f, const struct node *tree);
void fmt_columns(struct fmt *f);
/* The formatted text, malloc'd; *len is set. */
char *fmt_print(struct fmt *f, size_t *len);

/* Blanks before word `i` of an item, without padding. */
unsigned fmt_gap(const struct fmt *f, const struct fmt_item *item, uint32_t i);
/* Columns from the item's first word to the end of word `end - 1`, padding and all. */
uint32_t fmt_width(const struct fmt *f, const struct fmt_item *item, uint32_t end);
static inline uint32_t fmt_indent(const struct fmt_item *item) { return item->depth * FMT_INDENT; }
