/* The unknown way of a packet that a nat may take, and a way that live traffic may not take. */
#include "runtime/report/explain/parts.h"
#include "vm/judge/routes.h"

/* Find the words. False: the way is known, or nothing depends on it. */
static bool way_fate(const struct explain_look *k, const struct verdict *v, struct way_told *w)
{
    const enum way_why why = (enum way_why)k->nat.unknown;
    const bool dropped = v->reason == REASON_NO_WAY, turned = k->nat.nat != PBC_NONE;
    if (why == WAY_KNOWN || (v->action != ACTION_ACCEPT && !dropped && !turned)) return false;
    *w = k->lost;
    if (w->then && !turned) return true;
    *w = (struct way_told){.then = "not translated here", .instead = "", .doc = way_why_words(why)->doc, .next = ""};
    if (dropped) {
        w->then = "dropped (no-way)";
        w->next = way_why_words(why)->next;
    } else if (turned) {
        w->then = "only its destination is translated here";
        w->next = "--route or --routes FILE";
    } else if (why == WAY_NO_ROUTES)
        w->next = "--route or --routes FILE";
    else
        w->instead = "--exec kernel, live, behind this machine's routing (--exec user drops it)";
    return true;
}

/* Return the reason why the way of a packet that rules or a nat may ask for is in doubt; WAY_KNOWN: no doubt. */
static enum way_why doubt(const struct subject *r, const struct explain_look *k, const struct verdict *v)
{
    const struct program *p = r->program;
    const bool asked = p->nats_count || p->meta->flags & PBC_ASKS_WAY, turned = k->nat.nat != PBC_NONE;
    const bool leaves = v->action == ACTION_ACCEPT || v->action == ACTION_FORWARD || v->action == ACTION_PASS;
    if (!asked || !leaves || k->inner || k->pkt.reason) return WAY_KNOWN;
    return way_doubt(k->in.facts, &k->key, &k->pkt, turned ? k->nat.to.to_dst : k->key.dst);
}

/* Return the interface by which rules reject the packet, if a route leads by several interfaces and the rules accept
 * it by another; else NULL. */
static const char *refused_by(const struct subject *r, const struct explain_look *k)
{
    const struct program *p = r->program;
    if (k->inner || !(k->key.kind & KIND_FORWARD) || k->pkt.way_why != WAY_SEVERAL || !k->pkt.way) return NULL;
    return k->pkt.way <= p->ifaces_count ? program_str(p, p->ifaces[k->pkt.way - 1].device)
                                         : "an interface that no rule names";
}

void explain_way_text(FILE *out, const struct subject *r, const struct explain_look *k, const struct verdict *v)
{
    struct way_told w;
    char text[TEXT_WAY];
    const char *by = refused_by(r, k);
    if (by)
        fprintf(out,
                "  way unknown: several interfaces are possible, and the rules reject the packet on one of them: %s\n",
                by);
    if (way_fate(k, v, &w)) fprintf(out, "  way %s\n", text_unknown_way(&w, text));
    const enum way_why why = doubt(r, k, v);
    const struct way_words *words = way_why_words(why);
    if (why != WAY_KNOWN) fprintf(out, "  way guessed: %s; to make it known, use: %s\n", words->doc, words->next);
}

void explain_way_json(FILE *out, const struct subject *r, const struct explain_look *k, const struct verdict *v)
{
    struct way_told w;
    const char *by = refused_by(r, k);
    if (by) json_print(out, ",'way_refused':%s", by);
    const enum way_why why = doubt(r, k, v);
    const struct way_words *words = way_why_words(why);
    if (why != WAY_KNOWN)
        json_print(out, ",'way_guessed':{'cause':%s,'why':%s,'next':%s}", words->name, words->doc, words->next);
    if (!way_fate(k, v, &w)) return;
    json_print(out, ",'way_unknown':{'cause':%s,'why':%s,'then':%s,'instead':%s,'next':%s}",
               way_why_words((enum way_why)k->nat.unknown)->name, w.doc, w.then, w.instead, w.next);
}
