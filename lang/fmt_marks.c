/* The tree says where a long statement may be broken, and what stands in columns: only it knows which of the words that
 * look like keywords are some. */
#include <stdlib.h>

#include "lang/fmt_priv.h"
#include "lang/parse.tab.h"

static int by_start(const void *key, const void *word)
{
    const uint32_t at = *(const uint32_t *)key, start = ((const struct fmt_word *)word)->start;
    return at < start ? -1 : at > start;
}

static struct fmt_word *word_at(const struct fmt *f, const struct node *n)
{
    return bsearch(&n->span.start, f->words, f->word_count, sizeof(*f->words), by_start);
}

static void set_column(const struct fmt *f, const struct node *n, unsigned column)
{
    struct fmt_word *w = word_at(f, n);
    if (w && column <= COLUMN_LAST) w->column = (uint8_t)column;
}

static bool may_break_before(enum node_kind kind)
{
    switch (kind) {
    case N_CLAUSE:
    case N_WITH:
    case N_LOG:
    case N_COMMENT:
    case N_ON:
    case N_DIRECTION:
    case N_OTHER_FRAMES:
    case N_PACKET: return true;
    case N_HAS:
    case N_LACKS:
    case N_PROTO_WORD:
    case N_NONE: return false;
    default: return kind >= N_C_PROTO && kind <= N_C_FLOWS;
    }
}

static void mark_server(const struct fmt *f, const struct node *server)
{
    unsigned column = COLUMN_SERVER;
    for (const struct node *n = server->first->next; n; n = n->next) set_column(f, n, column++);
}

static void mark_children(const struct fmt *f, const struct node *parent)
{
    node_each(n, parent)
    {
        struct fmt_word *w = may_break_before(n->kind) ? word_at(f, n) : NULL;
        if (w) w->may_break = true;
        switch (n->kind) {
        case N_AS: set_column(f, n, COLUMN_AS); break;
        case N_COMMENT: set_column(f, n, COLUMN_COMMENT); break;
        case N_SERVER:
        case N_SERVERS: mark_server(f, n); break;
        case N_SETTING: set_column(f, n->last, COLUMN_SETTING); break;
        default: break;
        }
        mark_children(f, n);
    }
}

void fmt_marks(struct fmt *f, const struct node *tree)
{
    for (uint32_t i = 0; i < f->word_count; i++) {
        struct fmt_word *w = &f->words[i];
        if (w->kind == EQ) w->column = COLUMN_EQ;
        w->may_break = w->kind == EXCEPT || w->kind == AND || w->kind == ZONE ||
                       (w->kind == MASK && i + 1 < f->word_count && w[1].width > FMT_MASK);
    }
    mark_children(f, tree);
}
