/* A comparison as one JSON object; man/preyc.1 describes its keys */
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"
#include "lang/json.h"

static void put_place(const struct diff *d, unsigned side, const struct decider *by, FILE *out)
{
    const struct pbc_place place = decider_place(d, side, by);
    if (place.line)
        json_print(out, "'file':%s,'line':%u", program_str(d->side[side].program, place.file), place.line);
    else
        json_print(out, "'file':null,'line':null");
}

static void put_decider(const struct diff *d, unsigned side, const struct decider *by, FILE *out)
{
    const char *verdict = by->outcome.verdict == OUT_PASS ? "pass" : verdict_info[by->outcome.verdict].name;
    const struct side *s = &d->side[side];
    const bool judged = by->firewall != PBC_NONE;
    char name[256];
    json_print(out, "{'verdict':%.*s,'rule':%s,'firewall':%s,", (int)strcspn(verdict, " "), verdict,
               by->rule < RULE_DEFAULT ? rule_name(s->program, by->rule - s->rules, name, sizeof(name))
               : judged                ? "default"
                                       : NULL,
               judged ? program_str(s->program, s->program->firewalls[by->firewall - s->firewalls].name) : NULL);
    put_place(d, side, by, out);
    fputc('}', out);
}

static void put_change(struct diff *d, const struct change *c, FILE *out)
{
    struct json_words w;
    json_print(out, "{'kind':%s,'certain':%i,'size':%.3f,'packets':[", diff_kind_names[c->kind], !c->maybe, c->size);
    for (uint32_t i = 0; i < c->region.count; i++) {
        json_next(out, i);
        region_text_print(&d->text, &c->region.p[i], c->dirs, json_words(&w));
        json_words_end(&w, out);
    }
    json_print(out, "],'was':");
    put_decider(d, OLD, &c->by[OLD], out);
    json_print(out, ",'now':");
    put_decider(d, NEW, &c->by[NEW], out);
    json_print(out, ",'example':%s}", c->has_example ? c->example : NULL);
}

static void put_undecided(const struct diff *d, const struct undecided *u, FILE *out)
{
    const struct decider by = {.rule = u->rule, .firewall = u->firewall};
    struct json_words w;
    json_print(out, "{'side':%s,'rule':", u->side == OLD ? "old" : "new");
    if (u->rule == RULE_NONE) {
        json_string(out, NULL);
    } else {
        print_decider(d, u->side, &by, json_words(&w));
        json_words_end(&w, out);
    }
    fputc(',', out);
    put_place(d, u->side, &by, out);
    fputc('}', out);
}

/* Print the statements of one side as one text and as a list; null if it has none. */
static void put_statements(const char *text_key, const char *list_key, const struct statements *p, bool there,
                           FILE *out)
{
    struct json_words w;
    if (!there) {
        json_print(out, ",%s:null,%s:null", text_key, list_key);
        return;
    }
    json_print(out, ",%s:", text_key);
    FILE *joined = json_words(&w);
    for (uint32_t i = 0; i < p->count; i++) fprintf(joined, "%s%s", i ? "; " : "", p->at[i]);
    json_words_end(&w, out);
    json_print(out, ",%s:[", list_key);
    for (uint32_t i = 0; i < p->count; i++) {
        json_next(out, i);
        json_string(out, p->at[i]);
    }
    fputc(']', out);
}

static void put_routes(struct diff *d, const struct routes *routes, FILE *out)
{
    for (uint32_t i = 0; i < routes->count; i++) {
        const struct route_change *r = &routes->r[i];
        struct statements p[SIDES];
        statements_pair(d, r, p);
        json_next(out, i);
        json_print(out, "{'what':%s,'name':%s", r->what, r->name);
        put_statements("was", "old", &p[OLD], r->was, out);
        put_statements("now", "new", &p[NEW], r->now, out);
        fputc('}', out);
    }
}

static void put_reaches(const struct reaches *reaches, FILE *out)
{
    for (uint32_t i = 0; i < reaches->count; i++) {
        const struct reach *r = &reaches->r[i];
        json_next(out, i);
        json_print(out, "{'kind':%s,'what':%s,'name':%s,'to':%s,'more':%u,'servers':%s,'example':%s}",
                   diff_kind_names[r->kind], r->what, r->by, r->to, r->more, r->servers, r->example);
    }
}

static void put_meters(const struct meters *meters, FILE *out)
{
    for (uint32_t i = 0; i < meters->count; i++) {
        const struct meter_change *m = &meters->m[i];
        json_next(out, i);
        json_print(out, "{'kind':%s,'name':%s,'was':%s,'now':%s}", diff_kind_names[m->kind], m->name, m->was, m->now);
    }
}

void diff_put_json(struct diff *d, const struct beyond *b, bool widened, FILE *out)
{
    json_print(out, "{'regions':[");
    for (uint32_t i = 0; i < d->change_count; i++) {
        json_next(out, i);
        put_change(d, &d->changes[i], out);
    }
    json_print(out, "],'reaches':[");
    put_reaches(&b->reaches, out);
    json_print(out, "],'meters':[");
    put_meters(&b->meters, out);
    json_print(out, "],'bounds':[");
    put_meters(&b->bounds, out);
    json_print(out, "],'routes':[");
    put_routes(d, &b->routes, out);
    json_print(out, "],'undecided':[");
    for (uint32_t i = 0; i < d->undecided_count; i++) {
        json_next(out, i);
        put_undecided(d, &d->undecided[i], out);
    }
    json_print(out, "],'complete':%i,'widened':%i}\n", !d->undecided_count && !b->reaches.too_many, widened);
}
