/* Owners by the program's tables (vm/worker/owner.h); those of fragments by the datagram's first fragment (owner.h). */
#include "runtime/worker/owned/owned.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/worker/owned/borrowed.h"
#include "runtime/worker/owned/known.h"

enum { WISHES = 256, OFFERS = 256 };

/* Return memory that begins on a cache line; bytes: a multiple of a line's. NULL: out of memory. */
static void *zeroed(size_t bytes)
{
    void *memory = aligned_alloc(64, bytes);
    return memory ? memset(memory, 0, bytes) : NULL;
}

int owned_init(struct worker *w)
{
    for (unsigned i = 0; i < w->cfg.workers; i++)
        if (i != w->cfg.worker && (handover_init(&w->in[i]) || ring_init(&w->wishes[i], WISHES, sizeof(struct wish)) ||
                                   ring_init(&w->offers[i], OFFERS, sizeof(struct offer))))
            return -ENOMEM;
    w->datagrams = datagrams_new(w->cfg.program, w->cfg.seed);
    w->known = zeroed(sizeof *w->known);
    w->handed = calloc(VM_BATCH, sizeof *w->handed);
    w->borrowed = zeroed(sizeof *w->borrowed);
    w->lending = zeroed(sizeof *w->lending);
    return w->datagrams && w->known && w->handed && w->borrowed && w->lending ? 0 : -ENOMEM;
}

void owned_fini(struct worker *w)
{
    for (unsigned i = 0; i < WORKERS_MOST; i++) {
        handover_fini(&w->in[i]);
        ring_fini(&w->wishes[i]);
        ring_fini(&w->offers[i]);
    }
    for (unsigned i = 0; i < w->fragments_waiting; i++) pool_put(w->fragments[i].pkt);
    datagrams_free(w->datagrams);
    free(w->known);
    free(w->handed);
    free(w->borrowed);
    free(w->lending);
}

/* Count a packet that was put into its owner's ring, or found no room there. */
static void note_handed(struct worker *w, unsigned to, bool put)
{
    w->counters.handed++;
    if (put)
        w->woken |= 1u << to;
    else
        w->counters.hand_lost++;
}

/* Copy a packet into the ring of its owner. key: by this worker's snapshot; NULL: not parsed. */
static void hand_over(struct worker *w, unsigned to, const struct pkt *pkt, const struct key *key,
                      enum handover_kind kind)
{
    struct handover *ring = &w->others[to]->in[w->cfg.worker];
    note_handed(w, to, handover_put(ring, pkt, key, w->egress.snapshot->number, kind));
}

/* Let owners see the packets that were handed to them. */
static void publish(struct worker *w)
{
    for (uint32_t left = w->woken; left; left &= left - 1)
        handover_publish(&w->others[__builtin_ctz(left)]->in[w->cfg.worker]);
}

/* Wake the owners. The fence pairs with the sleeper's: it sets `sleeps`, then checks once more. */
void owned_wake(struct worker *w)
{
    publish(w);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (; w->woken; w->woken &= w->woken - 1) {
        struct worker *other = w->others[__builtin_ctz(w->woken)];
        if (__atomic_load_n(&other->sleeps, __ATOMIC_RELAXED)) wake(other->wake_fd);
    }
}

bool owned_waits(const struct worker *w)
{
    for (unsigned i = 0; i < w->cfg.workers && w->cfg.owners; i++)
        if (i != w->cfg.worker && handover_waits(&w->in[i])) return true;
    return false;
}

static unsigned fragment_owner(struct worker *w, struct pkt *pkt, uint64_t now)
{
    return datagram_owner(w->datagrams, w->cfg.owners, &w->egress.snapshot->facts, pkt, now);
}

/* Keep a copy of a fragment until the owner is known. False: no room. */
static bool keep_fragment(struct worker *w, const struct pkt *pkt, uint64_t now)
{
    struct pkt *copy = w->fragments_waiting < FRAGMENTS_WAIT_MOST ? pool_copy(w->pool, pkt) : NULL;
    if (!copy) return false;
    w->fragments[w->fragments_waiting++] = (struct waiting_fragment){copy, now + DATAGRAM_WAIT_NS};
    return true;
}

static bool is_own_fragment(struct worker *w, struct pkt *pkt, uint64_t now)
{
    const unsigned owner = fragment_owner(w, pkt, now);
    if (owner == VM_OWNER_UNKNOWN) return !keep_fragment(w, pkt, now);
    if (owner == w->cfg.worker) return true;
    hand_over(w, owner, pkt, NULL, HANDOVER_OWNED);
    return false;
}

unsigned owned_waited(struct worker *w, struct pkt *own[FRAGMENTS_WAIT_MOST], uint64_t now)
{
    const unsigned n = w->fragments_waiting;
    unsigned count = 0;
    w->fragments_waiting = 0;
    for (unsigned i = 0; i < n; i++) {
        const struct waiting_fragment fragment = w->fragments[i];
        const unsigned owner = fragment_owner(w, fragment.pkt, now);
        if (owner == VM_OWNER_UNKNOWN && now < fragment.until_ns) {
            w->fragments[w->fragments_waiting++] = fragment;
        } else if (owner == VM_OWNER_UNKNOWN || owner == w->cfg.worker) {
            own[count++] = fragment.pkt;
        } else {
            hand_over(w, owner, fragment.pkt, NULL, HANDOVER_OWNED);
            pool_put(fragment.pkt);
        }
    }
    return count;
}

/* True if the packet is this worker's. Else it was handed over, or waits as a copy. */
static bool is_own_packet(struct worker *w, struct pkt *pkt, const struct key *key, uint64_t now)
{
    const unsigned owner = vm_owner_of(w->cfg.owners, &w->egress.snapshot->facts, pkt, key);
    const unsigned worker = owner & ~VM_OWNER_FRAGMENT;
    const bool fragment = owner & VM_OWNER_FRAGMENT;
    if (worker == w->cfg.worker) return !fragment || is_own_fragment(w, pkt, now);
    hand_over(w, worker, pkt, key, fragment ? HANDOVER_FRAGMENT : HANDOVER_OWNED);
    return false;
}

/* Add a packet, whose key is at its place in vm_keys, to a batch. */
static void add_parsed(struct vm_parsed *parsed, unsigned at, const struct pkt *pkt, const struct key *key)
{
    parsed->good |= (uint64_t)(pkt->reason == REASON_NONE) << at;
    parsed->kinds |= key->kind;
}

static void add_plain(struct vm_parsed *parsed, unsigned at, const struct plain *p, struct key *key)
{
    plain_put(p, key);
    parsed->good |= (uint64_t)1 << at;
    parsed->plain |= (uint64_t)1 << at;
    parsed->kinds |= p->kind;
}

static struct known ends_of(const struct plain *p, uint16_t iface)
{
    return (struct known){.addresses = (uint64_t)p->src[0] << 32 | p->dst[0],
                          .ports = (uint32_t)p->src_port << 16 | p->dst_port,
                          .iface = iface,
                          .udp = (p->kind & KIND_UDP) != 0};
}

/* True for an end at this machine that is not noted, because its owner changes when a flow gets its port, or ends. */
static bool is_changing(const struct facts *facts, const struct key *key)
{
    const struct facts_ports *p = &facts->ports;
    return (key->kind & KIND_DST_SELF && facts_gives(p, key->dst_port)) ||
           (key->kind & KIND_SRC_SELF && facts_gives(p, key->src_port));
}

/* Parse the packet, and find its owner. plain: the ends of a plain packet; NULL for any other. True for a packet of
 * this worker. */
static bool deal_unknown(struct worker *w, struct pkt *pkt, const struct known *plain, struct key *key, uint64_t now)
{
    const struct facts *facts = &w->egress.snapshot->facts;
    pkt_parse(pkt, facts, key);
    if (plain) {
        const unsigned owner = vm_owner_or_port(w->cfg.owners, facts, pkt, key);
        const bool noted = owner & VM_OWNER_OF_PORT || !(owner & VM_OWNER_GUEST || is_changing(facts, key));
        if (noted) known_add(w->known, plain, owner);
    }
    return is_own_packet(w, pkt, key, now);
}

/* True if recipes may be lent and borrowed: this worker is not recorded, because a replay of its tape has no other
 * worker that lends; no observer watches, because it would see packets without their flow; and super-packets stay
 * whole, instead of being judged by their pieces. */
static bool trades(const struct worker *w) { return !w->tape && !w->observing.set && !w->cfg.cuts; }

/* Ask the owner to lend a recipe further. */
static void wish(struct worker *w, unsigned owner, const struct plain *p, uint16_t iface)
{
    const struct wish wish = {.plain = *p, .iface = iface, .world = w->egress.snapshot->number};
    (void)ring_put(&w->others[owner]->wishes[w->cfg.worker], &wish);
}

/* Add a packet that leaves by a loan to the batch. */
static void add_lent(struct worker *w, struct vm_parsed *parsed, unsigned at, const struct plain *p,
                     const struct borrowed *b)
{
    struct key *key = &vm_keys(w->vm)[at];
    key->kind = p->kind;
    key->length = p->length;
    w->loans[at] = &b->loan;
    w->counters.borrowed++;
    parsed->good |= (uint64_t)1 << at;
    parsed->lent |= (uint64_t)1 << at;
    parsed->kinds |= p->kind;
}

/* Send a plain packet of another worker by its borrowed recipe, or hand it over. True if it leaves here, as packet
 * `at` of the batch. */
static bool deal_others(struct worker *w, unsigned owner, struct pkt *pkt, const struct plain *p,
                        const struct known *ends, struct vm_parsed *parsed, unsigned at, uint64_t now)
{
    /* The loan for the packet's ends; NULL: such packets are always handed over. */
    struct borrowed *b = ends->udp && trades(w) ? borrowed_of(w->borrowed, ends) : NULL;
    const uint32_t *released = &w->others[owner]->in[w->cfg.worker].taken;
    if (!b || !borrowed_takes(b, w->egress.snapshot->number, now, released, pkt, p)) {
        struct handover *ring = &w->others[owner]->in[w->cfg.worker];
        const bool asks = b && borrowed_asks(b, now);
        note_handed(w, owner, handover_put_plain(ring, pkt, p, w->egress.snapshot->number, asks));
        if (b) borrowed_handed(b, ring->filled);
        return false;
    }
    add_lent(w, parsed, at, p, b);
    if (borrowed_renews(b, now)) wish(w, owner, p, ends->iface);
    return true;
}

/* Fetch a frame's headers some packets before they are read. */
enum { FETCH_AHEAD = 16 };

/* The same as owned_deal, if plain packets need no keys. */
static unsigned deal_plain(struct worker *w, struct pkt *pkts[], unsigned n, struct vm_parsed *parsed, uint64_t now)
{
    struct key *keys = vm_keys(w->vm);
    unsigned own = 0;
    known_by(w->known, w->cfg.owners, w->egress.snapshot->number);
    for (unsigned i = 0; i < n && i < FETCH_AHEAD; i++) __builtin_prefetch(pkts[i]->data);
    for (unsigned i = 0; i < n; i++) {
        if (i + FETCH_AHEAD < n) __builtin_prefetch(pkts[i + FETCH_AHEAD]->data);
        struct plain p;
        struct known ends;
        const bool plain = !(pkts[i]->flags & (PKT_WAY_SAID | PKT_SOURCE_SAID)) && plain_read(pkts[i], &p);
        int owner = -1;
        if (plain) {
            ends = ends_of(&p, pkts[i]->iface);
            owner = known_find(w->known, &ends);
        }
        pkts[own] = pkts[i];
        if (owner == (int)w->cfg.worker) {
            add_plain(parsed, own, &p, &keys[own]);
            own++;
        } else if (owner >= 0) {
            own += deal_others(w, (unsigned)owner, pkts[i], &p, &ends, parsed, own, now);
        } else if (deal_unknown(w, pkts[i], plain ? &ends : NULL, &keys[own], now)) {
            add_parsed(parsed, own, pkts[own], &keys[own]);
            own++;
        }
    }
    return own;
}

static unsigned deal_parsed(struct worker *w, struct pkt *pkts[], unsigned n, struct vm_parsed *parsed, uint64_t now)
{
    struct key *keys = vm_keys(w->vm);
    unsigned own = 0;
    uint32_t kinds;
    pkt_parse_all(pkts, n, &w->egress.snapshot->facts, keys, &kinds);
    for (unsigned i = 0; i < n; i++) {
        if (!is_own_packet(w, pkts[i], &keys[i], now)) continue;
        if (own != i) keys[own] = keys[i];
        pkts[own] = pkts[i];
        add_parsed(parsed, own, pkts[own], &keys[own]);
        own++;
    }
    return own;
}

unsigned owned_deal(struct worker *w, struct pkt *pkts[], unsigned n, struct vm_parsed *parsed, uint64_t now)
{
    const bool plain = owners_by_ends(w->cfg.owners) && vm_reads_plain(w->vm, &w->egress.snapshot->facts);
    *parsed = (struct vm_parsed){.loans = w->loans};
    struct offer o;
    for (unsigned i = 0; i < w->cfg.workers; i++)
        while (i != w->cfg.worker && ring_take(&w->offers[i], &o)) borrowed_take(w->borrowed, &o);
    const unsigned own = plain ? deal_plain(w, pkts, n, parsed, now) : deal_parsed(w, pkts, n, parsed, now);
    publish(w);
    return own;
}

/* Write the handed-over facts into the key, and parse it again if the sender has other facts. */
static void take_key(struct worker *w, struct handed *h, bool plain, unsigned at, struct vm_parsed *parsed)
{
    struct key *key = &vm_keys(w->vm)[at];
    const struct snapshot *world = w->egress.snapshot;
    if (h->world != world->number)
        h->pkt.iface = w->ports[h->pkt.cookie].iface; /* the sender may have another program, too */
    if (plain && h->is_plain) {
        add_plain(parsed, at, &h->plain, key);
        return;
    }
    if (h->world == world->number && h->key)
        *key = *h->key;
    else
        pkt_parse(&h->pkt, &world->facts, key);
    add_parsed(parsed, at, &h->pkt, key);
}

/* Offer the packet's recipe to a worker. world: number of that worker's snapshot. */
static void loan_offer(struct worker *w, unsigned to, const struct plain *p, uint16_t iface, uint64_t world,
                       uint64_t now)
{
    struct offer o = {.ends = ends_of(p, iface), .world = world};
    if (world != w->egress.snapshot->number || !trades(w) || !vm_lend(w->vm, now, p, &o.loan)) return;
    (void)ring_put(&w->others[to]->offers[w->cfg.worker], &o);
}

void owned_lend(struct worker *w, unsigned to, unsigned n, uint64_t now)
{
    struct wish wish;
    for (unsigned i = 0; i < n; i++) {
        const struct handed *h = &w->handed[i];
        if (h->asks) loan_offer(w, to, &h->plain, h->pkt.iface, h->world, now);
    }
    while (ring_take(&w->wishes[to], &wish)) loan_offer(w, to, &wish.plain, wish.iface, wish.world, now);
}

unsigned owned_handed(struct worker *w, unsigned from, struct pkt *own[], unsigned *count, struct vm_parsed *parsed,
                      uint64_t now)
{
    const bool plain = vm_reads_plain(w->vm, &w->egress.snapshot->facts);
    const unsigned n = handover_take(&w->in[from], w->handed, VM_BATCH);
    unsigned all = 0;
    *parsed = (struct vm_parsed){0};
    for (unsigned i = 0; i < n; i++) {
        struct handed *h = &w->handed[i];
        if (h->kind != HANDOVER_OWNED && !is_own_fragment(w, &h->pkt, now)) continue;
        take_key(w, h, plain, all, parsed);
        own[all++] = &h->pkt;
    }
    *count = all;
    return n;
}
