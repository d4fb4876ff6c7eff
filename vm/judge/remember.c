/* Remembered verdicts (remember.h). */
#include "vm/judge/remember.h"

#include <stdlib.h>

#include "vm/packet/facts.h"

enum { BYTE_OTHER = UINT8_MAX - 1, BYTE_NONE = UINT8_MAX };

/* Pairs of a decision and the one without `audit`: most pairs in use, and the places that each may have from its
 * hash on. */
enum { PAIRS = 1024, PAIR_TRIES = 8 };

/* Decisions of a program that may be remembered. */
struct remembered {
    const struct program *p;
    decided *memos; /* [memos_count]: decision of each memo */
    uint8_t *some;  /* [rules, then defaults]: 1: a memo has it */
};

struct remember {
    struct remembered of;          /* decisions of the program */
    struct remembered would;       /* the program without `audit`; p NULL: no `audit`, and so no pairs */
    struct remembered_pair *pairs; /* pairs of decisions: [PAIRS] */
    uint16_t epoch;                /* current epoch; 0: slots are being cleared */
    uint32_t hand;                 /* the next slot to clear */
    const struct facts *facts;
    uint64_t generation;
    uint32_t schedules;
};

decided remember_decides(const struct program *p, uint32_t i)
{
    static const struct key ip = {.kind = KIND_IP4}; /* represents any flow, which is IP */
    const struct pbc_memo *m = &p->memos[i];
    return m->rule == RULE_DEFAULT ? decided_by_default(p, m->firewall, &ip) : decided_by_rule(p, m->rule, m->firewall);
}

/* Return the place of a rule, or of a firewall's default, in `some`. */
static uint32_t decider_of(const struct program *p, uint32_t rule, uint32_t firewall)
{
    return rule < RULE_DEFAULT ? rule : p->rules_count + firewall;
}

static bool remembered_begin(struct remembered *r, const struct program *p)
{
    r->p = p;
    r->memos = calloc((size_t)p->memos_count + 1, sizeof *r->memos);
    r->some = calloc((size_t)p->rules_count + p->firewalls_count + 1, sizeof *r->some);
    if (!r->memos || !r->some) return false;
    for (uint32_t i = 0; i < p->memos_count; i++) {
        r->memos[i] = remember_decides(p, i);
        r->some[decider_of(p, p->memos[i].rule, p->memos[i].firewall)] = 1;
    }
    return true;
}

struct remember *remember_new(const struct program *p)
{
    struct remember *m = calloc(1, sizeof *m);
    if (!m) return NULL;
    m->epoch = 1;
    bool made = remembered_begin(&m->of, p);
    if (made && p->would) {
        m->pairs = calloc(PAIRS, sizeof *m->pairs);
        made = m->pairs && remembered_begin(&m->would, p->would);
    }
    if (made) return m;
    remember_free(m);
    return NULL;
}

void remember_free(struct remember *m)
{
    if (!m) return;
    free(m->of.memos);
    free(m->of.some);
    free(m->would.memos);
    free(m->would.some);
    free(m->pairs);
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

/* True for a complete established packet: of a fragment or a short capture, the missing part may decide. The SYN of
 * two hosts that open at once is established, too, but remembered verdicts were proved without it. */
static bool is_ordinary(const struct key *key, const struct pkt *pkt)
{
    return key->marks & MARK_ESTABLISHED && key->kind & KIND_FRAG_NO && !key_is_bare_syn(key) &&
           !(pkt->flags & (PKT_SNAPPED | PKT_BAD_CSUM));
}

/* Return the flow's remembered verdict for the packet; 0: none. */
static uint16_t memo_of_flow(const struct remember *m, const struct flow *flow, enum flow_dir dir,
                             const struct key *key, const struct pkt *pkt)
{
    uint8_t iface;
    if (!flow || !is_ordinary(key, pkt) || !m->epoch || flow->epoch != m->epoch || !flow->memo[dir]) return 0;
    return iface_byte(m->of.p, key->iface, &iface) && flow->memo_iface[dir] == iface ? flow->memo[dir] : 0;
}

bool remember_find(const struct remember *m, const struct flow *flow, enum flow_dir dir, const struct key *key,
                   const struct pkt *pkt, decided *d)
{
    const uint16_t memo = memo_of_flow(m, flow, dir, key, pkt);
    if (memo) *d = m->of.memos[memo - 1];
    return memo;
}

const struct remembered_pair *remember_find_both(const struct remember *m, const struct flow *flow, enum flow_dir dir,
                                                 const struct key *key, const struct pkt *pkt)
{
    const uint16_t memo = memo_of_flow(m, flow, dir, key, pkt);
    return memo ? &m->pairs[memo - 1] : NULL;
}

static int decider_order(const struct pbc_memo *a, uint32_t rule, uint32_t firewall)
{
    if (a->firewall != firewall) return a->firewall < firewall ? -1 : 1;
    return a->rule < rule ? -1 : a->rule > rule;
}

/* Return 1 + the index of the memo; 0: none. */
static uint16_t memo_of(const struct remembered *r, uint32_t rule, uint32_t firewall)
{
    uint32_t lo = 0, hi = r->p->memos_count;
    if (rule == RULE_NONE || !r->some[decider_of(r->p, rule, firewall)]) return 0;
    while (lo < hi) {
        const uint32_t mid = (lo + hi) / 2;
        const int order = decider_order(&r->p->memos[mid], rule, firewall);
        if (order == 0) return (uint16_t)(mid + 1);
        if (order < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return 0;
}

static void memo_keep(const struct remember *m, struct flow *flow, enum flow_dir dir, uint8_t iface, uint16_t memo)
{
    if (flow->epoch != m->epoch) flow->memo[FLOW_ORIGINAL] = flow->memo[FLOW_REPLY] = 0;
    flow->epoch = m->epoch;
    flow->memo[dir] = memo;
    flow->memo_iface[dir] = iface;
}

void remember_add(const struct remember *m, struct flow *flow, enum flow_dir dir, const struct key *key,
                  const struct pkt *pkt, decided d)
{
    uint8_t iface;
    if (!flow || !is_ordinary(key, pkt) || !m->epoch || !iface_byte(m->of.p, key->iface, &iface)) return;
    const uint16_t memo = memo_of(&m->of, decided_rule(d), decided_firewall(d));
    if (memo) memo_keep(m, flow, dir, iface, memo);
}

/* True if all established packets of a flow's direction have this decision. Without a firewall, all packets are
 * accepted. */
static bool may_keep(const struct remembered *r, decided d)
{
    const bool nobody = decided_rule(d) == RULE_NONE && decided_action(d) == ACTION_ACCEPT;
    return nobody || memo_of(r, decided_rule(d), decided_firewall(d));
}

/* Return 1 + the place of the pair; 0: no place is left. */
static uint16_t pair_of(struct remember *m, const struct remembered_pair *pair)
{
    const decided d = pair->d, would = pair->would;
    const uint64_t mixed = (d ^ d >> 32 ^ would << 7 ^ would >> 29) * UINT64_C(0x9e3779b97f4a7c15) >> 54;
    for (uint32_t i = 0; i < PAIR_TRIES; i++) {
        struct remembered_pair *at = &m->pairs[(mixed + i) % PAIRS];
        if (!(at->d | at->would)) *at = *pair;
        if (at->d == d && at->would == would) return (uint16_t)(at - m->pairs + 1);
    }
    return 0;
}

void remember_add_both(struct remember *m, struct flow *flow, enum flow_dir dir, const struct key *key,
                       const struct pkt *pkt, const struct remembered_pair *pair)
{
    uint8_t iface;
    if (!flow || !is_ordinary(key, pkt) || !m->epoch || !iface_byte(m->of.p, key->iface, &iface)) return;
    if (!may_keep(&m->of, pair->d) || !may_keep(&m->would, pair->would)) return;
    const uint16_t at = pair_of(m, pair);
    if (at) memo_keep(m, flow, dir, iface, at);
}

bool remember_tick(struct remember *m, struct track *t, unsigned slots)
{
    if (m->epoch) return false;
    if (track_forget(t, &m->hand, slots)) return true;
    m->hand = 0;
    m->epoch = 1;
    return false;
}
