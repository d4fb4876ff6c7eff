/* A comparison as one JSON object; man/preyc.1 tells its keys. */
#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"
#include "lang/diag.h"
#include "lang/heap.h"

/* What `print` writes, as a string. */
struct text {
    char *bytes;
    size_t len;
    FILE *out;
};

static FILE *text_begin(struct text *t)
{
    *t = (struct text){0};
    t->out = heap_stream(&t->bytes, &t->len);
    return t->out;
}

static void text_end(struct text *t, FILE *out)
{
    heap_stream_end(t->out);
    diag_json_string(t->bytes, out);
    free(t->bytes);
}

static void put_place(const struct diff *d, unsigned side, const struct decider *by, FILE *out)
{
    const struct pbc_place place = decider_place(d, side, by);
    fputs("\"file\":", out);
    if (!place.line) {
        fputs("null,\"line\":null", out);
        return;
    }
    diag_json_string(program_str(d->side[side].program, place.file), out);
    fprintf(out, ",\"line\":%u", place.line);
}

static void put_decider(const struct diff *d, unsigned side, const struct decider *by, FILE *out)
{
    const char *verdict = by->outcome.verdict == OUT_PASS ? "pass" : verdict_info[by->outcome.verdict].name;
    const struct side *s = &d->side[side];
    char name[256];
    fprintf(out, "{\"verdict\":\"%.*s\",\"rule\":", (int)strcspn(verdict, " "), verdict);
    if (by->rule < RULE_DEFAULT)
        diag_json_string(rule_name(s->program, by->rule - s->rules, name, sizeof(name)), out);
    else
        fputs(by->firewall == PBC_NONE ? "null" : "\"default\"", out);
    fputs(",\"firewall\":", out);
    if (by->firewall == PBC_NONE)
        fputs("null", out);
    else
        diag_json_string(program_str(s->program, s->program->firewalls[by->firewall - s->firewalls].name), out);
    fputc(',', out);
    put_place(d, side, by, out);
    fputc('}', out);
}

static void put_change(struct diff *d, const struct change *c, FILE *out)
{
    struct text t;
    fprintf(out, "{\"kind\":\"%s\",\"certain\":%s,\"size\":%.3f,\"packets\":[", diff_kind_names[c->kind],
            c->maybe ? "false" : "true", c->size);
    for (uint32_t i = 0; i < c->region.count; i++) {
        if (i) fputc(',', out);
        region_text_print(&d->text, &c->region.p[i], c->dirs, text_begin(&t));
        text_end(&t, out);
    }
    fputs("],\"was\":", out);
    put_decider(d, OLD, &c->by[OLD], out);
    fputs(",\"now\":", out);
    put_decider(d, NEW, &c->by[NEW], out);
    fputs(",\"example\":", out);
    if (c->has_example)
        diag_json_string(c->example, out);
    else
        fputs("null", out);
    fputc('}', out);
}

static void put_undecided(const struct diff *d, const struct undecided *u, FILE *out)
{
    const struct decider by = {.rule = u->rule, .firewall = u->firewall};
    struct text t;
    fprintf(out, "{\"side\":\"%s\",\"rule\":", u->side == OLD ? "old" : "new");
    if (u->rule == RULE_NONE) {
        fputs("null", out);
    } else {
        print_decider(d, u->side, &by, text_begin(&t));
        text_end(&t, out);
    }
    fputc(',', out);
    put_place(d, u->side, &by, out);
    fputc('}', out);
}

static void put_or_null(const char *s, FILE *out)
{
    if (s)
        diag_json_string(s, out);
    else
        fputs("null", out);
}

static void put_routes(const struct routes *routes, FILE *out)
{
    for (uint32_t i = 0; i < routes->count; i++) {
        const struct route_change *r = &routes->r[i];
        fprintf(out, "%s{\"what\":\"%s\",\"name\":", i ? "," : "", r->what);
        diag_json_string(r->name, out);
        fputs(",\"was\":", out);
        put_or_null(r->was, out);
        fputs(",\"now\":", out);
        put_or_null(r->now, out);
        fputc('}', out);
    }
}

static void put_reaches(const struct reaches *reaches, FILE *out)
{
    for (uint32_t i = 0; i < reaches->count; i++) {
        const struct reach *r = &reaches->r[i];
        fprintf(out, "%s{\"kind\":\"%s\",\"what\":\"%s\",\"name\":", i ? "," : "", diff_kind_names[r->kind], r->what);
        diag_json_string(r->by, out);
        fputs(",\"to\":", out);
        diag_json_string(r->to, out);
        fprintf(out, ",\"more\":%u,\"servers\":", r->more);
        diag_json_string(r->servers, out);
        fputs(",\"example\":", out);
        put_or_null(r->example, out);
        fputc('}', out);
    }
}

static void put_meters(const struct meters *meters, FILE *out)
{
    for (uint32_t i = 0; i < meters->count; i++) {
        const struct meter_change *m = &meters->m[i];
        fprintf(out, "%s{\"kind\":\"%s\",\"name\":", i ? "," : "", diff_kind_names[m->kind]);
        diag_json_string(m->name, out);
        fputs(",\"was\":", out);
        diag_json_string(m->was, out);
        fputs(",\"now\":", out);
        diag_json_string(m->now, out);
        fputc('}', out);
    }
}

void diff_put_json(struct diff *d, const struct beyond *b, bool widened, FILE *out)
{
    fputs("{\"regions\":[", out);
    for (uint32_t i = 0; i < d->change_count; i++) {
        if (i) fputc(',', out);
        put_change(d, &d->changes[i], out);
    }
    fputs("],\"reaches\":[", out);
    put_reaches(&b->reaches, out);
    fputs("],\"meters\":[", out);
    put_meters(&b->meters, out);
    fputs("],\"bounds\":[", out);
    put_meters(&b->bounds, out);
    fputs("],\"routes\":[", out);
    put_routes(&b->routes, out);
    fputs("],\"undecided\":[", out);
    for (uint32_t i = 0; i < d->undecided_count; i++) {
        if (i) fputc(',', out);
        put_undecided(d, &d->undecided[i], out);
    }
    fprintf(out, "],\"complete\":%s,\"widened\":%s}\n", d->undecided_count || b->reaches.too_many ? "false" : "true",
            widened ? "true" : "false");
}
