/* --explain: the observe service that watches the packet's connection, and its branch where that hangs on addresses
 * alone. */
#include "runtime/report/explain/parts.h"
#include "vm/observe/choose.h"
#include "vm/packet/key.h"
#include "vm/stream/first.h"
#include "vm/words/words.h"

struct watched_by {
    const struct pbc_observe *service;
    const struct pbc_choice *choice; /* NULL: first bytes choose it */
};

/* Find the service. False: none watches this packet. A reply that a service or translation sent on is shown to
 * observers as its client gets it, which its key does not tell. */
static bool find(const struct program *p, const struct key *key, const struct verdict *v, struct watched_by *by)
{
    static const struct first nothing;
    const struct first *const none[2] = {&nothing, &nothing};
    const bool on = v->action == ACTION_ACCEPT || v->action == ACTION_FORWARD || v->action == ACTION_PASS;
    bool by_server;
    struct key client;
    if (!on || v->flags & VERDICT_REPLY || !p->observes_count) return false;
    const uint32_t i = observe_begins(p, key, &client, &by_server);
    if (i == PBC_NONE) return false;
    const uint32_t choice = observe_choose(p, i, &client, none);
    by->service = &p->observes[i];
    by->choice = choice == OBSERVE_MORE ? NULL : &p->choices[choice];
    return true;
}

void explain_watched_text(FILE *out, const struct subject *r, const struct key *key, const struct verdict *v)
{
    char name[200], where[4200];
    struct watched_by by;
    if (!find(r->program, key, v, &by)) return;
    snprintf(name, sizeof name, "%s", program_str(r->program, by.service->name));
    const struct pbc_place *at = by.choice ? &by.choice->place : &by.service->place;
    snprintf(where, sizeof where, "%s:%u", program_str(r->program, at->file), at->line);
    fprintf(out, "  observe service %s%s%s (%s)\n", text_clean(name),
            !by.choice              ? ": what both sides say first chooses its branch"
            : by.choice->cond_count ? ", when -> "
                                    : ", else -> ",
            by.choice ? does_name(by.choice->does) : "", label_place(&r->labels, text_clean(where)));
}

void explain_watched_json(FILE *out, const struct subject *r, const struct key *key, const struct verdict *v)
{
    char name[200];
    struct watched_by by;
    if (!find(r->program, key, v, &by)) return;
    snprintf(name, sizeof name, "%s", program_str(r->program, by.service->name));
    json_print(out, ",'observed_by':{'service':%s,'branch':%s}", text_clean(name),
               by.choice ? does_name(by.choice->does) : NULL);
}
