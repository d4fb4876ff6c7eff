/* Columns: what lines that follow each other have in common is aligned, unless it lies too far apart. */
#include "lang/fmt_priv.h"
#include "lang/parse.tab.h"

unsigned fmt_gap(const struct fmt *f, const struct fmt_item *item, uint32_t i)
{
    const struct fmt_word *w = &f->words[i];
    if (i == item->first || w->kind == COMMA || w->kind == COLON || w->kind == RPAREN || w->kind == SLASH_LEN) return 0;
    return w[-1].kind != LPAREN;
}

uint32_t fmt_width(const struct fmt *f, const struct fmt_item *item, uint32_t end)
{
    uint32_t width = 0;
    for (uint32_t i = item->first; i < end; i++)
        width += fmt_gap(f, item, i) + f->words[i].pad + f->words[i].width + f->words[i].semicolon;
    return width;
}

/* The word of an item that stands in a column, or NULL. */
static struct fmt_word *cell(const struct fmt *f, const struct fmt_item *item, unsigned column)
{
    if (item->one_line || (item->multi_line && column != COLUMN_EQ)) return NULL;
    for (uint32_t i = item->first; i < item->first + item->count; i++)
        if (f->words[i].column == column) return &f->words[i];
    return NULL;
}

static uint32_t place(const struct fmt *f, const struct fmt_item *item, const struct fmt_word *w)
{
    return fmt_width(f, item, (uint32_t)(w - f->words));
}

/* The items from `i` on that are aligned: they follow each other, all have the cell, and not too far apart. */
static uint32_t run_end(const struct fmt *f, uint32_t i, unsigned column, uint32_t *widest)
{
    const uint32_t reach = column == COLUMN_EQ ? FMT_REACH_EQ : FMT_REACH;
    const unsigned depth = f->items[i].depth;
    uint32_t least = UINT32_MAX, most = 0, end = i;
    for (; end < f->item_count; end++) {
        const struct fmt_item *item = &f->items[end];
        const struct fmt_word *w = cell(f, item, column);
        if (!w || item->depth != depth || (end > i && item->blank)) break;
        const uint32_t at = place(f, item, w);
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
        w->pad = widest - place(f, item, w);
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
