/* Line breaks and columns by the tree: it alone shows which words that look like keywords are keywords. Cells of
 * consecutive lines are aligned unless they are too far apart. */
#include <stdlib.h>
#include <string.h>

#include "lang/format/format_priv.h"
#include "lang/lex/tokens.tab.h"

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

static void set_said(struct fmt_word *w, const char *said)
{
    w->said = said;
    w->width = (uint32_t)strlen(said);
}

/* Mark words of a nat's statement that have another form today: `->` before the target, `out on` of a map. */
static void mark_old(const struct fmt *f, const struct node *parent, const struct node *n)
{
    struct fmt_word *w = parent->kind == N_CLAUSE ? word_at(f, n) : NULL;
    if (!w) return;
    if (n->kind == N_CLAUSE && clause_of(n) == CL_TO && clause_of(parent) == CL_SOURCE && w->kind == TO) {
        set_said(w, "->");
        w->kind = ARROW;
    }
    if (n->kind == N_C_OUT_ON && w->kind == ON) set_said(w, "out on");
}

static void mark_children(const struct fmt *f, const struct node *parent)
{
    node_each(n, parent)
    {
        struct fmt_word *w = may_break_before(n->kind) ? word_at(f, n) : NULL;
        if (w) w->may_break = true;
        mark_old(f, parent, n);
        if (is_clause(n, CL_ENDPOINT)) {
            /* the port is behind a colon */
            struct fmt_word *port = word_at(f, n->last);
            if (port && port[-1].kind == COLON) port->glued = true;
        }
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

unsigned fmt_gap(const struct fmt *f, const struct fmt_item *item, uint32_t i)
{
    const struct fmt_word *w = &f->words[i];
    if (i == item->first || w->kind == COMMA || w->kind == COLON || w->kind == RPAREN || w->kind == SLASH_LEN) return 0;
    return w[-1].kind != LPAREN && !w->glued;
}

uint32_t fmt_width(const struct fmt *f, const struct fmt_item *item, uint32_t end)
{
    uint32_t width = 0;
    for (uint32_t i = item->first; i < end; i++)
        width += fmt_gap(f, item, i) + f->words[i].pad + f->words[i].width + f->words[i].semicolon;
    return width;
}

/* Return the word of an item that is in the column, or NULL. */
static struct fmt_word *cell(const struct fmt *f, const struct fmt_item *item, unsigned column)
{
    if (item->one_line || (item->multi_line && column != COLUMN_EQ)) return NULL;
    for (uint32_t i = item->first; i < item->first + item->count; i++)
        if (f->words[i].column == column) return &f->words[i];
    return NULL;
}

static uint32_t mark_place(const struct fmt *f, const struct fmt_item *item, const struct fmt_word *w)
{
    return fmt_width(f, item, (uint32_t)(w - f->words));
}

/* Return the end of the items from `i` on that are aligned: consecutive, all with the cell, not too far apart. */
static uint32_t run_end(const struct fmt *f, uint32_t i, unsigned column, uint32_t *widest)
{
    const uint32_t reach = column == COLUMN_EQ ? FMT_REACH_EQ : FMT_REACH;
    const unsigned depth = f->items[i].depth;
    uint32_t least = UINT32_MAX, most = 0, end = i;
    for (; end < f->item_count; end++) {
        const struct fmt_item *item = &f->items[end];
        const struct fmt_word *w = cell(f, item, column);
        if (!w || item->depth != depth || (end > i && item->blank)) break;
        const uint32_t at = mark_place(f, item, w);
        const uint32_t low = at < least ? at : least, high = at > most ? at : most;
        if (high - low > reach) break;
        least = low;
        most = high;
    }
    *widest = most;
    return end;
}

static void align_run(struct fmt *f, uint32_t from, uint32_t to, unsigned column, uint32_t widest)
{
    for (uint32_t i = from; i < to; i++) {
        struct fmt_item *item = &f->items[i];
        struct fmt_word *w = cell(f, item, column);
        w->pad = widest - mark_place(f, item, w);
        if (!item->multi_line && fmt_indent(item) + fmt_width(f, item, item->first + item->count) > FMT_WIDTH)
            w->pad = 0;
    }
}

void fmt_columns(struct fmt *f)
{
    for (unsigned column = COLUMN_EQ; column <= COLUMN_LAST; column++)
        for (uint32_t i = 0, end; i<f->item_count; i = end> i ? end : i + 1) {
            uint32_t widest;
            end = run_end(f, i, column, &widest);
            align_run(f, i, end, column, widest);
        }
}
