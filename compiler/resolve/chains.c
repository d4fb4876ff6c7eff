/* Check calls between chains. No chain comes back to itself, and at most PBC_CHAIN_DEPTH nest. A firewall with all
 * calls written out stays within the work that the back end and the naive executor allow. */
#include <stdio.h>
#include <string.h>

#include "compiler/resolve/resolve.h"

enum { CHAIN_NEW, CHAIN_OPEN, CHAIN_DONE };

struct chain_info {
    uint8_t state;
    unsigned depth;  /* depth of nested chains below, this one included */
    uint64_t work;   /* work of all rules, calls written out; saturates above PBC_WALK_MAX */
    uint32_t next;   /* index of the next rule to look at */
    uint32_t caller; /* chain whose rule led here, while this one is open */
};

struct walk {
    struct compile *c;
    struct chain_info *info;
    bool cycle;
};

/* Put a name before the text at the end of `buf`. Without room, put dots and return false. */
static bool prepend(char *buf, size_t *at, const char *name, const char *arrow)
{
    char text[80];
    const size_t len = (size_t)snprintf(text, sizeof(text), "%.64s%s", name, arrow);
    if (*at < len + 4) {
        *at -= 4;
        memcpy(buf + *at, "... ", 4);
        return false;
    }
    *at -= len;
    memcpy(buf + *at, text, len);
    return true;
}

static void report_loop(struct walk *w, uint32_t from, uint32_t rule)
{
    const struct image *img = w->c->image;
    const uint32_t to = img->rules[rule].chain;
    const char *name = image_str(img, img->chains[to].name);
    char text[1024] = "";
    size_t used = sizeof(text) - 1;
    bool room = prepend(text, &used, name, "");
    for (uint32_t at = from; room; at = w->info[at].caller) {
        room = prepend(text, &used, image_str(img, img->chains[at].name), " -> ");
        if (at == to) break;
    }
    diag(w->c->diags, E_CHAIN_LOOP, img->rule_span[rule], "chain `%s` calls itself: %s", name, text + used);
    w->cycle = true;
}

static void report_deep(struct walk *w, uint32_t chain)
{
    const struct image *img = w->c->image;
    const struct pbc_chain *ch = &img->chains[chain];
    for (uint32_t i = ch->rules; i < ch->rules + ch->rule_count; i++) {
        const uint32_t to = img->rules[i].chain;
        if (to == PBC_NONE || w->info[to].depth + 1 != w->info[chain].depth) continue;
        diag(w->c->diags, E_CHAIN_DEEP, img->rule_span[i], "chains are nested more than %d deep, beginning with `%s`",
             PBC_CHAIN_DEPTH, image_str(img, ch->name));
        return;
    }
}

/* Return the work of a rule, counted as the verifier does: 1, and 1 for each condition and each operand. */
static uint64_t work_of(const struct image *img, uint32_t rule)
{
    const struct pbc_rule *r = &img->rules[rule];
    uint64_t work = 1 + r->cond_count;
    for (uint32_t i = r->conds; i < r->conds + r->cond_count; i++) work += img->conds[i].count;
    return work;
}

static void take_result(struct walk *w, uint32_t chain, uint32_t called)
{
    struct chain_info *a = &w->info[chain], *b = &w->info[called];
    a->work += b->work;
    if (a->work > PBC_WALK_MAX) a->work = PBC_WALK_MAX + 1;
    if (b->depth + 1 > a->depth) a->depth = b->depth + 1;
}

/* Visit chains depth first, without recursion: `caller` holds the way back. */
static void chains_walk(struct walk *w, uint32_t start)
{
    const struct image *img = w->c->image;
    uint32_t at = start;
    w->info[start] = (struct chain_info){.state = CHAIN_OPEN, .depth = 1, .caller = PBC_NONE};
    while (at != PBC_NONE) {
        struct chain_info *info = &w->info[at];
        const struct pbc_chain *ch = &img->chains[at];
        if (info->next == ch->rule_count) {
            const uint32_t caller = info->caller;
            w->info[at].state = CHAIN_DONE;
            if (w->info[at].depth == PBC_CHAIN_DEPTH + 1) report_deep(w, at);
            if (caller != PBC_NONE) take_result(w, caller, at);
            at = caller;
            continue;
        }
        const uint32_t rule = ch->rules + info->next++, to = img->rules[rule].chain;
        info->work += work_of(img, rule);
        if (to == PBC_NONE) continue;
        if (w->info[to].state == CHAIN_OPEN) {
            report_loop(w, at, rule);
        } else if (w->info[to].state == CHAIN_DONE) {
            take_result(w, at, to);
        } else {
            w->info[to] = (struct chain_info){.state = CHAIN_OPEN, .depth = 1, .caller = at};
            at = to;
        }
    }
}

static void check_expansion(struct walk *w)
{
    const struct image *img = w->c->image;
    for (uint32_t f = 0; f < img->firewalls_count; f++) {
        const struct pbc_firewall *fw = &img->firewalls[f];
        uint64_t work = 0;
        for (uint32_t i = fw->rules; i < fw->rules + fw->rule_count && work <= PBC_WALK_MAX; i++) {
            work += work_of(img, i);
            if (img->rules[i].chain != PBC_NONE) work += w->info[img->rules[i].chain].work;
        }
        if (work > PBC_WALK_MAX)
            diag(w->c->diags, E_EXPANSION, img->firewall_span[f],
                 "firewall `%s` has more than %u rules, conditions and list entries; a chain counts once per `do`",
                 image_str(img, fw->name), (unsigned)PBC_WALK_MAX);
    }
}

void check_chains(struct compile *c)
{
    const struct image *img = c->image;
    struct walk w = {.c = c};
    w.info = arena_alloc(c->arena, (img->chains_count + 1) * sizeof(*w.info));
    for (uint32_t i = 0; i < img->chains_count; i++)
        if (w.info[i].state == CHAIN_NEW) chains_walk(&w, i);
    if (!w.cycle) check_expansion(&w);
}
