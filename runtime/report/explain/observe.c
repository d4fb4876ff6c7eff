/* --explain: the observe service that watches the packet's connection, and its branch if that depends on addresses
 * only. */
#include "runtime/report/explain/parts.h"
#include "vm/words/words.h"

/* Return the service that watches the packet. There is none for a reply that a service or translation sent on,
 * because observers see it as its client gets it, which its key does not show. */
static struct observed_by observed_by(const struct program *p, const struct explain_look *k, const struct verdict *v)
{
    const bool on = v->action == ACTION_ACCEPT || v->action == ACTION_FORWARD || v->action == ACTION_PASS;
    if (on && k->observed) return (struct observed_by){.observe = k->watch.observe, .choice = k->watch.choice};
    if (!on || v->flags & VERDICT_REPLY || !p->observes_count)
        return (struct observed_by){.observe = PBC_NONE, .choice = PBC_NONE};
    return vm_explain_observed(p, &k->key);
}

void explain_observe_text(FILE *out, const struct subject *r, const struct explain_look *k, const struct verdict *v)
{
    char name[200], where[4200], when[TEXT_TIME];
    const struct observed_by by = observed_by(r->program, k, v);
    if (by.observe == PBC_NONE) return;
    const struct pbc_observe *service = &r->program->observes[by.observe];
    const struct pbc_choice *choice = by.choice == PBC_NONE ? NULL : &r->program->choices[by.choice];
    snprintf(name, sizeof name, "%s", program_str(r->program, service->name));
    const struct pbc_place *at = choice ? &choice->place : &service->place;
    snprintf(where, sizeof where, "%s:%u", program_str(r->program, at->file), at->line);
    fprintf(out, "  observe service %s%s%s (%s)", text_clean(name),
            !choice              ? ": the first bytes of both sides choose its branch"
            : choice->cond_count ? ", when -> "
                                 : ", else -> ",
            choice ? does_name(choice->does) : "", label_place(&r->labels, text_clean(where)));
    if (k->observed) fprintf(out, ", observed since %s", text_clock(k->watch.begin_ns, when));
    fputc('\n', out);
}

void explain_observe_json(FILE *out, const struct subject *r, const struct explain_look *k, const struct verdict *v)
{
    char name[200], since[TEXT_TIME];
    const struct observed_by by = observed_by(r->program, k, v);
    if (by.observe == PBC_NONE) return;
    const struct pbc_observe *service = &r->program->observes[by.observe];
    const struct pbc_choice *choice = by.choice == PBC_NONE ? NULL : &r->program->choices[by.choice];
    snprintf(name, sizeof name, "%s", program_str(r->program, service->name));
    json_print(out, ",'observed_by':{'service':%s,'branch':%s,'since':%s}", text_clean(name),
               choice ? does_name(choice->does) : NULL, k->observed ? text_iso(k->watch.begin_ns, since) : NULL);
}
