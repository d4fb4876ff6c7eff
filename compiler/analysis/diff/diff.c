/* One comparison, from start to end */
#include "compiler/analysis/diff/diff_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/progress.h"
#include "lang/heap.h"

/* products looked at in some seconds */
#define WORK_MOST (UINT64_C(1) << 26)

bool diff_fail(struct diff *d, const char *fmt, ...)
{
    va_list args;
    if (d->failed) return false;
    d->failed = true;
    va_start(args, fmt);
    vsnprintf(d->err, d->err_len, fmt, args);
    va_end(args);
    return false;
}

bool diff_is_program(const char *path)
{
    char magic[sizeof(((struct pbc_header *)0)->magic)];
    FILE *in = fopen(path, "rb");
    if (!in) return false;
    const bool is = fread(magic, 1, sizeof(magic), in) == sizeof(magic) && memcmp(magic, PBC_MAGIC, sizeof(magic)) == 0;
    fclose(in);
    return is;
}

bool diff_find(struct diff *d, struct program *old, struct program *new, uint64_t work, char *err, size_t err_len)
{
    uint32_t count;
    *d = (struct diff){
        .side = {{.program = old}, {.program = new}}, .work = work ? work : WORK_MOST, .err = err, .err_len = err_len};
    compile_init(&d->c);
    d->c.image->compares = true;
    progress_at("comparison");
    if (!import_both(d)) return false;
    d->text = region_text_of(&d->c);
    d->text.times = print_moments;
    d->text.set_name = set_name_of;
    note_set_names(d);
    d->text.arg = d;
    struct judges *judges = find_judges(d, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (!d->failed) compare_lists(d, &judges[i]);
        region_fini(&judges[i].frames);
    }
    if (d->failed) return false;
    changes_settle(d);
    return find_examples(d);
}

void diff_fini(struct diff *d)
{
    for (uint32_t i = 0; i < d->change_count; i++) region_fini(&d->changes[i].region);
    free(d->changes);
    free(d->slots);
    free(d->undecided);
    free(d->set_names);
    compile_fini(&d->c);
}

static bool may_widen(const struct diff *d, const struct beyond *b)
{
    bool may = d->undecided_count > 0 || b->reaches.too_many;
    for (uint32_t i = 0; i < d->change_count; i++) may |= d->changes[i].kind == DIFF_WIDENED;
    for (uint32_t i = 0; i < b->reaches.count; i++) may |= b->reaches.r[i].kind == DIFF_WIDENED;
    for (uint32_t i = 0; i < b->meters.count; i++) may |= b->meters.m[i].kind == DIFF_WIDENED;
    for (uint32_t i = 0; i < b->bounds.count; i++) may |= b->bounds.m[i].kind == DIFF_WIDENED;
    return may;
}

static void beyond_fini(struct beyond *b)
{
    for (uint32_t i = 0; i < b->routes.count; i++) {
        free(b->routes.r[i].was);
        free(b->routes.r[i].now);
    }
    free(b->routes.r);
    free(b->reaches.r);
    free(b->meters.m);
    free(b->bounds.m);
}

static int print_all(struct diff *d, const struct diff_options *o, FILE *out)
{
    struct beyond b = {0};
    if (!o->without_pools) find_reaches(d, &b.reaches);
    find_routes(d, o->without_pools, &b);
    find_meters(d, &b.meters);
    const bool widened = may_widen(d, &b);
    progress_hide();
    if (o->json)
        diff_put_json(d, &b, widened, out);
    else
        diff_put_text(d, &b, out);
    beyond_fini(&b);
    return widened;
}

int diff_print(struct program *old, struct program *new, const struct diff_options *o, FILE *out, char *err,
               size_t err_len)
{
    struct diff d;
    const int result = diff_find(&d, old, new, o->work, err, err_len) ? print_all(&d, o, out) : -EINVAL;
    diff_fini(&d);
    return result;
}

FILE *words_begin(struct words *w) { return w->out = heap_stream(&w->text, &w->len); }

char *words_kept(struct diff *d, struct words *w)
{
    heap_stream_end(w->out);
    char *kept = arena_strndup(d->c.arena, w->text, w->len);
    free(w->text);
    return kept;
}
