/* Observe services in the listing */
#include "vm/words/disasm_priv.h"
#include "vm/words/words.h"

static void add_file(struct text *t, const struct program *p, const char *what, uint32_t path, uint64_t limit)
{
    if (!path) return;
    text_add(t, " %s ", what);
    add_quoted(t, program_str(p, path));
    if (limit) text_add(t, " limit %llu", (unsigned long long)limit);
}

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
    text_add(&t, " overlaps %s wants 0x%x 0x%x", overlaps_name(o->overlaps), o->wants[0], o->wants[1]);
    if (o->first_ns) text_add(&t, " first bytes within "), text_add_duration(&t, o->first_ns);
    add_file(&t, p, "sessions to", o->sessions, o->sessions_limit);
    add_file(&t, p, o->flags & PBC_OBSERVE_PCAPNG ? "stream as pcapng to" : "stream to", o->stream, o->stream_limit);
    add_place(&t, p, &o->place);
    dump_line(&t, out);
    for (uint32_t e = 0; e < p->watched_count; e++)
        if (p->watched[e].service == i) dump_endpoint(p, &p->watched[e], out);
    for (uint32_t c = o->choices; c < o->choices + o->choice_count; c++) dump_choice(p, c, out);
}

void dump_observes(const struct program *p, FILE *out)
{
    if (p->observes_count) fprintf(out, "\nobserve services\n");
    for (uint32_t i = 0; i < p->observes_count; i++) dump_observe(p, i, out);
}
