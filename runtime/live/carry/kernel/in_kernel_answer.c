/* Replies to this machine's own rejected packets. Traffic control can't send there, so it holds such a packet back
 * and reports it. The reply goes to the sending socket by the TUN device. */
#include <stdlib.h>

#include "runtime/base/clock.h"
#include "runtime/host/device/tun.h"
#include "runtime/live/carry/kernel/in_kernel_priv.h"
#include "vm/packet/pkt.h"
#include "vm/packet/reply/frame.h"

enum { SLOTS = 1 };

struct answers {
    struct pool *pool; /* memory for replies, on the heap */
    struct limit limit;
    uint32_t rate; /* rate for which `limit` was made */
    uint64_t given, over;
};

struct answers *answers_new(void)
{
    struct answers *a = calloc(1, sizeof *a);
    if (a) a->pool = pool_new(SLOTS, POOL_SLOT_MOST);
    if (a && a->pool) return a;
    answers_free(a);
    return NULL;
}

void answers_free(struct answers *a)
{
    if (!a) return;
    free(a->pool);
    free(a);
}

/* True if a reply is within the limit, which another program may have changed. */
static bool may_leave(struct answers *a, const struct program *p)
{
    if (a->rate != p->meta->rejects_per_s) limit_init(&a->limit, p->meta->rejects_per_s);
    a->rate = p->meta->rejects_per_s;
    const bool conforms = limit_take(&a->limit, clock_ns(CLOCK_MONOTONIC));
    a->over += !conforms;
    return conforms;
}

void answers_give(struct carry *carry, const struct program *p, const struct pkt *pkt, const struct key *key,
                  uint32_t rule)
{
    struct answers *a = carry->kernel->answers;
    const enum pbc_answer kind = rule < p->rules_count ? p->rules[rule].answer : PBC_ANSWER_DEFAULT;
    const enum answer_form form = answer_form(pkt, key, kind);
    if (form == ANSWER_NONE || carry->tun.fd < 0 || !may_leave(a, p)) return;
    struct pkt *out = answer_build(pkt, key, form, a->pool);
    struct key built;
    if (!out) return;
    /* The host gets the reply as if from the wire, without a link header. */
    pkt_parse(out, NULL, &built);
    a->given += out->l3 < out->head_len && !tun_give(carry->tun.fd, NULL, out->data + out->l3, out->head_len - out->l3);
    pool_put(out);
}

void answers_count(const struct answers *a, struct in_kernel_more *to)
{
    to->answered = a->given;
    to->answers_over = a->over;
}
