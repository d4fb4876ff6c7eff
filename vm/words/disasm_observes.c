/* Observe services in the listing */
#include "vm/words/words.h"
#include "vm/words/words_priv.h"

static void dump_choice(const struct program *p, uint32_t i, FILE *out)
{
    const struct pbc_choice *x = &p->choices[i];
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    text_add(&t, "    choice %u %s -> %s", i, x->cond_count ? "when" : "else", does_name(x->does));
    add_place(&t, p, &x->place);
    dump_line(&t, out);
    for (uint32_t c = x->conds; c < x->conds + x->cond_count; c++) dump_cond(p, &p->conds[c], out);
}

static void dump_observe(const struct program *p, uint32_t i, FILE *out)
{
    const struct pbc_observe *o = &p->observes[i];
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    add_named(&t, p, "  observe", i, o->name);
    text_add(&t, " wants 0x%x 0x%x", o->wants[0], o->wants[1]);
    fputs(line, out);
    fields_print(p, FIELDS_OBSERVE, i, &(struct fields_text){.between = " ", .parts = PARTS, .listed = true}, out);
    t = text_of(line, sizeof line);
    add_place(&t, p, &o->place);
    dump_line(&t, out);
    for (uint32_t e = 0; e < p->observe_endpoints_count; e++)
        if (p->observe_endpoints[e].service == i) dump_endpoint(p, &p->observe_endpoints[e], out);
    for (uint32_t c = o->choices; c < o->choices + o->choice_count; c++) dump_choice(p, c, out);
}

void dump_observes(const struct program *p, FILE *out)
{
    if (p->observes_count) fprintf(out, "\nobserve services\n");
    for (uint32_t i = 0; i < p->observes_count; i++) dump_observe(p, i, out);
}
