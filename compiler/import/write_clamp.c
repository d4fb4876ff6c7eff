/* Clamps of segment sizes. In netfilter they are rules, for translated and other packets; in prey they are items of
 * a nat, for all packets that cross by a device, and each device has one. A rule that names no device is about all
 * of them: `"*"`. */
#include <search.h>
#include <string.h>

#include "compiler/import/write_priv.h"
#include "lang/heap.h"

enum { FOLLOWS = 1, SMALLEST = 536, LARGEST = 65495 }; /* FOLLOWS: a rule's clamp by the path */

struct clamped {
    const char *device;
    uint16_t fixed; /* smallest size that a rule asks for; 0: none */
    bool follows;   /* a rule asks for the path's MTU */
    struct clamped *next;
};

struct clamps {
    struct clamped *first, **end;
    void *tree; /* clamps by device (search.h) */
};

static int by_device(const void *a, const void *b)
{
    const struct clamped *x = a, *y = b;
    return strcmp(x->device, y->device);
}

static struct clamped *clamped_device(struct writer *w, struct clamps *all, const char *device)
{
    const struct clamped wanted = {.device = device};
    struct clamped *const *found = tfind(&wanted, &all->tree, by_device);
    if (found) return *found;
    struct clamped *one = arena_alloc(w->s->arena, sizeof(*one));
    *one = wanted;
    if (!tsearch(one, &all->tree, by_device)) out_of_memory();
    *all->end = one;
    all->end = &one->next;
    return one;
}

static void clamp(struct clamped *one, uint16_t size)
{
    one->follows |= size == FOLLOWS;
    if (size != FOLLOWS && (!one->fixed || size < one->fixed)) one->fixed = size;
}

/* Return why the clamp is about more packets than the rule asks for; NULL: both are about the same packets. */
static const char *wider(const struct rule *r, const struct list *by)
{
    const uint32_t known = 1u << ASK_PROTO | 1u << ASK_ON | 1u << ASK_OUT_ON | 1u << ASK_STATE;
    bool more = r->meters || r->flows_over || r->urpf_failed || r->urpf_passed || r->translated;
    for (const struct condition *c = r->conditions; c; c = c->next) more |= !(known >> c->about & 1);
    if (more) return "prey clamps per device, so it clamps all TCP that it forwards on the device";
    return by && by->negated
               ? "prey clamps per named device, but the rule names the exceptions: all devices are clamped"
               : NULL;
}

static void take_clamp(struct writer *w, struct clamps *all, struct rule *r)
{
    const struct list *out = rule_asks(r, ASK_OUT_ON), *by = out ? out : rule_asks(r, ASK_ON);
    const bool named = by && !by->negated && !by->set && by->count;
    const char *why = wider(r, by);
    if (r->clamp != FOLLOWS && r->clamp < SMALLEST) {
        put_unsaid(w, r, "prey clamps segments to at least 536 bytes");
        return;
    }
    if (r->clamp > LARGEST) return;
    if (why) put_apart(w, r, why);
    if (!named) clamp(clamped_device(w, all, "*"), r->clamp);
    for (uint32_t i = 0; named && i < by->count; i++) clamp(clamped_device(w, all, by->of[i].word), r->clamp);
}

/* Write, in one line, the devices from `one` on that have the same clamp. Return the first device behind them. */
static const struct clamped *put_alike(struct writer *w, const struct clamped *one)
{
    const uint16_t fixed = one->fixed;
    const bool both = one->fixed && one->follows;
    if (both) {
        w->unsaid.parts++;
        fputs("# not imported in full: the rules clamp segments to a number and to the path's MTU, but prey has one "
              "clamp per device, and uses the number\n",
              w->out);
    }
    fputs("mss clamp ", w->out);
    if (fixed)
        fprintf(w->out, "%u", fixed);
    else
        fputs("auto", w->out);
    fputs(" out on ", w->out);
    for (const char *between = ""; one && one->fixed == fixed && (one->fixed && one->follows) == both;
         one = one->next) {
        fputs(between, w->out);
        put_string(w->out, one->device);
        between = ", ";
    }
    fputc('\n', w->out);
    return one;
}

bool put_segment_sizes(struct writer *w)
{
    const struct clamped every = {.device = "*"};
    struct clamps all = {.first = NULL};
    all.end = &all.first;
    for (const struct chain *c = w->s->chains; c; c = c->next)
        for (struct rule *r = c->rules; r; r = r->next)
            if (r->clamp && !r->never && !r->unsaid) take_clamp(w, &all, r);
    struct clamped *const *found = tfind(&every, &all.tree, by_device);
    /* a device's own clamp replaces that of all devices */
    for (struct clamped *one = all.first; found && one; one = one->next) {
        if ((*found)->fixed) clamp(one, (*found)->fixed);
        one->follows |= (*found)->follows;
    }
    for (const struct clamped *one = all.first; one;) one = put_alike(w, one);
    heap_tree_free(all.tree);
    return all.first != NULL;
}
