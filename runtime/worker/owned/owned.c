/* Owners by the program's tables (vm/worker/owner.h); those of fragments by the datagram's first fragment (owner.h). */
#include "runtime/worker/owned/owned.h"

#include <errno.h>
#include <stdlib.h>

#include "runtime/worker/owned/known.h"

int owned_init(struct worker *w)
{
    for (unsigned i = 0; i < w->cfg.workers; i++)
        if (i != w->cfg.worker && handover_init(&w->in[i])) return -ENOMEM;
    w->datagrams = datagrams_new(w->cfg.program, w->cfg.seed);
    w->known = aligned_alloc(64, sizeof *w->known);
    if (w->known) *w->known = (struct known_owners){0};
    w->handed = calloc(VM_BATCH, sizeof *w->handed);
    return w->datagrams && w->known && w->handed ? 0 : -ENOMEM;
}

void owned_fini(struct worker *w)
{
    for (unsigned i = 0; i < WORKERS_MOST; i++) handover_fini(&w->in[i]);
    for (unsigned i = 0; i < w->pieces_waiting; i++) pool_put(w->pieces[i].pkt);
    datagrams_free(w->datagrams);
    free(w->known);
    free(w->handed);
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

static void hand_plain(struct worker *w, unsigned to, const struct pkt *pkt, const struct plain *plain)
{
    struct handover *ring = &w->others[to]->in[w->cfg.worker];
    note_handed(w, to, handover_put_plain(ring, pkt, plain, w->egress.snapshot->number));
}

/* Let owners see what they were handed. */
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

static unsigned piece_owner(struct worker *w, struct pkt *pkt, uint64_t now)
{
    return datagram_owner(w->datagrams, w->cfg.owners, &w->egress.snapshot->facts, pkt, now);
}

/* Keep a copy until the owner is known. False: no room. */
static bool keep_piece(struct worker *w, const struct pkt *pkt, uint64_t now)
{
    struct pkt *copy = w->pieces_waiting < PIECES_WAIT_MOST ? pool_copy(w->pool, pkt) : NULL;
    if (!copy) return false;
    w->pieces[w->pieces_waiting++] = (struct piece){copy, now + DATAGRAM_WAIT_NS};
    return true;
}

static bool is_own_piece(struct worker *w, struct pkt *pkt, uint64_t now)
{
    const unsigned owner = piece_owner(w, pkt, now);
    if (owner == VM_OWNER_UNKNOWN) return !keep_piece(w, pkt, now);
    if (owner == w->cfg.worker) return true;
    hand_over(w, owner, pkt, NULL, HANDOVER_OWNED);
    return false;
}

unsigned owned_waited(struct worker *w, struct pkt *own[PIECES_WAIT_MOST], uint64_t now)
{
    const unsigned n = w->pieces_waiting;
    unsigned count = 0;
    w->pieces_waiting = 0;
    for (unsigned i = 0; i < n; i++) {
        const struct piece piece = w->pieces[i];
        const unsigned owner = piece_owner(w, piece.pkt, now);
        if (owner == VM_OWNER_UNKNOWN && now < piece.until_ns) {
            w->pieces[w->pieces_waiting++] = piece;
        } else if (owner == VM_OWNER_UNKNOWN || owner == w->cfg.worker) {
            own[count++] = piece.pkt;
        } else {
            hand_over(w, owner, piece.pkt, NULL, HANDOVER_OWNED);
            pool_put(piece.pkt);
        }
    }
    return count;
}

/* True if the packet is this worker's. Else it was handed over, or waits as a copy. */
static bool is_own(struct worker *w, struct pkt *pkt, const struct key *key, uint64_t now)
{
    const unsigned owner = vm_owner_of(w->cfg.owners, &w->egress.snapshot->facts, pkt, key);
    const unsigned worker = owner & ~VM_OWNER_FRAGMENT;
    const bool piece = owner & VM_OWNER_FRAGMENT;
    if (worker == w->cfg.worker) return !piece || is_own_piece(w, pkt, now);
    hand_over(w, worker, pkt, key, piece ? HANDOVER_PIECE : HANDOVER_OWNED);
    return false;
}

/* Add a packet, whose key stands at its place in vm_keys, to a batch. */
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

/* Parse the packet, and find its owner. plain: the ends of a plain packet; NULL for any other. True for a packet of
 * this worker. */
static bool deal_unknown(struct worker *w, struct pkt *pkt, const struct known *plain, struct key *key, uint64_t now)
{
    const struct facts *facts = &w->egress.snapshot->facts;
    pkt_parse(pkt, facts, key);
    if (plain) known_add(w->known, plain, vm_owner_of(w->cfg.owners, facts, pkt, key));
    return is_own(w, pkt, key, now);
}

/* Fetch a frame's headers some packets before they are read. */
enum { FETCH_AHEAD = 16 };

/* The same as owned_deal where plain packets need no keys. */
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
            hand_plain(w, (unsigned)owner, pkts[i], &p);
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
        if (!is_own(w, pkts[i], &keys[i], now)) continue;
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
    *parsed = (struct vm_parsed){0};
    const unsigned own = plain ? deal_plain(w, pkts, n, parsed, now) : deal_parsed(w, pkts, n, parsed, now);
    publish(w);
    return own;
}

/* Write what was handed over into the key, and parse it anew if the sender has other facts. */
static void take_key(struct worker *w, struct handed *h, bool plain, unsigned at, struct vm_parsed *parsed)
{
    struct key *key = &vm_keys(w->vm)[at];
    const struct snapshot *world = w->egress.snapshot;
    if (h->world != world->number) h->pkt.iface = w->ports[h->pkt.cookie].iface; /* perhaps another program's, too */
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

unsigned owned_handed(struct worker *w, unsigned from, struct pkt *own[], unsigned *count, struct vm_parsed *parsed,
                      uint64_t now)
{
    const bool plain = vm_reads_plain(w->vm, &w->egress.snapshot->facts);
    const unsigned n = handover_take(&w->in[from], w->handed, VM_BATCH);
    unsigned all = 0;
    *parsed = (struct vm_parsed){0};
    for (unsigned i = 0; i < n; i++) {
        struct handed *h = &w->handed[i];
        if (h->kind != HANDOVER_OWNED && !is_own_piece(w, &h->pkt, now)) continue;
        take_key(w, h, plain, all, parsed);
        own[all++] = &h->pkt;
    }
    *count = all;
    return n;
}
