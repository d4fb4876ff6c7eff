/* Connections leave the inline stack at random moments of random transfers. Client, server and both sockets are
 * small TCPs (tcp_end.h), the loop between the sockets is played here, and paths lose, repeat and reorder. Whenever
 * a connection leaves, stays or reads on, each end gets the other's data, octet by octet, and nothing that its own
 * connection forbids; a window shrinks by less than a unit; the loop gets its reply in time; no slot is lost. */
#include "tests/unit/vm/inline_wire.h"
#include "tests/unit/vm/tcp_end.h"
#include "vm/flow/spliced.h"

enum { QUEUE = 60, INLINE_MOST = 512, STEPS_MOST = 400000, ANSWER_MS = 215 };

struct way {
    uint8_t bytes[INLINE_MOST][END_FRAME];
    uint16_t len[INLINE_MOST];
    unsigned count, most;
};

enum { CLIENT, SERVER, LISTENER, OWN, ENDS };
/* Paths: from each end, and to each end */
struct run {
    struct wire w;
    struct rng r;
    uint64_t seed;
    struct end end[ENDS];
    struct way from[2], to[2], stack_in, stack_out;
    bool server_first, ordered, loses, damages, gone, frozen, again, spliced, over, half;
    unsigned eager, quiet,
        pace; /* asks, and writes, once in that many turns; writes at most that many octets at once */
    unsigned asks, stays[16], read_ons;
    uint64_t asked_ms;
    uint32_t asked_read[2];
    uint32_t told[2], told_ack[2], total[2];
};

static uint32_t now_ms(const struct run *t) { return (uint32_t)(t->w.s.in.mono_ns / MS); }

static void way_put(struct way *q, const uint8_t *bytes, uint32_t len)
{
    if (q->count == q->most) return; /* lost */
    assert_in_range(len, 1, END_FRAME);
    memcpy(q->bytes[q->count], bytes, len);
    q->len[q->count++] = (uint16_t)len;
}

static void way_drop(struct way *q, unsigned i)
{
    q->count--;
    memmove(q->bytes[i], q->bytes[i + 1], (q->count - i) * sizeof q->bytes[0]);
    memmove(q->len + i, q->len + i + 1, (q->count - i) * sizeof q->len[0]);
}

/* Check the window of a segment that is about to reach an end, while nothing is reordered */
static void check_window(struct run *t, unsigned at, const struct said *s)
{
    const struct end *e = &t->end[at], *socket = &t->end[at == CLIENT ? LISTENER : OWN];
    if (!t->ordered || s->flags & TCP_RST) return;
    const uint32_t shift = s->flags & TCP_SYN || !end_scaled(socket) ? 0 : socket->scale;
    const uint32_t ack = s->flags & TCP_ACK ? s->ack - (e->iss + 1) : 0, edge = ack + (s->window << shift);
    if (s->flags & TCP_SYN && t->told[at]) return;
    if (!(s->flags & TCP_SYN) && !t->told[at]) return; /* an end without a SYN ignores everything else */
    if ((int32_t)(ack - t->told_ack[at]) < 0)
        fail_msg("seed %lu: %s: an older acknowledgement: %u after %u (spliced %d, len %u, frozen %d)", t->seed,
                 e->name, ack, t->told_ack[at], t->spliced, s->len, t->frozen);
    if ((int32_t)(t->told[at] - edge) >= (int32_t)(1u << shift))
        fail_msg("seed %lu: %s: window shrinks from %u to %u (spliced %d)", t->seed, e->name, t->told[at], edge,
                 t->spliced);
    if ((int32_t)(edge - t->told[at]) > 0) t->told[at] = edge;
    t->told_ack[at] = ack;
}

/* Take the packets that the worker sent. */
static void take_sent(struct run *t)
{
    struct sender *s = &t->w.s;
    assert_true(s->tx.count <= s->tx.cap);
    for (unsigned i = 0; i < s->tx.count; i++) {
        const struct tx_entry *e = &s->entries[i];
        const struct pkt *p = e->pkt;
        struct said said;
        const bool sound = said_read(p->data + p->l3, p->head_len - p->l3, &said);
        if (!sound) assert_true(t->damages);
        if (e->kind == TX_INLINE_STACK) {
            way_put(&t->stack_in, p->data + p->l3, p->head_len - p->l3);
            continue;
        }
        assert_int_equal(e->kind, TX_SEND);
        const unsigned at = e->out_if == LEFT ? CLIENT : SERVER;
        if (sound) assert_int_equal(said.sport, at == CLIENT ? 80 : 40000);
        if (sound) check_window(t, at, &said);
        way_put(&t->to[at], p->data + p->l3, p->head_len - p->l3);
    }
    sender_clear(s);
}

static void send(struct run *t, unsigned at, uint8_t flags, uint32_t from, uint32_t n)
{
    uint8_t bytes[END_FRAME];
    struct end *e = &t->end[at];
    if (e->at == END_DEAD) return;
    const uint32_t len = end_write(e, flags, from, n, now_ms(t), bytes);
    way_put(at <= SERVER ? &t->from[at] : &t->stack_out, bytes, len);
}

static void arrives(struct run *t, unsigned port, const uint8_t *bytes, uint32_t len)
{
    packet_view(&packet, bytes, len, len, LINK_ETHER);
    packet.pkt.iface = (uint16_t)port;
    struct pkt *const pkts[] = {&packet.pkt};
    vm_run(t->w.s.vm, &t->w.s.in, pkts, 1, &t->w.s.v, &t->w.s.tx);
    take_sent(t);
}

static void says_inline(struct run *t, const uint8_t *bytes, uint32_t len)
{
    struct pkt view, *pkt;
    pkt_view(&view, bytes, len, len, LINK_RAW, IFACE_NONE);
    pkt = pool_copy(t->w.s.pool, &view);
    assert_non_null(pkt);
    vm_inline_sent(t->w.s.vm, &t->w.s.in, &pkt, 1, &t->w.s.tx);
    bool left = false;
    for (unsigned i = 0; i < t->w.s.tx.count; i++) left |= t->w.s.entries[i].pkt == pkt;
    if (!left) pool_put(pkt);
    take_sent(t);
}

static void hears_inline(struct run *t, const uint8_t *bytes, uint32_t len)
{
    struct said s;
    if (!said_read(bytes, len, &s)) return;
    struct end *e = &t->end[s.dport == INLINE_LISTENS ? LISTENER : OWN];
    if (e->at != END_DEAD) end_hear(e, &s);
    if (e == &t->end[LISTENER] && e->at == END_SYN_GOT) e->as.dport = s.sport;
}

/* Carry one packet one step further. */
static void carry(struct run *t, struct way *q, unsigned at, bool to_end)
{
    uint8_t bytes[END_FRAME];
    const bool inlined = q == &t->stack_in || q == &t->stack_out;
    const unsigned i = t->ordered || inlined ? 0 : rng_below(&t->r, least_of(q->count, 4));
    const uint32_t len = q->len[i];
    struct said s;
    memcpy(bytes, q->bytes[i], len);
    if (inlined || t->ordered || !rng_one_in(&t->r, 12)) way_drop(q, i); /* otherwise it is repeated */
    if (!inlined && t->loses && rng_one_in(&t->r, 10)) return;
    const bool begun = at == SERVER || t->end[CLIENT].at == END_OPEN; /* a damaged SYN would begin another one */
    if (!inlined && !to_end && begun && t->damages && rng_one_in(&t->r, 40))
        bytes[len - 1 - rng_below(&t->r, 20)] ^= 0x10;
    if (q == &t->stack_in) {
        hears_inline(t, bytes, len);
    } else if (q == &t->stack_out) {
        says_inline(t, bytes, len);
    } else if (!to_end) {
        arrives(t, at == CLIENT ? LEFT : RIGHT, bytes, len);
    } else {
        if (said_read(bytes, len, &s)) end_hear(&t->end[at], &s);
    }
}

static void carry_some(struct run *t)
{
    struct way *const all[] = {&t->from[0], &t->from[1], &t->to[0], &t->to[1], &t->stack_in, &t->stack_out};
    const unsigned n = rng_below(&t->r, 6);
    if (all[n]->count) carry(t, all[n], n % 2, n == 2 || n == 3);
}

/* Let an end send something new or old, or just acknowledge. */
static void speak(struct run *t, unsigned at)
{
    struct end *e = &t->end[at];
    struct rng *r = &t->r;
    if (e->at == END_DEAD || e->at == END_LISTENS) return;
    if (e->at == END_SYN_SENT || e->at == END_SYN_GOT) {
        if (rng_one_in(r, 6)) send(t, at, e->at == END_SYN_SENT ? SYN : SYN | ACK, 0, 0);
        return;
    }
    const uint32_t all = e->written + e->closes, most = least_of(e->mss, e->peer_mss) - (e->stamps ? 12 : 0) - 28;
    const uint32_t new = least_of(all, e->allowed) > e->nxt ? least_of(all, e->allowed) - e->nxt : 0;
    const uint32_t out = e->nxt - e->una;
    switch (rng_below(r, 8)) {
    case 0:
        if (out) send(t, at, ACK, e->una, least_of(out, 1 + rng_below(r, most)));
        break;
    case 1:
        if (out) send(t, at, ACK | TCP_PSH, e->nxt - 1 - rng_below(r, out), 1);
        break;
    case 2: send(t, at, ACK, e->nxt, 0); break;
    case 3: /* a probe of a closed window */
        if (e->allowed <= e->nxt && all > e->nxt && at <= SERVER && rng_one_in(r, 4)) {
            const uint32_t nxt = e->nxt;
            send(t, at, ACK, nxt, 1);
            e->nxt = nxt;
        }
        break;
    case 4:
        if (e->owes) send(t, at, ACK, e->nxt, 0);
        break;
    default:
        if (new) send(t, at, ACK | TCP_PSH, e->nxt, least_of(new, 1 + rng_below(r, most)));
        break;
    }
}

/* Let the programs of both ends write, read and close. */
static void use(struct run *t, unsigned at)
{
    struct end *e = &t->end[at];
    struct rng *r = &t->r;
    if (e->at != END_OPEN) return;
    if (rng_one_in(r, t->quiet)) e->written = least_of(t->total[at], e->written + rng_below(r, t->pace));
    if (e->written == t->total[at] && rng_one_in(r, 20)) e->closes = true;
    if (rng_one_in(r, 2)) e->read += rng_below(r, e->got_all - e->read + 1);
}

/* Move octets from one socket to the other, as the loop does. */
static void move(struct run *t, unsigned from, unsigned to)
{
    struct end *a = &t->end[from], *b = &t->end[to];
    const uint32_t data = a->fin && a->got_all > a->fin_at ? a->fin_at : a->got_all;
    const uint32_t there = data - least_of(data, a->read),
                   n = rng_one_in(&t->r, 2) ? there : rng_below(&t->r, there + 1);
    a->read += n;
    b->written += n;
    if (a->fin && a->got_all > a->fin_at && a->read == a->fin_at) b->closes = true;
}

static void ask_to_leave(struct run *t)
{
    const struct end *l = &t->end[LISTENER], *o = &t->end[OWN];
    const struct inline_ask a = {
        .kind = INLINE_LEAVE, .port = 1024, .of.moved = {{l->read, o->read}, {l->written, o->written}}};
    t->frozen = true;
    t->asks++;
    t->asked_read[0] = l->read;
    t->asked_read[1] = o->read;
    t->asked_ms = now_ms(t);
    vm_inline_ask(t->w.s.vm, &t->w.s.in, &a, &t->w.s.tx);
    take_sent(t);
}

static void kill_socket(struct run *t, unsigned at)
{
    send(t, at, RST | ACK, t->end[at].nxt, 0);
    t->end[at].at = END_DEAD;
}

static void hear_told(struct run *t)
{
    struct inline_told told;
    if (!vm_inline_told(t->w.s.vm, &told)) {
        if (t->frozen && now_ms(t) - t->asked_ms > ANSWER_MS) fail_msg("seed %lu: no answer", t->seed);
        return;
    }
    /* Both FINs were seen long ago, and the worker has forgotten the connection */
    t->gone = told.kind == INLINE_OVER && told.why == SPLICE_WHY_GONE && !t->spliced;
    if (t->gone) return;
    if (told.kind == INLINE_OVER) {
        assert_int_equal(told.why, SPLICE_WHY_DONE);
        assert_true(t->spliced && !t->over);
        t->over = true;
        return;
    }
    if (told.kind == INLINE_HALF) {
        assert_true(t->spliced && !t->over && !t->half);
        t->half = true;
        return;
    }
    assert_true(t->frozen);
    t->frozen = false;
    t->again = told.kind == INLINE_READ_ON;
    if (told.kind == INLINE_STAYS) t->stays[told.why]++;
    if (told.kind == INLINE_READ_ON) t->read_ons++;
    if (told.kind != INLINE_LEFT) return;
    t->spliced = true;
    kill_socket(t, LISTENER);
    kill_socket(t, OWN);
}

static void loop(struct run *t)
{
    struct end *l = &t->end[LISTENER], *o = &t->end[OWN];
    if (t->spliced) return;
    if (l->at == END_OPEN && o->at == END_LISTENS) {
        o->at = END_SYN_SENT;
        o->written = o->out.ahead;
        send(t, OWN, SYN, 0, 0);
    }
    if (rng_one_in(&t->r, 2)) hear_told(t);
    if (t->frozen || t->spliced) return;
    if (o->at != END_OPEN) return;
    move(t, LISTENER, OWN);
    move(t, OWN, LISTENER);
    const bool more = l->read != t->asked_read[0] || o->read != t->asked_read[1];
    if (t->again && now_ms(t) - t->asked_ms > 2 * ANSWER_MS) t->again = false;
    if (t->again && !more) return; /* data that the worker has seen is on its way to the socket */
    const unsigned once = l->fin || o->fin ? 200 : t->again ? 1 : t->eager;
    if (rng_one_in(&t->r, once)) ask_to_leave(t);
}

static void go_by(struct run *t)
{
    t->w.s.in.mono_ns += rng_below(&t->r, 3) * MS;
    vm_tick(t->w.s.vm, &t->w.s.in, &t->w.s.tx);
    take_sent(t);
}

static void draw_end(struct run *t, unsigned at, const char *name, const struct frame *as)
{
    struct end *e = &t->end[at];
    struct rng *r = &t->r;
    const bool far = at <= SERVER;
    *e = (struct end){.name = name, .as = *as};
    e->iss = rng_one_in(r, 3) ? (uint32_t)0 - rng_below(r, END_STREAM) : (uint32_t)rng_next(r);
    e->clock = rng_one_in(r, 3) ? (uint32_t)0 - 1000000 - rng_below(r, 100) : (uint32_t)rng_next(r);
    e->mss = (uint16_t)(far ? 100 + rng_below(r, END_MSS - 100) : END_MSS);
    e->scale = rng_one_in(r, 5) ? END_UNSCALED : (uint8_t)rng_below(r, rng_one_in(r, 3) ? 15 : 6);
    if (!far) e->scale = (uint8_t)rng_below(r, rng_one_in(r, 4) ? 15 : 5);
    e->stamps = !far || !rng_one_in(r, 3);
    e->sack = !far || !rng_one_in(r, 3);
    e->buffer = far ? 300 + rng_below(r, rng_one_in(r, 2) ? 3000 : 60000) : 200 + rng_below(r, 2500);
    if (e->scale != END_UNSCALED) e->buffer += 1u << e->scale;
}

static void begin(struct run *t, uint64_t seed)
{
    static struct pbc_proxy leaves;
    memset(t, 0, sizeof *t);
    t->seed = seed;
    t->r.state = seed;
    t->server_first = rng_one_in(&t->r, 2);
    t->ordered = rng_one_in(&t->r, 2);
    t->loses = rng_one_in(&t->r, 2);
    t->eager = 3 + rng_below(&t->r, 60);
    t->quiet = 3 + rng_below(&t->r, 60);
    t->pace = 10 + 8 * t->quiet + rng_below(&t->r, rng_one_in(&t->r, 2) ? 60 : 800);
    t->damages = t->loses && rng_one_in(&t->r, 2);
    wire_init(&t->w, t->server_first ? SERVER_FIRST : BYTES_FIRST, rng_one_in(&t->r, 2), 0);
    leaves = t->w.s.program->proxies[0];
    leaves.flags |= PBC_PROXY_LEAVES;
    t->w.s.program->proxies = &leaves;
    t->w.s.tx.cap = rng_one_in(&t->r, 2) ? 20 + rng_below(&t->r, 20) : SENDER_ENTRIES;
    draw_end(t, CLIENT, "client", &t->w.client);
    draw_end(t, SERVER, "server", &t->w.server);
    const struct frame inlined = made(&t->w.client, INLINE_NONE, INLINE_CLIENT, 0, 1024);
    const struct frame own = made(&t->w.client, INLINE_OWN, INLINE_SERVER, 0, 5555);
    draw_end(t, LISTENER, "listener", &inlined);
    draw_end(t, OWN, "own", &own);
    const unsigned ahead = rng_one_in(&t->r, 2) ? END_PROXY : 0;
    t->end[CLIENT].out = t->end[LISTENER].in = (struct stream){0, 0};
    t->end[OWN].out = t->end[SERVER].in = (struct stream){0, ahead};
    t->end[SERVER].out = t->end[OWN].in = t->end[LISTENER].out = t->end[CLIENT].in = (struct stream){1, 0};
    for (unsigned at = 0; at < 2; at++) {
        const struct end *socket = &t->end[at == CLIENT ? OWN : LISTENER];
        t->end[at].slack = 1u << socket->scale;
        t->total[at] = rng_below(&t->r, END_STREAM - END_PROXY - 1);
        t->from[at].most = t->to[at].most = QUEUE;
    }
    t->stack_in.most = t->stack_out.most = INLINE_MOST;
    t->end[CLIENT].at = END_SYN_SENT;
    send(t, CLIENT, SYN, 0, 0);
}

static void check_end(const struct run *t)
{
    const unsigned ahead = t->end[OWN].out.ahead;
    assert_int_equal(t->end[SERVER].fin_at, t->total[CLIENT] + ahead);
    assert_int_equal(t->end[CLIENT].fin_at, t->total[SERVER]);
    if (t->ordered && !t->loses)
        for (unsigned at = 0; at < ENDS; at++)
            if (t->end[at].stale) fail_msg("seed %lu: %s: old timestamps", t->seed, t->end[at].name);
}

struct sums {
    unsigned left, over, stays[16], read_ons, asks;
};

/* Run one connection, from its first SYN to both FINs. */
static void converse(uint64_t seed, struct sums *all)
{
    static struct run t;
    begin(&t, seed);
    if (getenv("SEEDS")) print_message("# seed %lu\n", seed);
    for (unsigned step = 0; !t.gone && (!end_done(&t.end[CLIENT]) || !end_done(&t.end[SERVER])); step++) {
        if (step > STEPS_MOST)
            fail_msg("seed %lu: they stand still: client %u of %u, server %u of %u, spliced %d frozen %d", seed,
                     t.end[SERVER].got_all, t.total[CLIENT], t.end[CLIENT].got_all, t.total[SERVER], t.spliced,
                     t.frozen);
        switch (rng_below(&t.r, 8)) {
        case 0: speak(&t, rng_below(&t.r, ENDS)); break;
        case 1: use(&t, rng_below(&t.r, 2)); break;
        case 2: loop(&t); break;
        case 3: go_by(&t); break;
        default: carry_some(&t); break;
        }
    }
    hear_told(&t);
    if (!t.gone) check_end(&t);
    all->left += t.spliced;
    all->over += t.over;
    all->asks += t.asks;
    all->read_ons += t.read_ons;
    for (unsigned i = 0; i < 16; i++) all->stays[i] += t.stays[i];
    wire_fini(&t.w);
}

static void conversations(void **state)
{
    (void)state;
    const char *longer = getenv("LONG");
    const uint64_t seeds = longer && *longer ? 50000 : 500;
    struct sums all = {0};
    for (uint64_t seed = 1; seed <= seeds; seed++) converse(seed, &all);
    print_message("# of %lu: %u left, %u over; %u asks, %u read on; stays:", seeds, all.left, all.over, all.asks,
                  all.read_ons);
    for (unsigned i = 0; i < 16; i++) print_message(" %u", all.stays[i]);
    print_message("\n");
    assert_true(all.left > seeds / 4);
    assert_true(all.read_ons && all.stays[SPLICE_WHY_LATE] && all.stays[SPLICE_WHY_ENDS]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(conversations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
