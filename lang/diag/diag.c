/* The collector of diagnostics: a growing list without repetitions, sorted by place when it is printed. */
#include "lang/diag/diag.h"
#include "lang/diag/diag_priv.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lang/hash.h"
#include "lang/heap.h"

const struct diag_row diag_rows[DIAG_COUNT] = {
#define DIAG(ident, code, severity, title, explain, wrong, right)                                                      \
    [ident] = {code, title, explain, wrong, right, DIAG_##severity},
#include "lang/diag/diag.def"
};

struct diags *diags_new(struct sources *sources)
{
    struct diags *d = heap_zeroed(1, sizeof(*d));
    d->sources = sources;
    return d;
}

static void entry_fini(struct entry *e)
{
    free(e->text);
    free(e->help);
    for (struct suggestion *s = e->suggestions, *next; s; s = next) {
        next = s->next;
        free(s->text);
        free(s);
    }
    if (e->foreign) {
        free(e->foreign->path);
        free(e->foreign->line_text);
        free(e->foreign);
    }
    for (struct note *n = e->notes, *next; n; n = next) {
        next = n->next;
        free(n->text);
        free(n);
    }
}

void diags_free(struct diags *d)
{
    if (!d) return;
    for (uint32_t i = 0; i < d->count; i++) entry_fini(&d->entries[i]);
    free(d->entries);
    free(d->seen);
    free(d->allowed);
    free(d);
}

static uint32_t report_hash(enum diag_code code, struct span span)
{
    const uint32_t words[] = {code, span.file, span.start, span.end};
    return (uint32_t)hash_bytes(0, words, sizeof words);
}

/* Return the slot of this code and span: its entry's, or a free one. */
static uint32_t *seen_slot(struct diags *d, enum diag_code code, struct span span)
{
    for (uint32_t i = report_hash(code, span);; i++) {
        uint32_t *slot = &d->seen[i & (d->seen_cap - 1)];
        if (!*slot) return slot;
        const struct entry *e = &d->entries[*slot - 1];
        if (e->code == code && e->span.file == span.file && e->span.start == span.start && e->span.end == span.end)
            return slot;
    }
}

static void reports_grow(struct diags *d)
{
    d->cap = d->cap ? d->cap * 2 : 32;
    d->entries = heap_resized(d->entries, d->cap, sizeof(*d->entries));
    free(d->seen);
    d->seen_cap = d->cap * 2;
    d->seen = heap_zeroed(d->seen_cap, sizeof(*d->seen));
    for (uint32_t i = 0; i < d->count; i++)
        if (d->entries[i].span.file != UINT32_MAX) *seen_slot(d, d->entries[i].code, d->entries[i].span) = i + 1;
}

void diags_allow(struct diags *d, struct span within, enum diag_code code)
{
    if ((d->allowed_count & (d->allowed_count - 1)) == 0) /* 0 or a power of two: the array is full */
        d->allowed = heap_resized(d->allowed, d->allowed_count ? 2 * (size_t)d->allowed_count : 1, sizeof(*d->allowed));
    d->allowed[d->allowed_count++] = (struct allowed){within, code};
}

void diags_allow_everywhere(struct diags *d, enum diag_code code) { d->everywhere[code] = true; }

static int compare_allowed(const void *x, const void *y)
{
    const struct allowed *a = x, *b = y;
    if (a->code != b->code) return a->code < b->code ? -1 : 1;
    if (a->within.file != b->within.file) return a->within.file < b->within.file ? -1 : 1;
    return a->within.start < b->within.start ? -1 : a->within.start > b->within.start;
}

void diags_allow_begin(struct diags *d)
{
    if (d->allowed_count) qsort(d->allowed, d->allowed_count, sizeof(*d->allowed), compare_allowed);
}

bool diag_is_warning(enum diag_code code) { return diag_rows[code].severity == DIAG_WARNING; }

/* True if the span begins within the last allowed span that begins at byte `from` or before. */
static bool is_within(const struct diags *d, enum diag_code code, struct span span, uint32_t from)
{
    const struct allowed wanted = {{span.file, from, 0}, code};
    uint32_t lo = 0, hi = d->allowed_count;
    while (lo < hi) {
        const uint32_t mid = lo + (hi - lo) / 2;
        if (compare_allowed(&d->allowed[mid], &wanted) <= 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    const struct allowed *a = lo ? &d->allowed[lo - 1] : NULL;
    return a && a->code == code && a->within.file == span.file && span.start < a->within.end;
}

bool diags_allowed(const struct diags *d, enum diag_code code, struct span span)
{
    const struct span at = span.file == UINT32_MAX ? (struct span){0} : span;
    return diag_is_warning(code) &&
           (d->everywhere[code] || is_within(d, code, at, 0) || is_within(d, code, at, at.start));
}

/* Make an entry. NULL for a repetition, or if its file allows the code. Entries without a span are never repeated. */
static struct entry *entry_add(struct diags *d, enum diag_code code, struct span span)
{
    if (d->count == d->cap) reports_grow(d);
    d->ignoring = diags_allowed(d, code, span);
    if (d->ignoring) return NULL;
    if (span.file != UINT32_MAX) {
        uint32_t *slot = seen_slot(d, code, span);
        if (*slot) {
            d->ignoring = true;
            return NULL;
        }
        *slot = d->count + 1;
    }
    struct entry *e = &d->entries[d->count];
    *e = (struct entry){.code = code, .span = span, .seq = d->count};
    d->count++;
    if (diag_rows[code].severity == DIAG_ERROR)
        d->errors++;
    else
        d->warnings++;
    return e;
}

void diag(struct diags *d, enum diag_code code, struct span span, const char *fmt, ...)
{
    struct entry *e = entry_add(d, code, span);
    if (!e) return;
    va_list ap;
    va_start(ap, fmt);
    e->text = heap_format(fmt, ap);
    va_end(ap);
}

void diag_at(struct diags *d, enum diag_code code, const char *path, unsigned line, unsigned col, unsigned len,
             const char *line_text, const char *fmt, ...)
{
    struct entry *e = entry_add(d, code, SPAN_NONE);
    if (!e) return;
    va_list ap;
    va_start(ap, fmt);
    e->text = heap_format(fmt, ap);
    va_end(ap);
    e->foreign = heap_zeroed(1, sizeof(*e->foreign));
    e->foreign->path = heap_strdup(path);
    e->foreign->line_text = heap_strdup(line_text ? line_text : "");
    e->foreign->line = line;
    e->foreign->col = col;
    e->foreign->len = len;
}

struct entry *diag_last(struct diags *d) { return d->ignoring || d->count == 0 ? NULL : &d->entries[d->count - 1]; }

void diag_note(struct diags *d, struct span span, const char *fmt, ...)
{
    struct entry *e = diag_last(d);
    if (!e) return;
    struct note *n = heap_zeroed(1, sizeof(*n));
    va_list ap;
    va_start(ap, fmt);
    n->text = heap_format(fmt, ap);
    va_end(ap);
    n->span = span;
    if (e->last_note)
        e->last_note->next = n;
    else
        e->notes = n;
    e->last_note = n;
}

void diags_stopped(struct diags *d) { d->stopped_files++; }

unsigned diags_errors(const struct diags *d) { return d->errors + (d->werror ? d->warnings : 0); }

unsigned diags_warnings(const struct diags *d) { return d->werror ? 0 : d->warnings; }

void diags_werror(struct diags *d, bool on) { d->werror = on; }

enum diag_severity diag_severity_of(const struct diags *d, const struct entry *e)
{
    return d->werror ? DIAG_ERROR : diag_rows[e->code].severity;
}

static int report_order(const void *pa, const void *pb)
{
    const struct entry *a = pa, *b = pb;
    if (a->span.file != b->span.file) return a->span.file < b->span.file ? -1 : 1;
    if (!a->foreign != !b->foreign) return a->foreign ? -1 : 1;
    if (a->foreign) {
        int c = strcmp(a->foreign->path, b->foreign->path);
        if (c) return c;
        if (a->foreign->line != b->foreign->line) return a->foreign->line < b->foreign->line ? -1 : 1;
    } else if (a->span.file != UINT32_MAX && a->span.start != b->span.start) {
        return a->span.start < b->span.start ? -1 : 1;
    }
    return a->seq < b->seq ? -1 : 1;
}

void diags_sort(struct diags *d)
{
    if (!d->count) return;
    qsort(d->entries, d->count, sizeof(*d->entries), report_order);
    /* Remake the table of indexes, so that adding may continue after printing. */
    memset(d->seen, 0, d->seen_cap * sizeof(*d->seen));
    for (uint32_t i = 0; i < d->count; i++)
        if (d->entries[i].span.file != UINT32_MAX) *seen_slot(d, d->entries[i].code, d->entries[i].span) = i + 1;
    d->ignoring = true; /* the last entry is no longer the last one added */
}
