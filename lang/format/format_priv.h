/* Shared by the stages of the formatter: read.c (tokens and comments to items), marks.c (line breaks and columns, from
 * the tree), fmt_print.c (items to lines).
 *
 * The formatter moves tokens, never values: each is printed as written, except words that have a new form. Comments
 * are not in the tree; they are between the tokens. */
#pragma once

#include "lang/lex/lex.h"

enum {
    FMT_WIDTH = 100, /* width of lines, if words are short enough */
    FMT_INDENT = 2,
    FMT_HANG = 4,      /* indent of a statement's further lines */
    FMT_HANG_MAX = 40, /* largest column after `=` under which further lines begin */
    FMT_CLAUSE = 50,   /* widest clause that is not broken if it fits on a separate line */
    FMT_MASK = 24,     /* longer masks may be on a line after their bytes */
    FMT_REACH = 50,    /* largest distance between cells of aligned lines */
    FMT_REACH_EQ = 24, /* the same for `=` */
};
#define FMT_NONE UINT32_MAX

/* Columns that consecutive lines align, in the order in which padding is added. */
enum fmt_column { COLUMN_NONE, COLUMN_EQ, COLUMN_AS, COLUMN_COMMENT, COLUMN_SETTING, COLUMN_SERVER, COLUMN_LAST = 16 };

/* A token of the grammar other than a line's end. */
struct fmt_word {
    int kind;
    uint32_t start, end;   /* offsets in the text */
    const char *said;      /* present words with the same meaning, printed in its place; NULL: none */
    uint32_t width;        /* width in characters */
    uint32_t pad;          /* extra blanks before the word */
    uint8_t column;        /* enum fmt_column */
    bool may_break;        /* a line may end before it, with `\` */
    bool glued;            /* no blank before it: a port behind its colon */
    bool semicolon;        /* a statement other than the first begins here, in a block on one line */
    uint32_t remarks;      /* number of the first comment between this word and the next of its statement */
    uint32_t remark_count; /* number of these comments */
};

struct fmt_remark {
    uint32_t start, end;
    bool own_line;
};

/* A statement, the header or the `}` of a block, a block on one line, or a comment on its own line. */
struct fmt_item {
    uint32_t first, count; /* number of the first word, and count of words; count 0: a comment */
    uint32_t remark;       /* comment itself, or the one after the statement; FMT_NONE: none */
    unsigned depth;
    bool blank;    /* true for a blank line before it */
    bool one_line; /* true for a block on one line */
    bool one_each; /* true for a list with every member on a separate line */
    bool after_eq; /* true if the line ends after `=` */
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
/* Return the formatted text, malloc'd, and set *len. */
char *fmt_print(struct fmt *f, size_t *len);

/* Return the blanks before word `i` of an item, without padding. */
unsigned fmt_gap(const struct fmt *f, const struct fmt_item *item, uint32_t i);
/* Return the columns from the item's first word to the end of word `end - 1`, with padding. */
uint32_t fmt_width(const struct fmt *f, const struct fmt_item *item, uint32_t end);
static inline uint32_t fmt_indent(const struct fmt_item *item) { return item->depth * FMT_INDENT; }
