/* Printer of items as lines: statements are filled up to the width, comments after them aligned. */
#include <stdlib.h>
#include <string.h>

#include "lang/format/format_priv.h"
#include "lang/heap.h"
#include "lang/lex/tokens.tab.h"

/* A line of the result: a stretch of `buffer` and the comment after it. */
struct line {
    size_t start, end;
    uint32_t width;
    uint32_t remark; /* number of the comment; FMT_NONE: none */
    unsigned depth;
    bool blank;
};

struct printer {
    struct fmt *f;
    char *buffer;
    size_t len, cap;
    struct line *lines;
    size_t line_count, line_cap;
};

static void printer_put(struct printer *p, const char *s, size_t len)
{
    if (p->cap - p->len <= len) {
        p->cap = (p->len + len) * 2 + 256;
        p->buffer = heap_resized(p->buffer, p->cap, 1);
    }
    memcpy(p->buffer + p->len, s, len);
    p->len += len;
}

static void put_blanks(struct printer *p, size_t n)
{
    while (n--) printer_put(p, " ", 1);
}

static struct line *line_begin(struct printer *p, uint32_t indent, unsigned depth)
{
    if (p->line_count == p->line_cap) {
        p->line_cap = p->line_cap * 2 + 64;
        p->lines = heap_resized(p->lines, p->line_cap, sizeof(*p->lines));
    }
    struct line *line = &p->lines[p->line_count++];
    *line = (struct line){.start = p->len, .width = indent, .remark = FMT_NONE, .depth = depth};
    put_blanks(p, indent);
    line->end = p->len;
    return line;
}

static struct line *line_now(struct printer *p) { return &p->lines[p->line_count - 1]; }

static void line_add(struct printer *p, const char *s, size_t len, uint32_t width)
{
    printer_put(p, s, len);
    line_now(p)->end = p->len;
    line_now(p)->width += width;
}

/* Print a word and the blanks before it, except at the start of a line. */
static void put_word(struct printer *p, const struct fmt_item *item, uint32_t i, bool first_of_line)
{
    const struct fmt_word *w = &p->f->words[i];
    if (w->semicolon) line_add(p, ";", 1, 1);
    if (!first_of_line) {
        const uint32_t gap = fmt_gap(p->f, item, i) + w->pad;
        put_blanks(p, gap);
        line_now(p)->width += gap;
    }
    if (w->said)
        line_add(p, w->said, (uint32_t)strlen(w->said), w->width);
    else
        line_add(p, p->f->text + w->start, w->end - w->start, w->width);
}

static bool may_break(const struct fmt *f, uint32_t i)
{
    const int before = f->words[i - 1].kind;
    if (f->words[i].kind == SLASH_LEN || f->words[i].glued) return false;
    return f->words[i].may_break || before == COMMA || before == ARROW || before == COLON;
}

/* True if a line may end before word `i` without a `\`. */
static bool plain_break(const struct fmt *f, uint32_t i, unsigned parens)
{
    const int before = f->words[i - 1].kind;
    /* A newline before such a word would end the statement, whatever is before it. */
    if (word_may_start(f->words[i].kind)) return false;
    return parens || before == COMMA || before == EQ || before == ARROW || before == COLON;
}

static bool must_break(const struct fmt *f, const struct fmt_item *item, uint32_t i)
{
    const struct fmt_word *before = &f->words[i - 1];
    return before->remark_count || (item->one_each && before->kind == COMMA && f->words[i].kind != SLASH_LEN) ||
           (item->after_eq && before->kind == EQ);
}

/* Return the columns of word `i` and the words after it that must stay on its line. */
static uint32_t chunk_width(const struct fmt *f, const struct fmt_item *item, uint32_t i, unsigned parens)
{
    const uint32_t end = item->first + item->count;
    uint32_t width = f->words[i].width;
    while (++i < end && !may_break(f, i) && !must_break(f, item, i)) width += fmt_gap(f, item, i) + f->words[i].width;
    return width + (i < end && !must_break(f, item, i) && !plain_break(f, i, parens) ? 2 : 0);
}

/* Return the columns of all words up to the next clause, so that a short list stays together; 0 if they are too
 * many. */
static uint32_t clause_width(const struct fmt *f, const struct fmt_item *item, uint32_t i)
{
    const uint32_t end = item->first + item->count;
    uint32_t width = f->words[i].width;
    if (!f->words[i].may_break) return 0;
    while (++i < end && !f->words[i].may_break && !must_break(f, item, i) && width <= FMT_CLAUSE)
        width += fmt_gap(f, item, i) + f->words[i].width;
    return width <= FMT_CLAUSE ? width + (i < end && !must_break(f, item, i) ? 2 : 0) : 0;
}

static void put_remarks(struct printer *p, const struct fmt_item *item, const struct fmt_word *w, uint32_t hang)
{
    for (uint32_t r = w->remarks; r < w->remarks + w->remark_count; r++) {
        if (p->f->remarks[r].own_line) line_begin(p, hang, item->depth);
        line_now(p)->remark = r;
    }
}

/* Return the column of further lines: under the value of a declaration, if that is not far out. */
static uint32_t hang_of(const struct fmt *f, const struct fmt_item *item)
{
    for (uint32_t i = item->first; i < item->first + item->count && !item->after_eq; i++) {
        if (f->words[i].kind != EQ) continue;
        const uint32_t at = fmt_indent(item) + fmt_width(f, item, i + 1) + 1;
        return at <= FMT_HANG_MAX ? at : fmt_indent(item) + FMT_HANG;
    }
    return fmt_indent(item) + FMT_HANG;
}

static void put_filled(struct printer *p, const struct fmt_item *item)
{
    const struct fmt *f = p->f;
    const uint32_t hang = hang_of(f, item);
    unsigned parens = 0;
    for (uint32_t i = item->first; i < item->first + item->count; i++) {
        bool breaks = i > item->first && must_break(f, item, i);
        if (i > item->first && !breaks && may_break(f, i)) {
            const uint32_t gap = fmt_gap(f, item, i) + f->words[i].pad;
            const uint32_t chunk = chunk_width(f, item, i, parens), clause = clause_width(f, item, i);
            breaks = line_now(p)->width + gap + (clause > chunk ? clause : chunk) > FMT_WIDTH;
            if (breaks && !plain_break(f, i, parens)) line_add(p, " \\", 2, 2);
        }
        if (breaks) {
            put_remarks(p, item, &f->words[i - 1], hang);
            line_begin(p, hang, item->depth);
        }
        put_word(p, item, i, breaks);
        parens += f->words[i].kind == LPAREN;
        parens -= f->words[i].kind == RPAREN;
    }
}

static void put_item(struct printer *p, const struct fmt_item *item)
{
    const size_t first = p->line_count;
    line_begin(p, fmt_indent(item), item->depth)->blank = item->blank;
    if (item->multi_line)
        put_filled(p, item);
    else
        for (uint32_t i = item->first; i < item->first + item->count; i++) put_word(p, item, i, false);
    if (item->remark != FMT_NONE) line_now(p)->remark = item->remark;
    p->lines[first].blank = item->blank;
}

static bool has_own_line(const struct printer *p, const struct line *line)
{
    return line->remark != FMT_NONE && p->f->remarks[line->remark].own_line;
}

/* Return the number of lines from `i` on whose comments are aligned, and their column; some may have no comment. */
static size_t remark_run(const struct printer *p, size_t i, uint32_t *column)
{
    uint32_t least = UINT32_MAX, most = 0;
    size_t end = i;
    for (; end < p->line_count; end++) {
        const struct line *l = &p->lines[end];
        if (end > i && (l->blank || l->depth != p->lines[i].depth || has_own_line(p, l))) break;
        if (l->remark == FMT_NONE || has_own_line(p, l)) continue;
        const uint32_t low = l->width < least ? l->width : least, high = l->width > most ? l->width : most;
        if (high - low > FMT_REACH) break;
        least = low;
        most = high;
    }
    *column = most + 2;
    return end;
}

static void put_line(struct printer *text, const struct printer *p, const struct line *line, uint32_t column)
{
    if (line->blank) printer_put(text, "\n", 1);
    printer_put(text, p->buffer + line->start, line->end - line->start);
    if (line->remark != FMT_NONE) {
        const struct fmt_remark *r = &p->f->remarks[line->remark];
        if (!r->own_line) put_blanks(text, column - line->width);
        printer_put(text, p->f->text + r->start, r->end - r->start);
    }
    printer_put(text, "\n", 1);
}

char *fmt_print(struct fmt *f, size_t *len)
{
    struct printer p = {.f = f}, text = {.f = f};
    printer_put(&p, "", 0); /* a file with only comments has no other words */
    for (uint32_t i = 0; i < f->item_count; i++) put_item(&p, &f->items[i]);
    for (size_t i = 0, end; i < p.line_count;) {
        uint32_t column;
        end = remark_run(&p, i, &column);
        do put_line(&text, &p, &p.lines[i], column);
        while (++i < end);
    }
    free(p.buffer);
    free(p.lines);
    printer_put(&text, "", 1);
    *len = text.len - 1;
    return text.buffer;
}
