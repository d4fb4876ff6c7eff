/* What this machine sends and a rule rejects is held back on its way to the wire (traffic control), where nothing can
 * be sent; so it is told of, and the answer comes from here: by the TUN device, to the socket that sent it. */
#include <stdlib.h>

#include "runtime/base/clock.h"
#include "runtime/host/device/tun.h"
#include "runtime/live/carry/kernel/in_kernel_priv.h"
#include "vm/packet/pkt.h"
#include "vm/packet/reply/frame.h"

enum { SLOTS = 1 };

struct answers {
    void *memory;
    struct pool *pool;
    struct limit limit;
    uint32_t rate; /* that it was made with */
    uint64_t given, over;
};

struct answers *answers_new(void)
{
    const size_t bytes = (pool_bytes(SLOTS, POOL_SLOT_MOST) + 63) / 64 * 64;
    struct answers *a = calloc(1, sizeof *a);
    if (!a) return NULL;
    a->memory = aligned_alloc(64, bytes);
    a->pool = a->memory ? pool_init(a->memory, bytes, SLOTS, POOL_SLOT_MOST) : NULL;
    if (a->pool) return a;
    answers_free(a);
    return NULL;
}

void answers_free(struct answers *a)
{
    if (!a) return;
    free(a->memory);
    free(a);
}

/* Another program may have another limit. */
static bool may_leave(struct answers *a, const struct program *p)
{
    if (a->rate != p->meta->rejects_per_s) limit_init(&a->limit, p->meta->rejects_per_s);
    a->rate = p->meta->rejects_per_s;
    const bool conforms = limit_take(&a->limit, clock_ns(CLOCK_MONOTONIC));
    a->over += !conforms;
    return conforms;
}

/* As it would come from the wire, but for the link's header. */
static void give(struct live *l, struct answers *a, struct pkt *out)
{
    struct key key;
    pkt_parse(out, NULL, &key);
    a->given += out->l3 < out->head_len && !tun_give(l->tun, NULL, out->data + out->l3, out->head_len - out->l3);
    pool_put(out);
}

void answers_give(struct live *l, const struct program *p, const struct pkt *pkt, const struct key *key, uint32_t rule)
{
    struct answers *a = l->kernel->answers;
    const enum pbc_answer kind = rule < p->rules_count ? p->rules[rule].answer : PBC_ANSWER_DEFAULT;
    const enum answer_form form = answer_form(pkt, key, kind);
    if (form == ANSWER_NONE || l->tun < 0 || !may_leave(a, p)) return;
    struct pkt *out = answer_build(pkt, key, form, a->pool);
    if (out) give(l, a, out);
}

void answers_count(const struct answers *a, struct in_kernel_more *to)
{
    to->answered = a->given;
    to->answers_over = a->over;
}
