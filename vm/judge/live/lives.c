/* The live sets of a program (vm/judge/lives.h): making them, finding them by name, and what none may hold. */
#include <stdlib.h>
#include <string.h>

#include "vm/judge/asked/questions.h"
#include "vm/judge/live/live_priv.h"
#include "vm/judge/lives.h"
#include "vm/program/set_walk.h"

static struct live_cfg cfg_of(const struct program *p, uint32_t live, uint64_t seed)
{
    const struct pbc_live *of = &p->lives[live];
    return (struct live_cfg){.size = of->size, .refuse = of->flags & PBC_LIVE_REFUSE, .seed = seed + live};
}

struct live_set *lives_set_new(const struct program *p, uint32_t live, uint64_t seed)
{
    const struct live_cfg cfg = cfg_of(p, live, seed);
    return live_new(&cfg);
}

struct live_set *lives_set_over(const struct program *p, uint32_t live, uint64_t seed, const struct live_memory *m)
{
    struct live_cfg cfg = cfg_of(p, live, seed);
    if (p->lives[live].file) cfg.size = 0;
    return live_over(&cfg, m);
}

static bool asks(const struct program *p)
{
    bool any = false;
    for (uint32_t i = 0; i < p->lives_count; i++) any |= p->lives[i].answers != 0;
    return any;
}

/* True if a rule cuts. */
static bool any_cut(const struct program *p)
{
    for (uint32_t i = 0; i < p->adds_count; i++)
        if (p->adds[i].flags & PBC_ADD_CUT) return true;
    return false;
}

struct lives *lives_new(const struct program *p, uint64_t seed)
{
    struct lives *l = calloc(1, sizeof *l);
    if (!l) return NULL;
    if (asks(p)) {
        l->questions = questions_new(seed);
        l->names = calloc(1, sizeof *l->names);
        if (!l->questions || !l->names) {
            lives_free(l);
            return NULL;
        }
    }
    for (; l->count < p->lives_count; l->count++) {
        l->sets[l->count] = lives_set_new(p, l->count, seed);
        if (l->sets[l->count]) continue;
        lives_free(l);
        return NULL;
    }
    if (!any_cut(p)) return l;
    /* One round per packet: as many members as a packet may add. */
    l->cuts = flow_cuts_new(&(struct flow_cuts_cfg){.most = PBC_ADDS_MAX, .seed = seed});
    l->owns_cuts = true;
    if (l->cuts) return l;
    lives_free(l);
    return NULL;
}

void lives_cut_by(struct lives *l, struct flow_cuts *cuts, const uint16_t named[])
{
    if (l->owns_cuts) flow_cuts_free(l->cuts);
    l->owns_cuts = false;
    l->cuts = cuts;
    memcpy(l->named, named, l->count * sizeof *named);
}

void lives_cut(const struct lives *l, uint32_t live, const struct live_net *net)
{
    if (l->cuts) flow_cuts_ask(l->cuts, l->named[live], net, (lives_now(l) + 1) * 1000000 - 1);
}

void lives_free(struct lives *l)
{
    if (!l) return;
    if (l->owns_cuts) flow_cuts_free(l->cuts);
    for (uint32_t i = 0; i < l->count; i++) live_free(l->sets[i]);
    questions_put(l->questions);
    free(l->names);
    if (l->memory) l->give_back(l->memory);
    free(l);
}

void lives_ask_as(struct lives *l, struct questions *q)
{
    if (!l->questions || !q) return;
    questions_put(l->questions);
    l->questions = questions_get(q);
}

void lives_name(struct lives *l, uint32_t live, const struct live_net *net, uint64_t end_ms, const char *host)
{
    struct live_names *const n = l->names;
    const size_t len = strlen(host), cut = len > LIVE_HOST_MOST ? len - LIVE_HOST_MOST : 0;
    if (!n) return;
    live_lock(&n->lock);
    if (n->count < LIVE_NAMED_MOST) {
        struct live_named *to = &n->of[n->count++];
        *to = (struct live_named){.live = live, .net = *net, .end_ms = end_ms};
        memcpy(to->host, host + cut, len - cut);
    }
    live_unlock(&n->lock);
}

uint32_t lives_named(struct lives *l, struct live_named out[LIVE_NAMED_MOST])
{
    struct live_names *const n = l->names;
    if (!n) return 0;
    live_lock(&n->lock);
    const uint32_t count = n->count;
    memcpy(out, n->of, count * sizeof *out);
    n->count = 0;
    live_unlock(&n->lock);
    return count;
}

uint64_t lives_evicted(const struct lives *l)
{
    return l->questions ? __atomic_load_n(&l->questions->head->evicted, __ATOMIC_RELAXED) : 0;
}

/* Listener of the thread (README.md) */
static _Thread_local const struct lives_ear *ear;

void lives_listen(const struct lives_ear *e) { ear = e; }

void lives_tell(uint32_t live, const struct key *key, bool dst, bool held)
{
    if (ear) ear->hear(ear->arg, live, dst ? key->dst : key->src, key->kind & KIND_IP6, held);
}

bool lives_have(const struct lives *l, uint32_t live, const struct key *key, bool dst)
{
    if (!(key->kind & KIND_IP)) return false;
    const uint32_t *const addr = dst ? key->dst : key->src;
    const bool v6 = key->kind & KIND_IP6, held = l && live_has(lives_set(l, live), lives_now(l), addr, v6);
    return ear ? ear->hear(ear->arg, live, addr, v6, held) : held;
}

void program_members(struct program *p, struct lives *l)
{
    p->members = l;
    if (p->would) ((struct program *)(uintptr_t)p->would)->members = l;
}

void live_net_ends(const struct live_net *net, uint32_t lo[4], uint32_t hi[4])
{
    for (unsigned i = 0; i < 4; i++) {
        const unsigned kept = net->len > 32 * i ? net->len - 32 * i : 0;
        const uint32_t host = kept >= 32 ? 0 : UINT32_MAX >> kept;
        lo[i] = net->addr[i] & ~host;
        hi[i] = !net->v6 && i ? 0 : net->addr[i] | host;
    }
}

enum part { PART_NONE, PART_SOME, PART_ALL };

/* Report whether a set without live parts has none, some or all of a range. */
static enum part part_of(const struct program *p, uint32_t set, bool v6, const uint32_t lo[4], const uint32_t hi[4])
{
    const struct pbc_set *s = &p->sets[set];
    if (!v6) {
        const struct pbc_range *r = p->set4 + s->first4;
        if (!s->count4) return PART_NONE;
        r = last4(r, s->count4, hi[0]); /* the last range that begins within or before this one */
        if (r->lo > hi[0] || r->hi < lo[0]) return PART_NONE;
        return r->lo <= lo[0] && r->hi >= hi[0] ? PART_ALL : PART_SOME;
    }
    struct wide first, last;
    wide_of(lo, &first);
    wide_of(hi, &last);
    if (!s->count6) return PART_NONE;
    const struct pbc_range6 *r = last6(p->set6 + s->first6, s->count6, &last);
    const struct wide end = {r->hi_hi, r->hi_lo};
    if (!wide_up_to(r->lo_hi, r->lo_lo, &last) || !wide_up_to(first.hi, first.lo, &end)) return PART_NONE;
    return wide_up_to(r->lo_hi, r->lo_lo, &first) && wide_up_to(last.hi, last.lo, &end) ? PART_ALL : PART_SOME;
}

enum live_refusal lives_refuse_range(const struct program *p, uint32_t live, bool v6, const uint32_t lo[4],
                                     const uint32_t hi[4])
{
    const struct pbc_live *l = &p->lives[live];
    if (l->in != PBC_NONE && part_of(p, l->in, v6, lo, hi) != PART_ALL) return LIVE_OUTSIDE;
    return l->never != PBC_NONE && part_of(p, l->never, v6, lo, hi) != PART_NONE ? LIVE_NEVER : LIVE_MAY;
}

enum live_refusal lives_refuse(const struct program *p, uint32_t live, const struct live_net *net)
{
    uint32_t lo[4], hi[4];
    live_net_ends(net, lo, hi);
    return lives_refuse_range(p, live, net->v6, lo, hi);
}

enum live_refusal lives_refuse_base(const struct program *p, uint32_t live, const struct live_base *base,
                                    struct live_net *first)
{
    enum live_refusal why = LIVE_MAY;
    uint32_t lo[4] = {0}, hi[4] = {0};
    for (uint32_t i = 0; i < base->count4 && why == LIVE_MAY; i++) {
        lo[0] = base->r4[i].lo, hi[0] = base->r4[i].hi;
        why = lives_refuse_range(p, live, first->v6 = false, lo, hi);
    }
    for (uint32_t i = 0; i < base->count6 && why == LIVE_MAY; i++) {
        const struct pbc_range6 *r = &base->r6[i];
        const uint64_t ends[] = {r->lo_hi, r->lo_lo, r->hi_hi, r->hi_lo};
        for (unsigned k = 0; k < 4; k++) {
            lo[k] = (uint32_t)(ends[k / 2] >> (k % 2 ? 0 : 32));
            hi[k] = (uint32_t)(ends[2 + k / 2] >> (k % 2 ? 0 : 32));
        }
        why = lives_refuse_range(p, live, first->v6 = true, lo, hi);
    }
    memcpy(first->addr, lo, sizeof first->addr);
    return why;
}

void adds_note(struct adds_due *due, const struct program *p, uint32_t add, const struct key *key)
{
    const struct pbc_add *a = &p->adds[add];
    struct live_net net = {.v6 = key->kind & KIND_IP6, .len = key->kind & KIND_IP6 ? a->len6 : a->len4};
    uint32_t unused[4];
    if (!(key->kind & KIND_IP) || adds_for_forged(key)) return;
    for (uint32_t i = 0; i < due->count; i++)
        if (due->of[i].add == add) return;
    if (due->count == PBC_ADDS_MAX) return; /* no program has more rows */
    memcpy(net.addr, a->flags & PBC_ADD_DESTINATION ? key->dst : key->src, sizeof net.addr);
    live_net_ends(&net, net.addr, unused);
    due->of[due->count].add = add;
    due->of[due->count++].net = net;
}

void adds_one(const struct program *p, uint32_t add, const struct live_net *net)
{
    struct lives *const l = p->members;
    const struct pbc_add *const a = &p->adds[add];
    const uint64_t now_ms = lives_now(l);
    enum live_said said = LIVE_FULL;
    if (lives_refuse(p, a->live, net) != LIVE_MAY)
        __atomic_fetch_add(&l->refused[a->live], 1, __ATOMIC_RELAXED);
    else
        said = live_add(lives_set(l, a->live), now_ms, net, now_ms + a->for_ns / 1000000,
                        a->flags & PBC_ADD_ONCE ? LIVE_ONCE : LIVE_LATER);
    if (said == LIVE_ADDED && a->flags & PBC_ADD_CUT) lives_cut(l, a->live, net);
}

void adds_told(const struct program *p, uint32_t add, unsigned v6, unsigned len, const uint32_t addr[4])
{
    struct live_net net = {.v6 = v6 & 1, .len = (uint8_t)len};
    uint32_t unused[4];
    if (!p->members || add >= p->adds_count || len > (net.v6 ? 128 : 32)) return;
    memcpy(net.addr, addr, sizeof net.addr);
    live_net_ends(&net, net.addr, unused);
    adds_one(p, add, &net);
}

void adds_make(struct adds_due *due, const struct program *p)
{
    for (uint32_t i = 0; i < due->count; i++) adds_one(p, due->of[i].add, &due->of[i].net);
    due->count = 0;
}

uint32_t lives_find(const struct program *p, const char *name)
{
    for (uint32_t i = 0; i < p->lives_count; i++)
        if (strcmp(program_str(p, p->lives[i].name), name) == 0) return i;
    return PBC_NONE;
}

bool live_is_of_host(const uint32_t addr[4], bool v6)
{
    const uint32_t a = addr[0];
    if (!v6) return a >> 24 != 0 && a >> 24 != 127 && a >> 16 != 0xa9fe && a >> 29 != 7;
    if (a >> 24 == 0xff || a >> 22 == 0xfe80u >> 6) return false;
    return a || addr[1] || (addr[2] != 0 && addr[2] != 0xffff); /* not ::/96, ::ffff:0:0/96 */
}
