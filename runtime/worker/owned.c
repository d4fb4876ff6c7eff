/* Owners by the program's tables (vm/worker/owner.h); those of fragments by the datagram's first fragment (owner.h). */
#include "runtime/worker/owned.h"

#include <errno.h>

int owned_init(struct worker *w)
{
    for (unsigned i = 0; i < w->cfg.workers; i++)
        if (i != w->cfg.worker && handover_init(&w->in[i])) return -ENOMEM;
    w->datagrams = datagrams_new(w->cfg.program, w->cfg.seed);
    return w->datagrams ? 0 : -ENOMEM;
}

void owned_fini(struct worker *w)
{
    for (unsigned i = 0; i < WORKERS_MOST; i++) handover_fini(&w->in[i]);
    for (unsigned i = 0; i < w->pieces_waiting; i++) pool_put(w->pieces[i].pkt);
    datagrams_free(w->datagrams);
}

/* Copy a packet into the ring of its owner. key: by this worker's snapshot; NULL: not parsed. */
static void hand_over(struct worker *w, unsigned to, const struct pkt *pkt, const struct key *key,
                      enum handover_kind kind)
{
    struct worker *other = w->others[to];
    w->counters.handed++;
    if (!handover_put(&other->in[w->cfg.worker], pkt, key, w->egress.snapshot->number, kind)) {
        w->counters.hand_lost++;
        return;
    }
    w->woken |= 1u << to;
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

unsigned owned_deal(struct worker *w, struct pkt *pkts[], unsigned n, struct vm_parsed *parsed, uint64_t now)
{
    struct key *keys = vm_keys(w->vm);
    unsigned own = 0;
    uint32_t kinds;
    *parsed = (struct vm_parsed){0};
    pkt_parse_all(pkts, n, &w->egress.snapshot->facts, keys, &kinds);
    for (unsigned i = 0; i < n; i++) {
        if (!is_own(w, pkts[i], &keys[i], now)) continue;
        if (own != i) keys[own] = keys[i];
        pkts[own] = pkts[i];
        add_parsed(parsed, own, pkts[own], &keys[own]);
        own++;
    }
    publish(w);
    return own;
}

unsigned owned_handed(struct worker *w, unsigned from, struct pkt *own[], unsigned *count, struct vm_parsed *parsed,
                      uint64_t now)
{
    struct handed *packets[VM_BATCH];
    struct key *keys = vm_keys(w->vm);
    const struct snapshot *world = w->egress.snapshot;
    const unsigned n = handover_take(&w->in[from], packets, VM_BATCH);
    unsigned all = 0;
    *parsed = (struct vm_parsed){0};
    for (unsigned i = 0; i < n; i++) {
        struct pkt *pkt = &packets[i]->pkt;
        if (packets[i]->kind != HANDOVER_OWNED && !is_own_piece(w, pkt, now)) continue;
        keys[all] = packets[i]->key;
        if (packets[i]->world != world->number) { /* the sender may have another program, too */
            pkt->iface = w->ports[pkt->cookie].iface;
            pkt_parse(pkt, &world->facts, &keys[all]);
        }
        add_parsed(parsed, all, pkt, &keys[all]);
        own[all++] = pkt;
    }
    *count = all;
    return n;
}
