/* Reader of tokens and comments between them as items: statements, heads and ends of blocks, comments on their own. */
#include <string.h>

#include "lang/format/format_priv.h"
#include "lang/lex/tokens.tab.h"
#include "lang/utf8.h"

struct reader {
    struct fmt *f;
    uint32_t at;       /* offset up to which the text is read */
    unsigned newlines; /* newlines since the last token or comment */
    unsigned depth;
    bool open;  /* true inside a statement */
    bool fresh; /* true at the start of a block */
};

static struct fmt_item *add_item(struct reader *r, unsigned depth, bool blank)
{
    struct fmt_item *item = &r->f->items[r->f->item_count++];
    *item =
        (struct fmt_item){.first = r->f->word_count, .remark = FMT_NONE, .depth = depth, .blank = blank && !r->fresh};
    r->fresh = false;
    return item;
}

static struct fmt_item *last_item(struct fmt *f) { return f->item_count ? &f->items[f->item_count - 1] : NULL; }

static void place_remark(struct reader *r, uint32_t start, uint32_t end)
{
    struct fmt *f = r->f;
    struct fmt_item *last = last_item(f);
    const uint32_t n = f->remark_count++;
    f->remarks[n] = (struct fmt_remark){start, end, r->newlines > 0};
    if (r->open) {
        struct fmt_word *w = &f->words[f->word_count - 1];
        if (!w->remark_count++) w->remarks = n;
    } else if (!r->newlines && last && last->count && last->remark == FMT_NONE) {
        last->remark = n;
    } else {
        f->remarks[n].own_line = true;
        add_item(r, r->depth, r->newlines > 1)->remark = n;
    }
}

/* Read the gap up to `to`: blanks, newlines, comments, `\` and further `;`. */
static void read_gap(struct reader *r, uint32_t to)
{
    const char *text = r->f->text;
    r->newlines = 0;
    while (r->at < to) {
        if (text[r->at] == '#') {
            const char *nl = memchr(text + r->at, '\n', to - r->at);
            const uint32_t start = r->at, after = nl ? (uint32_t)(nl - text) : to;
            uint32_t end = after;
            while (strchr(" \t\r", text[end - 1])) end--;
            place_remark(r, start, end);
            r->newlines = 0;
            r->at = after;
        } else {
            r->newlines += text[r->at++] == '\n';
        }
    }
}

static void read_token(struct reader *r, const struct logged *t)
{
    if (t->kind == NL) {
        r->open = false;
        return;
    }
    read_gap(r, t->kind == YYEOF ? r->f->len : t->start);
    if (t->kind == YYEOF) return;
    r->at = t->end;
    if (t->kind == RBRACE) {
        r->depth--;
        add_item(r, r->depth, false);
    } else if (!r->open) {
        add_item(r, r->depth, r->newlines > 1);
    }
    struct fmt *f = r->f;
    f->words[f->word_count++] = (struct fmt_word){.kind = t->kind,
                                                  .start = t->start,
                                                  .end = t->end,
                                                  .width = (uint32_t)utf8_count(f->text + t->start, t->end - t->start)};
    last_item(f)->count++;
    r->open = t->kind != LBRACE && t->kind != RBRACE;
    if (t->kind == LBRACE) {
        r->depth++;
        r->fresh = true;
    }
}

static bool newline_between(const struct fmt *f, uint32_t from, uint32_t to)
{
    return memchr(f->text + from, '\n', to - from) != NULL;
}

/* Return the number of items of a block that was written on one line and fits there, or 0. */
static uint32_t one_line_block(const struct fmt *f, uint32_t i)
{
    const struct fmt_item *head = &f->items[i];
    const uint32_t brace = head->first + head->count - 1;
    uint32_t end = i + 1, width = fmt_indent(head) + fmt_width(f, head, head->first + head->count);
    if (!head->count || f->words[brace].kind != LBRACE || head->remark != FMT_NONE) return 0;
    for (; f->items[end].depth > head->depth; end++) {
        if (!f->items[end].count) return 0;
        width += 2 + fmt_width(f, &f->items[end], f->items[end].first + f->items[end].count);
    }
    for (uint32_t w = head->first; w <= brace; w++)
        if (f->words[w].remark_count) return 0;
    const struct fmt_word *close = &f->words[f->items[end].first];
    if (width + 2 > FMT_WIDTH || newline_between(f, f->words[brace].end, close->start)) return 0;
    return end + 1 - i;
}

static void join_blocks(struct fmt *f)
{
    uint32_t out = 0;
    for (uint32_t i = 0, n; i < f->item_count; i += n ? n : 1) {
        struct fmt_item item = f->items[i];
        n = one_line_block(f, i);
        for (uint32_t k = 1; k < n; k++) {
            const struct fmt_item *part = &f->items[i + k];
            f->words[part->first].semicolon = k > 1 && k + 1 < n;
            item.count += part->count;
            item.remark = part->remark;
            item.one_line = true;
        }
        f->items[out++] = item;
    }
    f->item_count = out;
}

/* Keep the shape given by the user's line breaks: a list with one member per line. */
static void read_shape(const struct fmt *f, struct fmt_item *item)
{
    unsigned commas = 0, broken = 0;
    for (uint32_t w = item->first; w + 1 < item->first + item->count; w++) {
        const bool nl = newline_between(f, f->words[w].end, f->words[w + 1].start);
        item->multi_line |= f->words[w].remark_count > 0;
        if (f->words[w].kind == EQ) item->after_eq = nl;
        if (f->words[w].kind != COMMA || f->words[w + 1].kind == SLASH_LEN) continue;
        commas++;
        broken += nl;
    }
    item->one_each = commas > 1 && broken == commas;
    item->multi_line |= item->one_each || fmt_indent(item) + fmt_width(f, item, item->first + item->count) > FMT_WIDTH;
}

void fmt_read(struct fmt *f, const struct token_log *log)
{
    struct reader r = {.f = f, .fresh = true};
    uint32_t hashes = 0;
    for (uint32_t i = 0; i < f->len; i++) hashes += f->text[i] == '#';
    f->words = arena_alloc(f->arena, (log->count + 1) * sizeof(*f->words));
    f->remarks = arena_alloc(f->arena, (hashes + 1) * sizeof(*f->remarks));
    f->items = arena_alloc(f->arena, (log->count + hashes + 1) * sizeof(*f->items));
    for (uint32_t i = 0; i < log->count; i++) read_token(&r, &log->tokens[i]);
    join_blocks(f);
    for (uint32_t i = 0; i < f->item_count; i++)
        if (!f->items[i].one_line) read_shape(f, &f->items[i]);
}
