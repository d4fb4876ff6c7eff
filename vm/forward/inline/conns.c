/* Numbers, tuples and timeouts of inline connections, see conns.h */
#include "vm/forward/inline/conns_priv.h"

#include <stdlib.h>
#include <string.h>

#include "vm/forward/inline/cut.h"
#include "vm/packet/parse/read.h"
#include "vm/program/swap.h"
#include "vm/verdict.h"

/* Time for which an ended connection keeps its number, because the last segments may come again. */
#define LINGERS_NS UINT64_C(10000000000)
/* The same while its ends may still retransmit: TCP's longest pause (RFC 6298, 2.5). */
#define UNHEARD_NS UINT64_C(120000000000)
enum { USE_LEAST = 1024, USES = 65536 - USE_LEAST, TUPLES_EACH = 2 };

static void take_timeouts(struct inlines *all, const struct program *p)
{
    all->half_open_ns = p->settings->tcp_half_open_ns;
    all->open_ns = p->settings->tcp_established_ns;
}

struct inlines *inlines_new(const struct program *p, uint64_t seed, unsigned worker)
{
    const uint64_t asked = p->settings->proxy_sessions;
    const uint32_t most = asked < INLINE_NUMBERS ? (uint32_t)asked : INLINE_NUMBERS;
    const struct numbered_cfg cfg = {.most = most,
                                     .tuples = TUPLES_EACH,
                                     .behind = true,
                                     .seed = seed,
                                     .bytes = sizeof(struct inline_conn),
                                     .link = offsetof(struct inline_conn, next)};
    struct inlines *all = calloc(1, sizeof *all);
    if (!all) return NULL;
    const bool has_numbers = numbered_init(&all->numbers, &cfg);
    all->at = all->numbers.at;
    all->worker = worker;
    half_open_init(&all->half_open, p->half_open, most);
    all->uses = calloc(most, sizeof *all->uses);
    all->since_ns = calloc(most, sizeof *all->since_ns);
    all->stacks = stacks_new(seed);
    all->cuts = cuts_new();
    all->told = told_new(most);
    all->holds = holds_new();
    take_timeouts(all, p);
    if (has_numbers && all->uses && all->since_ns && all->cuts && all->stacks && all->told && all->holds) return all;
    inlines_free(all);
    return NULL;
}

void inlines_free(struct inlines *all)
{
    if (!all) return;
    for (uint32_t n = 0; n < all->numbers.high; n++) inlines_drop_slots(all, n);
    free(all->slot);
    free(all->uses);
    free(all->since_ns);
    free(all->told);
    holds_free(all->holds);
    stacks_free(all->stacks);
    cuts_free(all->cuts);
    numbered_fini(&all->numbers);
    free(all);
}

size_t inlines_bytes(void)
{
    const struct inlines *one = NULL;
    const size_t slot = sizeof(struct ends) + sizeof(uint64_t) + sizeof *one->numbers.index.words +
                        sizeof *one->numbers.index.tags; /* with the number behind each entry */
    return sizeof *one->at + sizeof *one->numbers.due_s + sizeof *one->uses + sizeof *one->since_ns +
           TOLD_EACH * sizeof(struct inline_told) + TUPLES_EACH * (slot + sizeof(struct inline_tuple));
}

void inlines_share(struct inlines *all, struct inline_share share)
{
    all->share = share;
    if (share.half_open && share.half_open < all->half_open.most) all->half_open.most = share.half_open;
}
void inlines_mark(struct inlines *all, struct inline_marks *marks) { all->marks = marks; }

unsigned inlines_worker(const struct inlines *all) { return all->worker; }

static void mark(const struct inlines *all, const struct ends *t, bool set)
{
    if (all->marks) mark_set(all->marks, mark_of(all->marks, t->low, t->low_port, t->high, t->high_port), set);
}

/* Drop one of a connection's two tuples, if the connection has it. */
static void tuple_drop(struct inlines *all, uint32_t number, unsigned which)
{
    uint32_t *slot = &all->at[number].index[which];
    inline_share_drop(&all->share, number, which);
    if (*slot == KEYED_NONE) return;
    mark(all, keyed_at(&all->numbers.index, *slot), false);
    keyed_drop(&all->numbers.index, *slot);
    *slot = KEYED_NONE;
}

static bool conn_is_over(const struct inline_conn *c)
{
    return (c->over & OVER_FINS) == OVER_FINS || c->over & (OVER_RESET | OVER_WIRE);
}

/* Store one of a connection's tuples for the processes that are left if this one dies. */
static void share(const struct inlines *all, uint32_t number, unsigned which, const struct ends *t)
{
    struct stack_tag tags[STACK_TAGS];
    if (!all->share.all) return;
    struct inline_tuple s = {.a_port = t->low_port, .b_port = t->high_port, .v6 = t->v6 != 0};
    memcpy(s.a, t->low, sizeof s.a);
    memcpy(s.b, t->high, sizeof s.b);
    s.tag_count = (uint8_t)stack_tags(all->stacks, t->stack, tags);
    for (unsigned i = 0; i < s.tag_count; i++) s.tags[i] = (uint32_t)tags[i].tpid << 16 | tags[i].vid;
    inline_share_put(&all->share, number, which, &s);
}

/* True for a spliced connection if an end may still retransmit unacknowledged bytes, in its own numbers. */
static bool is_unheard(const struct inline_conn *c)
{
    return c->state == INLINE_SPLICED && !(c->over & (OVER_RESET | OVER_WIRE)) &&
           !(inline_has_all(&c->side[AT_CLIENT]) && inline_has_all(&c->side[AT_SERVER]));
}

/* Return the time at which the connection times out. */
static uint64_t deadline(const struct inlines *all, const struct inline_conn *c)
{
    if (c->over & OVER_GONE) return 0;
    const uint64_t open_ns = c->state < INLINE_OPEN ? all->half_open_ns : all->open_ns;
    const uint64_t unheard_ns = open_ns < UNHEARD_NS ? open_ns : UNHEARD_NS;
    if (!conn_is_over(c)) return time_after(c->seen_ns, open_ns);
    return time_after(c->seen_ns, is_unheard(c) && unheard_ns > LINGERS_NS ? unheard_ns : LINGERS_NS);
}

uint32_t inlines_due_s(const struct inlines *all, const struct inline_conn *c)
{
    return numbered_second(deadline(all, c));
}

struct inline_conn *inlines_begin(struct inlines *all, const struct key *key, const struct pkt *pkt, uint64_t now_ns,
                                  uint32_t *number)
{
    struct ends t;
    struct place at;
    uint32_t slot;
    const uint16_t stack = stack_take(all->stacks, pkt);
    if (stack == STACK_UNKNOWN) return NULL;
    ends_make(&t, key->src, key->src_port, key->dst, key->dst_port, key->kind & KIND_IP6, stack);
    const bool is_there = numbered_find(&all->numbers, &t, &at) != KEYED_NONE;
    const uint32_t n = is_there ? NUMBER_NONE : numbered_begin(&all->numbers, &t, &at, &slot);
    if (n == NUMBER_NONE) {
        stack_put(all->stacks, stack);
        return NULL;
    }
    struct inline_conn *c = &all->at[n];
    mark(all, &t, true);
    *c = (struct inline_conn){.client_port = key->src_port,
                              .server_port = key->dst_port,
                              .use = (uint16_t)(USE_LEAST + all->uses[n] % USES),
                              .state = INLINE_OPENS,
                              .v6 = (key->kind & KIND_IP6) != 0,
                              .index = {slot, KEYED_NONE},
                              .hold = HOLD_NONE,
                              .seen_ns = now_ns};
    memcpy(c->client, key->src, sizeof c->client);
    memcpy(c->server, key->dst, sizeof c->server);
    c->side[AT_CLIENT].stack = stack;
    share(all, n, 0, &t);
    half_open_add(all, n);
    all->uses[n]++;
    all->since_ns[n] = now_ns;
    all->numbers.due_s[n] = inlines_due_s(all, c);
    *number = n;
    return c;
}

/* Give up everything that a connection has, except its number. */
static void conn_give_up(struct inlines *all, struct inline_conn *c, uint32_t number)
{
    for (unsigned i = 0; i < 2; i++) tuple_drop(all, number, i);
    inlines_drop_slots(all, number);
    stack_put(all->stacks, c->side[AT_CLIENT].stack);
    stack_put(all->stacks, c->side[AT_SERVER].stack);
    if (c->state < INLINE_OPEN) half_open_drop(all, number);
    if (c->hold != HOLD_NONE && hold_at(all->holds, c->hold)->asked)
        inlines_tell_loop(
            all, &(struct inline_told){.kind = INLINE_STAYS, .why = SPLICE_WHY_ENDS, .port = c->use, .number = number});
    cuts_put(all->cuts, c->cut);
    c->cut = 0;
    if (c->hold != HOLD_NONE) hold_end(all->holds, c->hold);
    if (c->state == INLINE_SPLICED && !c->told_over)
        inlines_tell_loop(
            all, &(struct inline_told){.kind = INLINE_OVER, .why = SPLICE_WHY_IDLE, .port = c->use, .number = number});
}

/* Free a number for another connection. */
static void number_give_back(struct inlines *all, struct inline_conn *c, uint32_t number)
{
    c->state = INLINE_FREE;
    numbered_end(&all->numbers, number);
}

void inlines_end(struct inlines *all, uint32_t number)
{
    struct inline_conn *c = inlines_at(all, number);
    if (!c) return;
    conn_give_up(all, c, number);
    number_give_back(all, c, number);
}

void inlines_retire(struct inlines *all, uint32_t number, uint64_t now_ns)
{
    struct inline_conn *c = &all->at[number];
    conn_give_up(all, c, number);
    *c = (struct inline_conn){.state = INLINE_RETIRED,
                              .over = OVER_RESET,
                              .service = PBC_NONE,
                              .index = {KEYED_NONE, KEYED_NONE},
                              .hold = HOLD_NONE,
                              .seen_ns = now_ns};
    all->numbers.due_s[number] = inlines_due_s(all, c);
}

void inlines_carry(struct inlines *all, struct inline_carried *carried) { all->carried = carried; }
struct holds *inlines_holds(struct inlines *all) { return all->holds; }
bool inlines_rest(const struct inlines *all) { return !holds_count(all->holds) && all->told->put == all->told->taken; }

void inlines_spliced(struct inlines *all, uint32_t number, uint64_t now_ns)
{
    all->since_ns[number] = now_ns;
    if (!all->carried) return;
    struct inline_carried *to = &all->carried[number];
    for (unsigned at = 0; at < 2; at++) {
        __atomic_store_n(&to->packets[at], 0, __ATOMIC_RELAXED);
        __atomic_store_n(&to->bytes[at], 0, __ATOMIC_RELAXED);
    }
    __atomic_store_n(&to->seen_ns, now_ns, __ATOMIC_RELAXED);
}

void inlines_add(struct inlines *all, uint32_t number, enum inline_at from, uint64_t packets, uint64_t bytes,
                 uint64_t seen_ns)
{
    if (!all->carried) return;
    struct inline_carried *to = &all->carried[number];
    __atomic_store_n(&to->packets[from], to->packets[from] + packets, __ATOMIC_RELAXED);
    __atomic_store_n(&to->bytes[from], to->bytes[from] + bytes, __ATOMIC_RELAXED);
    if (seen_ns > to->seen_ns) __atomic_store_n(&to->seen_ns, seen_ns, __ATOMIC_RELAXED);
}

void inlines_cut_into(struct inlines *all, uint32_t number, uint64_t now_ns) { all->since_ns[number] = now_ns; }

bool inlines_goes(const struct inlines *all, uint32_t number, struct inline_goes *goes)
{
    const struct inline_conn *c = &all->at[number];
    const enum inline_way open = c->leaves ? INLINE_WAY_LEAVES : INLINE_WAY_SOCKETS;
    *goes = (struct inline_goes){.service = c->service, .since_ns = all->since_ns[number]};
    goes->way = (uint8_t)(c->cut                       ? INLINE_WAY_CUT
                          : c->state == INLINE_SPLICED ? INLINE_WAY_SPLICED
                          : c->state == INLINE_OPEN    ? open
                                                       : INLINE_WAY_OPENS);
    return c->service != PBC_NONE && !inlines_cut_waits(all, c);
}

void inlines_count(struct inlines *all, uint32_t number, enum inline_at from, uint32_t len, uint64_t now_ns)
{
    inlines_add(all, number, from, 1, len, now_ns);
}

void inlines_over(struct inlines *all, uint32_t number)
{
    const struct inline_conn *c = &all->at[number];
    if (c->state == INLINE_FREE || !conn_is_over(c)) return;
    const uint32_t due_s = inlines_due_s(all, c);
    if (due_s < all->numbers.due_s[number]) all->numbers.due_s[number] = due_s;
}

struct inline_conn *inlines_at(struct inlines *all, uint32_t number)
{
    struct inline_conn *c = number < all->numbers.high ? &all->at[number] : NULL;
    return c && c->state != INLINE_FREE && c->state != INLINE_RETIRED ? c : NULL;
}

struct inline_conn *inlines_find(struct inlines *all, const struct key *key, const struct pkt *pkt, uint32_t *number,
                                 enum inline_at *from)
{
    struct ends t;
    struct place at;
    const uint16_t stack = stack_of(all->stacks, pkt);
    if (stack == STACK_UNKNOWN) return NULL;
    ends_make(&t, key->src, key->src_port, key->dst, key->dst_port, key->kind & KIND_IP6, stack);
    const uint32_t slot = numbered_find(&all->numbers, &t, &at);
    if (slot == KEYED_NONE) return NULL;
    *number = numbered_of(&all->numbers, slot);
    struct inline_conn *c = inlines_at(all, *number);
    if (!c) return NULL;
    const bool ours = slot == c->index[1] && !(address_equal(c->from, c->client) && c->from_port == c->client_port);
    if (ours && address_equal(key->src, c->from) && key->src_port == c->from_port) return NULL; /* from prey */
    *from = !ours && address_equal(key->src, c->client) && key->src_port == c->client_port ? AT_CLIENT : AT_SERVER;
    return c;
}

bool inlines_has(const struct inlines *all, const uint32_t a[4], uint16_t a_port, const uint32_t b[4], uint16_t b_port,
                 bool v6)
{
    struct ends t;
    struct place at;
    ends_make(&t, a, a_port, b, b_port, v6, 0);
    return numbered_find(&all->numbers, &t, &at) != KEYED_NONE;
}

bool inlines_also(struct inlines *all, uint32_t number)
{
    struct inline_conn *c = &all->at[number];
    tuple_drop(all, number, 1);
    const uint16_t stack = c->side[AT_SERVER].stack;
    struct ends t;
    struct place at;
    ends_make(&t, c->from, c->from_port, c->to, c->to_port, c->v6, stack);
    const uint32_t slot = numbered_find(&all->numbers, &t, &at);
    if (slot != KEYED_NONE) return numbered_of(&all->numbers, slot) == number;
    c->index[1] = numbered_add(&all->numbers, &t, &at, number);
    if (c->index[1] == KEYED_NONE) return false;
    mark(all, &t, true);
    share(all, number, 1, &t);
    return true;
}

uint16_t inlines_stack(struct inlines *all, const struct stack_tag tags[], unsigned count)
{
    struct pkt tagged = {.link = LINK_ETHER, .tag_count = (uint8_t)count};
    for (unsigned i = 0; i < count && i < 2; i++) {
        tagged.tags[i].tpid = tags[i].tpid;
        tagged.tags[i].tci = tags[i].vid;
    }
    return stack_take(all->stacks, &tagged);
}

void inlines_take_stack(struct inlines *all, uint32_t number, uint16_t stack)
{
    struct inline_side *side = &all->at[number].side[AT_SERVER];
    stack_put(all->stacks, side->stack);
    side->stack = stack;
}

void inlines_original(struct inlines *all, uint32_t number)
{
    struct inline_conn *c = &all->at[number];
    const struct inline_side *client = &c->side[AT_CLIENT];
    tuple_drop(all, number, 1);
    memcpy(c->from, c->client, sizeof c->from);
    c->from_port = c->client_port;
    inlines_take_stack(all, number, client->bridged ? stack_again(all->stacks, client->stack) : 0);
    c->side[AT_SERVER] = (struct inline_side){.mac = c->original_mac,
                                              .iface = c->original_iface,
                                              .stack = c->side[AT_SERVER].stack,
                                              .priorities = client->priorities, /* until the server sends */
                                              .bridged = client->bridged};
}

unsigned inlines_tags(const struct inlines *all, const struct inline_conn *c, enum inline_at at,
                      struct stack_tag tags[STACK_TAGS])
{
    return stack_tags(all->stacks, c->side[at].stack, tags);
}

uint32_t inlines_former(struct inlines *all)
{
    for (uint32_t n = 0; n < all->numbers.high; n++)
        if (inlines_at(all, n)) all->at[n].former = 1;
    return all->numbers.high;
}

bool inlines_tell(struct inlines *all, uint32_t number, struct inline_open *o)
{
    const struct inline_conn *c = inlines_at(all, number);
    struct stack_tag tags[STACK_TAGS];
    if (!c) return false;
    const unsigned count = inlines_tags(all, c, AT_CLIENT, tags);
    *o = (struct inline_open){.number = number,
                              .port = c->use,
                              .iface = c->side[AT_CLIENT].iface,
                              .client_port = c->client_port,
                              .server_port = c->server_port,
                              .vlan = {count ? tags[0].vid : VLAN_UNTAGGED, count > 1 ? tags[1].vid : VLAN_UNTAGGED},
                              .client_mac = c->side[AT_CLIENT].mac,
                              .server_mac = c->original_mac,
                              .service = c->service,
                              .rule = RULE_NONE,
                              .firewall = PBC_NONE,
                              .v6 = c->v6};
    memcpy(o->client, c->client, sizeof o->client);
    memcpy(o->server, c->server, sizeof o->server);
    return true;
}

void inlines_remember(struct inlines *all, bool marked)
{
    for (uint32_t n = 0; n < all->numbers.high; n++) {
        const struct inline_conn *c = inlines_at(all, n);
        for (unsigned i = 0; c && i < 2; i++) {
            if (c->index[i] == KEYED_NONE) continue;
            const struct ends *t = keyed_at(&all->numbers.index, c->index[i]);
            share(all, n, i, t);
            if (!marked) mark(all, t, true);
        }
    }
}

/* Check one number: end its connection, or set the next check. */
static void look_again(struct inlines *all, uint32_t number, uint64_t now_ns, inlines_late_fn *late, void *arg)
{
    struct inline_conn *c = &all->at[number];
    if (c->state == INLINE_RETIRED) {
        number_give_back(all, c, number);
        return;
    }
    inlines_take(all, c, number);
    if (deadline(all, c) <= now_ns) {
        if (conn_is_over(c) && !(c->over & OVER_GONE)) {
            inlines_end(all, number);
            return;
        }
        late(arg, c, number);
        c->over = (uint8_t)((c->over & ~OVER_GONE) | OVER_WIRE);
        c->seen_ns = now_ns;
    }
    all->numbers.due_s[number] = inlines_due_s(all, c);
}

uint64_t inlines_tick(struct inlines *all, uint64_t now_ns, inlines_late_fn *late, void *arg)
{
    struct numbered *numbers = &all->numbers;
    for (uint32_t n, asked = 0; (n = numbered_due(numbers, now_ns, &asked)) != NUMBER_NONE;)
        look_again(all, n, now_ns, late, arg);
    return numbers->live ? time_after(now_ns, numbered_wait_ns(numbers, NUMBERED_LOOKED_AT)) : UINT64_MAX;
}

/* Rename the interface of an end; if the new program has none for it, the MAC address there is unknown, too. */
static void rename_iface(uint16_t *iface, uint64_t *mac, const struct remap *r)
{
    if (*iface >= r->ifaces) return;
    *iface = r->iface[*iface];
    if (*iface == IFACE_NONE) *mac = 0;
}

void inlines_rename(struct inlines *all, const struct remap *r)
{
    const uint32_t *service = r->service;
    take_timeouts(all, r->program);
    for (uint32_t n = 0; n < all->numbers.high; n++) {
        struct inline_conn *c = inlines_at(all, n);
        if (!c) continue;
        inlines_drop_slots(all, n); /* new ones follow, with the numbers of the new program */
        for (unsigned at = 0; at < 2; at++) rename_iface(&c->side[at].iface, &c->side[at].mac, r);
        rename_iface(&c->original_iface, &c->original_mac, r);
        if (c->service == PBC_NONE) continue;
        c->service = service[c->service];
        if (c->service != PBC_NONE || conn_is_over(c)) continue;
        c->over |= OVER_GONE;
        all->numbers.due_s[n] = 1;
    }
}
