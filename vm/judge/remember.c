/* Remembered verdicts (remember.h). */
#include "vm/judge/remember.h"

#include <stdlib.h>

#include "vm/packet/facts.h"

enum { BYTE_OTHER = UINT8_MAX - 1, BYTE_NONE = UINT8_MAX };

struct remember {
    const struct program *p;
    decided *memos; /* [memos_count]: decision of each */
    uint8_t *some;  /* [rules, then defaults]: 1: it is in a memo */
    uint16_t epoch; /* 0: slots are being cleared */
    uint32_t hand;  /* the next slot to clear */
    const struct facts *facts;
    uint64_t generation;
    uint32_t schedules;
};

decided remember_decides(const struct program *p, uint32_t i)
{
    static const struct key ip = {.kind = KIND_IP4}; /* stands for any flow, which is IP */
    const struct pbc_memo *m = &p->memos[i];
    return m->rule == RULE_DEFAULT ? decided_by_default(p, m->firewall, &ip) : decided_by_rule(p, m->rule, m->firewall);
}

/* Return the place of a rule, or of a firewall's default, in `some`. */
static uint32_t decider_of(const struct program *p, uint32_t rule, uint32_t firewall)
{
    return rule < RULE_DEFAULT ? rule : p->rules_count + firewall;
}

struct remember *remember_new(const struct program *p)
{
    struct remember *m = calloc(1, sizeof *m);
    if (!m) return NULL;
    m->p = p;
    m->epoch = 1;
    m->memos = calloc((size_t)p->memos_count + 1, sizeof *m->memos);
    m->some = calloc((size_t)p->rules_count + p->firewalls_count + 1, sizeof *m->some);
    if (!m->memos || !m->some) {
        remember_free(m);
        return NULL;
    }
    for (uint32_t i = 0; i < p->memos_count; i++) {
        m->memos[i] = remember_decides(p, i);
        m->some[decider_of(p, p->memos[i].rule, p->memos[i].firewall)] = 1;
    }
    return m;
}

void remember_free(struct remember *m)
{
    if (!m) return;
    free(m->memos);
    free(m->some);
    free(m);
}

void remember_after(struct remember *m, uint16_t epoch)
{
    m->epoch = epoch ? (uint16_t)(epoch + 1) : 0; /* after the last epoch comes 0 */
}

uint16_t remember_epoch(const struct remember *m) { return m->epoch; }

void remember_facts(struct remember *m, const struct facts *facts)
{
    const uint64_t generation = facts ? facts->generation : 0;
    const uint32_t schedules = facts ? facts->schedules : 0;
    if (facts == m->facts && generation == m->generation && schedules == m->schedules) return;
    m->facts = facts;
    m->generation = generation;
    m->schedules = schedules;
    if (m->epoch) m->epoch++; /* after the last epoch comes 0 */
}

/* Set the byte of an interface. False: the id is too large. Rules see no difference among interfaces without a name. */
static bool iface_byte(const struct program *p, uint16_t iface, uint8_t *byte)
{
    *byte = iface == IFACE_NONE ? BYTE_NONE : iface >= p->ifaces_count ? BYTE_OTHER : (uint8_t)iface;
    return iface >= p->ifaces_count || iface < BYTE_OTHER;
}

/* True for a whole established packet: a missing part of a fragment or a short capture may decide. */
static bool is_ordinary(const struct key *key, const struct pkt *pkt)
{
    return key->marks & MARK_ESTABLISHED && key->kind & KIND_FRAG_NO && !(pkt->flags & (PKT_SNAPPED | PKT_BAD_CSUM));
}

bool remember_find(const struct remember *m, const struct flow *flow, enum flow_dir dir, const struct key *key,
                   const struct pkt *pkt, decided *d)
{
    uint8_t iface;
    if (!flow || !is_ordinary(key, pkt) || !m->epoch || flow->epoch != m->epoch || !flow->memo[dir]) return false;
    if (!iface_byte(m->p, key->iface, &iface) || flow->memo_iface[dir] != iface) return false;
    *d = m->memos[flow->memo[dir] - 1];
    return true;
}

static int compare(const struct pbc_memo *a, uint32_t rule, uint32_t firewall)
{
    if (a->firewall != firewall) return a->firewall < firewall ? -1 : 1;
    return a->rule < rule ? -1 : a->rule > rule;
}

/* Return 1 + the index of the memo; 0: none. */
static uint16_t memo_of(const struct remember *m, uint32_t rule, uint32_t firewall)
{
    uint32_t lo = 0, hi = m->p->memos_count;
    if (rule == RULE_NONE || !m->some[decider_of(m->p, rule, firewall)]) return 0;
    while (lo < hi) {
        const uint32_t mid = (lo + hi) / 2;
        const int order = compare(&m->p->memos[mid], rule, firewall);
        if (order == 0) return (uint16_t)(mid + 1);
        if (order < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return 0;
}

void remember_add(const struct remember *m, struct flow *flow, enum flow_dir dir, const struct key *key,
                  const struct pkt *pkt, decided d)
{
    uint8_t iface;
    if (!flow || !is_ordinary(key, pkt) || !m->epoch || !iface_byte(m->p, key->iface, &iface)) return;
    const uint16_t memo = memo_of(m, decided_rule(d), decided_firewall(d));
    if (!memo) return;
    if (flow->epoch != m->epoch) flow->memo[FLOW_ORIGINAL] = flow->memo[FLOW_REPLY] = 0;
    flow->epoch = m->epoch;
    flow->memo[dir] = memo;
    flow->memo_iface[dir] = iface;
}

bool remember_tick(struct remember *m, struct track *t, unsigned slots)
{
    if (m->epoch) return false;
    if (track_forget(t, &m->hand, slots)) return true;
    m->hand = 0;
    m->epoch = 1;
    return false;
}
