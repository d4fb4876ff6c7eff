/* Live sets in the kernel: vm/judge/live/look.c over memory that a process changes meanwhile, and reports of members
 * that rules add, because only a process changes sets. */
#include "vm/kernel/bpf.h"
#include "vm/kernel/events.h"
#include "vm/kernel/loop.bpf.h"

extern uint16_t table_live_tags[];
extern uint64_t table_live_words[], table_live_keys[], table_live_ranges[];
extern const char const_live_slots, const_live_keys, const_live_ranges;

#define TABLE_TAGS      table_live_tags
#define TABLE_WORDS     table_live_words
#define TABLE_KEYS      table_live_keys
#define TABLE_SLOTS     NUMBER(live_slots)
#define TABLE_KEY_WORDS NUMBER(live_keys)
#define TABLE_KEY_MOST  KEYED_KEY_LEAST
#include "vm/kernel/keyed/keyed.bpf.h"

/* Ranges and look-up tables of bases, in one array: an index counts entries of its kind from the array's beginning. */
#define SET_PLACES
typedef uint32_t set4_at, set6_at, lookup_at, macs_at;
enum { RANGE6_WORDS = sizeof(struct pbc_range6) / sizeof(uint64_t) };
#define RANGES         NUMBER(live_ranges)
#define SET4(at)       ((const struct pbc_range *)&table_live_ranges[AT_MOST(at, RANGES - 1)])
#define SET6(at)       ((const struct pbc_range6 *)&table_live_ranges[AT_MOST(at, RANGES / RANGE6_WORDS - 1) * RANGE6_WORDS])
#define LOOKUP(at)     (((const uint32_t *)table_live_ranges)[AT_MOST(at, 2 * RANGES - 1)])
#define MAC(at)        0
#define LOOKUP_NOWHERE 0
#include "vm/judge/live/live_key.h"

#include "vm/kernel/keyed/lives.h"

SECTION(const struct pbc_set, sets);
SECTION(const struct pbc_live, lives);
SECTION(const struct pbc_live_node, live_nodes);
SECTION(const struct pbc_add, adds);
SECTION(const struct pbc_rule, rules);
SECTION(struct kernel_live, live_cells);
extern char map_events;

uint64_t kernel_set(struct kpkt *k NONNULL, uint32_t set, uint32_t dst);

/* ---- the overlay ---- */

/* Return the word of the key's slot; 0: the key is not there. A slot whose word changes meanwhile is read again. */
static __always_inline uint64_t overlay_word(const struct keyed *t, const struct live_key *key, unsigned words,
                                             uint32_t group, uint32_t hits)
{
    TURNS(2 * GROUP)
    for (; LOOP(hits);) {
        const uint32_t slot = group * GROUP + tags_first(hits);
        const uint64_t word = word_read(KEYED_WORD(t, slot));
        /* One bound for all words of a key. With a bound for each word, Linux 6.12 forgets the earlier ones: it
         * applies what it learns of the last index to them. */
        const uint64_t *const held = &TABLE_KEYS[table_within(t->first_key + (uint64_t)slot * words, TABLE_KEY_WORDS)];
        uint64_t differ = !word_held(word);
        for (unsigned i = 0; i < KEY6_WORDS && i < words; i++) differ |= word_read(&held[i]) ^ key->word[i];
        if (word_read(KEYED_WORD(t, slot)) != word) continue;
        if (!differ) return word;
        hits = LOOSE(hits & (hits - 1));
    }
    return 0;
}

static __always_inline uint64_t overlay_find(const struct keyed *t, const struct live_key *key, unsigned words)
{
    const struct place at = place_of(hash_words(&t->hash, key->word, words), t->groups);
    const uint64_t first = overlay_word(t, key, words, at.group[0], tags_like(KEYED_TAGS(t, at.group[0]), at.tag));
    return first ? first : overlay_word(t, key, words, at.group[1], tags_like(KEYED_TAGS(t, at.group[1]), at.tag));
}

/* Return the word of the member of that length that covers the address; 0: none. */
GLOBAL uint64_t kernel_live4(uint32_t live, uint32_t addr, uint32_t len)
{
    const struct live_key key = live_key4(addr, len);
    return overlay_find(&ROW(live_cells, live).table[0], &key, KEY4_WORDS);
}

GLOBAL uint64_t kernel_live6(uint32_t live, const struct wide *addr NONNULL, uint32_t len)
{
    const struct live_key key = live_key6(addr, len);
    return overlay_find(&ROW(live_cells, live).table[1], &key, KEY6_WORDS);
}

/* True if the member has not expired. Its end has 43 bits of milliseconds. */
static inline bool is_held(uint64_t word, uint64_t now_ns) { return word_end(word) * 1000000 > now_ns; }

/* ---- the base ---- */

/* A base as it was at one time. */
struct base_now {
    struct live_shown_base at;
    uint64_t first; /* first word of the base's half */
};

static __always_inline void base_read(const struct kernel_live *l, uint64_t turn, struct base_now *b)
{
    b->at = l->shown.base[turn & 1];
    b->first = l->first_range + (turn & 1 ? l->half_words : 0);
}

static __always_inline bool base_has4(const struct base_now *b, uint32_t addr)
{
    uint32_t first = 0, count = b->at.count4;
    if (b->at.node4) {
        const uint32_t few = walk4((uint32_t)(2 * b->first + b->at.lookup), b->at.node4, addr);
        first = few_first(few), count = few_count(few);
    }
    return among4(LOOSE((uint32_t)(b->first + b->at.first4 + first)), LOOSE(count), addr);
}

static __always_inline bool base_has6(const struct base_now *b, const struct wide *addr)
{
    uint32_t first = 0, count = b->at.count6;
    if (b->at.node6) {
        const uint32_t few = walk6((uint32_t)(2 * b->first + b->at.lookup), b->at.node6, addr);
        first = few_first(few), count = few_count(few);
    }
    return among6(LOOSE((uint32_t)(b->first / RANGE6_WORDS + first)), LOOSE(count), addr);
}

/* Result of a search in a base. AGAIN: the base was replaced meanwhile, so a process may be rewriting the half that
 * was searched. */
enum has { HAS_NOT, HAS, HAS_AGAIN };

static __always_inline uint64_t has_if_still(const struct kernel_live *l, uint64_t turn, bool has)
{
    FORGET(); /* the ranges are read before the turn is read again */
    return word_read(&l->shown.turn) == turn ? (has ? HAS : HAS_NOT) : HAS_AGAIN;
}

GLOBAL uint64_t kernel_base4(uint32_t live, uint32_t addr)
{
    const struct kernel_live *const l = &ROW(live_cells, live);
    const uint64_t turn = word_read(&l->shown.turn);
    struct base_now b;
    base_read(l, turn, &b);
    return has_if_still(l, turn, base_has4(&b, addr));
}

GLOBAL uint64_t kernel_base6(uint32_t live, const struct wide *addr NONNULL)
{
    const struct kernel_live *const l = &ROW(live_cells, live);
    const uint64_t turn = word_read(&l->shown.turn);
    struct base_now b;
    base_read(l, turn, &b);
    return has_if_still(l, turn, base_has6(&b, addr));
}

/* ---- sets that depend on live sets ---- */

static __always_inline void wide_side(const struct kpkt *k, uint32_t dst, struct wide *addr)
{
    if (dst)
        wide_of(k->key.dst, addr);
    else
        wide_of(k->key.src, addr);
}

/* Note a set's result in the form of struct kernel_members. */
static __always_inline void member_note(struct kpkt *k, uint32_t live, bool has)
{
    uint64_t *const asked = &k->members.asked[k->member.dst & 1], *const held = &k->members.held[k->member.dst & 1];
    const uint64_t bit = UINT64_C(1) << (live & 63), is = has ? bit : 0;
    if (*asked & bit) {
        if ((*held & bit) == is) return;
        *asked &= ~bit;
        *held |= bit;
    } else if (!(*held & bit)) {
        *asked |= bit;
        *held |= is;
    }
}

/* Search the base of the current live set, or one length of its overlay. Return 1: no live set is left. */
static __always_inline long member_next(struct kpkt *k)
{
    struct kernel_member *const m = &k->member;
    const struct pbc_set *const s = &ROW(sets, m->set);
    if (!s->live) return 1;
    const struct pbc_live_node *const n = &ROW(live_nodes, s->live - 1);
    const struct wide *const addr = (const struct wide *)m->addr;
    const struct live_shown *const shown = &ROW(live_cells, n->live).shown;
    uint64_t has = HAS_NOT;
    if (m->asks_base) {
        m->turn = word_read(&shown->turn);
        has = m->six ? kernel_base6(n->live, addr) : kernel_base4(n->live, (uint32_t)(addr->hi >> 32));
        m->asks_base = has == HAS_AGAIN;
        m->lengths = word_read(&shown->lengths[m->six & 1]);
        if (has != HAS) return 0;
    } else if (m->lengths) {
        const uint32_t len = first_length(m->lengths);
        m->lengths >>= 8;
        const uint64_t word =
            m->six ? kernel_live6(n->live, addr, len) : kernel_live4(n->live, (uint32_t)(addr->hi >> 32), len);
        if (!is_held(word, k->now_ns)) return 0;
        has = HAS;
    } else if (word_read(&shown->turn) != m->turn) {
        m->asks_base = 1; /* members that left the overlay meanwhile may be in the new base */
        return 0;
    }
    member_note(k, n->live, has == HAS);
    m->set = has == HAS ? n->in : n->out;
    m->asks_base = 1;
    return 0;
}

/* Most turns of a look-up. No path of nodes asks a live set twice, and a base is not replaced so often that a packet
 * would ask it eight times more. */
enum { ASKS_MOST = PBC_LIVES_MAX * (LIVE_LENGTHS_MOST + 2) + 8 };
#ifdef COUNTED
static long member_turn(uint32_t turn, void *at) { return member_next(TURN_OF(struct kpkt, at)); }
static __always_inline void member_find(struct kpkt *k) { EACH_TURN(ASKS_MOST, member_turn, k); }
#else
static __always_inline void member_find(struct kpkt *k)
{
    for (; LOOP(!member_next(k));) {}
}
#endif

/* Do the same as kernel_set for a set that depends on live sets (set_now of vm/judge/sets/set.c). */
GLOBAL uint64_t kernel_live_set(struct kpkt *k NONNULL, uint32_t set, uint32_t dst)
{
    struct kernel_member *const m = &k->member;
    if (!(k->key.kind & KIND_IP)) return 0;
    wide_side(k, dst, (struct wide *)m->addr);
    m->six = (k->key.kind & KIND_IP6) != 0;
    m->dst = dst != 0;
    m->set = set;
    m->asks_base = 1;
    member_find(k);
    return kernel_set(k, m->set, dst);
}

/* ---- members that rules add ---- */

/* True if adding the member would change nothing worth a report: it is there and stays (`once`), or its end would
 * move by less than a 32nd of the rule's time and less than a second. An asking process is always informed. */
static __always_inline bool adds_nothing(const struct kpkt *k, const struct pbc_add *a, uint64_t word)
{
    const uint64_t second = 1000000000, part = a->for_ns / 32, slack = part < second ? part : second;
    if (k->flags & KERNEL_ASKED || !is_held(word, k->now_ns)) return false;
    return a->flags & PBC_ADD_ONCE || is_held(word, k->now_ns + a->for_ns - slack);
}

/* True if the set refuses the member, as far as the kernel knows. False for an asking process, which tests this
 * itself. */
static __always_inline bool is_refused(struct kpkt *k, const struct pbc_add *a, uint32_t len, uint64_t word)
{
    const struct pbc_live *const l = &ROW(lives, a->live);
    const uint32_t dst = a->flags & PBC_ADD_DESTINATION;
    if (k->flags & KERNEL_ASKED) return false;
    if (!word && ROW(live_cells, a->live).shown.shut_ms * 1000000 > k->now_ns) return true;
    if (len != (k->key.kind & KIND_IP6 ? 128 : 32)) return false;
    if (l->in != PBC_NONE && !kernel_set(k, l->in, dst)) return true;
    return l->never != PBC_NONE && kernel_set(k, l->never, dst);
}

/* Notify the process of a member to be added. Half of the ring stays free for other records. Return 1 if the ring
 * has no room, otherwise 0. */
GLOBAL uint64_t kernel_add_tell(struct kpkt *k NONNULL, uint32_t add, uint32_t len)
{
    const struct pbc_add *const a = &ROW(adds, add);
    if (bpf_ringbuf_query(&map_events, BPF_RB_AVAIL_DATA) > KERNEL_EVENTS_BYTES / 2) return 1;
    struct kernel_event_add *const e = bpf_ringbuf_reserve(&map_events, sizeof *e, 0);
    if (!e) return 1;
    e->event = (struct kernel_event){.kind = KERNEL_EVENT_ADD, .program = k->program, .now_ns = k->now_ns};
    for (unsigned i = 0; i < 4; i++) e->addr[i] = a->flags & PBC_ADD_DESTINATION ? k->key.dst[i] : k->key.src[i];
    e->add = add;
    e->len = (uint16_t)len;
    e->v6 = (k->key.kind & KIND_IP6) != 0;
    bpf_ringbuf_submit(e, 0);
    return 0;
}

/* Note a rule's new member, as adds_note does. */
GLOBAL uint64_t kernel_add(struct kpkt *k NONNULL, uint32_t rule)
{
    const uint32_t add = ROW(rules, rule).add - 1;
    const struct pbc_add *const a = &ROW(adds, add);
    if (k->flags & KERNEL_DRY || !(k->key.kind & KIND_IP) || adds_for_forged(&k->key)) return 0;
    struct wide addr;
    wide_side(k, a->flags & PBC_ADD_DESTINATION, &addr);
    const bool six = k->key.kind & KIND_IP6;
    const uint32_t len = six ? a->len6 : a->len4;
    const uint64_t word =
        six ? kernel_live6(a->live, &addr, len) : kernel_live4(a->live, (uint32_t)(addr.hi >> 32), len);
    if (adds_nothing(k, a, word)) return 0;
    if (is_refused(k, a, len, word) || kernel_add_tell(k, add, len))
        (void)__sync_fetch_and_add(&ROW(live_cells, a->live).refused, 1);
    return 0;
}
