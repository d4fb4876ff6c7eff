/* First bytes of observed connections: the names they give, and the branch that they lead to.
 *
 * Bytes are in the halves' windows from offset 0 on until both are read. A connection whose first segment has all
 * that is asked, as in most, needs nothing else; others have their progress in a chunk, and are in a list of their
 * service, in the order of their deadlines. */
#include <string.h>

#include "vm/judge/decide.h"
#include "vm/observe/choose.h"
#include "vm/observe/observers_priv.h"

enum { TLS_HANDSHAKE = 0x16, STATUS_LEN = 12 /* length of `HTTP/1.1 200` */, ENDED_A_TICK = 128 };

static_assert(sizeof(struct opening) <= CHUNK_BYTES, "in a chunk");

static struct opening *opening_of(const struct observers *o, const struct conn *c)
{
    return (struct opening *)(void *)chunk_at(&o->chunks, c->opening)->bytes;
}

/* Put a connection that has its chunk at the end of its service's list. */
static void list_append(struct observers *o, struct conn *c)
{
    uint32_t *list = &o->opens[2 * (size_t)c->observe];
    const uint32_t place = conn_place(o, c);
    struct opening *op = opening_of(o, c);
    op->earlier = list[1];
    op->later = NUMBER_NONE;
    if (list[1] != NUMBER_NONE)
        opening_of(o, &o->conns.at[list[1]])->later = place;
    else
        list[0] = place;
    list[1] = place;
}

/* Begin to wait for first bytes. False: no chunk is left. */
static bool list_add(struct observers *o, struct conn *c)
{
    const uint64_t first_ns = o->p->observes[c->observe].first_ns;
    c->opening = chunk_take(&o->chunks);
    if (c->opening == CHUNK_NONE) return false;
    *opening_of(o, c) =
        (struct opening){.deadline_ns = time_after(o->now_ns, first_ns ? first_ns : o->limits.first_ns)};
    list_append(o, c);
    return true;
}

void opening_move(struct observers *o, uint32_t first)
{
    for (uint32_t n = first, later; n != NUMBER_NONE; n = later) {
        struct conn *c = &o->conns.at[n];
        later = opening_of(o, c)->later;
        list_append(o, c);
    }
}

void opening_archive(struct observers *o, uint32_t service, struct archive *a)
{
    uint32_t n = a->reads ? NUMBER_NONE : o->opens[2 * (size_t)service];
    while (!a->bad) {
        ARCHIVE(a, n);
        if (a->bad || n == NUMBER_NONE) return;
        if (!archive_sound(a, n < o->conns.numbers.high)) return;
        struct conn *c = &o->conns.at[n];
        const bool fits = conn_lives(c) && c->observe == service && c->does != PBC_IGNORE && !(c->flags & CONN_OVER);
        if (!archive_sound(a, fits && c->opening == CHUNK_NONE)) return;
        if (a->reads && !archive_sound(a, list_add(o, c))) return;
        struct opening *op = opening_of(o, c);
        ARCHIVE(a, op->deadline_ns);
        ARCHIVE(a, op->held_from);
        if (!a->reads) n = op->later;
    }
}

static void list_drop(struct observers *o, struct conn *c)
{
    if (c->opening == CHUNK_NONE) return;
    uint32_t *list = &o->opens[2 * (size_t)c->observe];
    const struct opening *op = opening_of(o, c);
    *(op->earlier == NUMBER_NONE ? &list[0] : &opening_of(o, &o->conns.at[op->earlier])->later) = op->later;
    *(op->later == NUMBER_NONE ? &list[1] : &opening_of(o, &o->conns.at[op->later])->earlier) = op->earlier;
    chunk_put(&o->chunks, c->opening);
    c->opening = CHUNK_NONE;
}

/* Return the half's bytes from offset 0 on in one chunk, at most `most`. */
static const uint8_t *half_gather(const struct observers *o, const struct conn *c, enum observe_half side,
                                  uint32_t most, uint32_t *n)
{
    const struct half *h = &c->half[side];
    const struct window w = half_window(h);
    const uint32_t all = h->next < most ? (uint32_t)h->next : most;
    uint8_t *scratch = o->scratch + (size_t)side * STREAM_MAX;
    uint32_t some;
    *n = 0;
    if (w.low) return scratch;
    const uint8_t *bytes = window_run(&w, &o->chunks, 0, &some);
    if (some >= all) {
        *n = all;
        return all ? bytes : scratch;
    }
    while (*n < all && (bytes = window_run(&w, &o->chunks, *n, &some))) {
        if (some > all - *n) some = all - *n;
        memcpy(scratch + *n, bytes, some);
        *n += some;
    }
    return scratch;
}

/* Return the items to read from these bytes: those that branches ask for, and, for the client, those with names. */
static uint32_t wants_of(uint32_t wants, enum observe_half side, const uint8_t *bytes, uint32_t n)
{
    if (side == OBSERVE_SERVER || !n) return wants;
    if (bytes[0] == TLS_HANDSHAKE) return (wants | FIRST_TLS) & ~(uint32_t)FIRST_HTTP;
    if (bytes[0] == 'P') return wants | FIRST_TLS | FIRST_HTTP; /* P begins POST, or the preface of HTTP/2 */
    return (wants | FIRST_HTTP) & ~(uint32_t)FIRST_TLS;
}

/* Treat unknown items as absent, because no more bytes are read. */
static void first_settle(struct first *f, bool ended)
{
    uint8_t *const known[] = {&f->tls, &f->http, &f->instruction, &f->proxy};
    for (unsigned i = 0; i < sizeof known / sizeof *known; i++)
        if (*known[i] == FIRST_NOT_YET) *known[i] = FIRST_ABSENT;
    f->ended |= ended;
}

/* Read the status of a response. True: its bytes may still come. */
static bool read_status(struct conn *c, const uint8_t *bytes, uint32_t n)
{
    static const char begin[] = "HTTP/1.";
    const uint32_t some = n < sizeof begin - 1 ? n : (uint32_t)sizeof begin - 1;
    if (memcmp(bytes, begin, some) != 0) return false;
    if (n < STATUS_LEN) return true;
    unsigned status = 0;
    for (unsigned i = STATUS_LEN - 3; i < STATUS_LEN; i++) {
        if (bytes[i] < '0' || bytes[i] > '9') return false;
        status = 10 * status + (unsigned)(bytes[i] - '0');
    }
    c->status = (uint16_t)status;
    return false;
}

/* Read a half into o->first. True: the choice waits for more of its bytes. */
static bool read_half(struct observers *o, struct conn *c, enum observe_half side, struct first_at *at, bool final)
{
    const struct half *h = &c->half[side];
    const bool closed = h->flags & HALF_FIN && h->next_seq == h->fin_seq;
    struct first_asked asked = {.limit = o->limits.first_bytes,
                                .end = final    ? FIRST_LATE
                                       : closed ? FIRST_CLOSED
                                                : FIRST_OPEN};
    uint32_t n;
    const uint8_t *bytes = half_gather(o, c, side, asked.limit, &n);
    asked.wants = wants_of(o->p->observes[c->observe].wants[side], side, bytes, n);
    const enum stream_read said = first_read(&o->first[side], at, bytes, n, &asked);
    const bool ends = asked.end != FIRST_OPEN || n >= asked.limit;
    if (said == READ_BAD || ends) first_settle(&o->first[side], ends);
    bool more = said == READ_MORE || (said == READ_BAD && asked.wants >> FIRST_BYTES_SHIFT > n);
    if (side == OBSERVE_SERVER && !c->status) more |= read_status(c, bytes, n);
    return (more || !n) && !ends;
}

static void keep_names(struct observers *o, struct conn *c)
{
    const struct first *f = &o->first[OBSERVE_CLIENT];
    struct view v;
    if (f->tls == FIRST_KNOWN) {
        session_name(o, c, NAME_SNI, f->sni);
        session_name(o, c, NAME_ALPN, f->alpn);
    }
    if (f->http != FIRST_KNOWN) return;
    if (first_host(f, &v) == FIRST_KNOWN) session_name(o, c, NAME_HOST, v);
    if (first_method(f, &v) == FIRST_KNOWN) session_name(o, c, NAME_METHOD, v);
    if (first_path(f, &v) == FIRST_KNOWN) session_name(o, c, NAME_PATH, v);
}

/* Continue reading a half that is not read yet. */
static bool read_on(struct observers *o, struct conn *c, enum observe_half side, bool final)
{
    struct first_at fresh = {.http = {0}};
    struct first_at *at = c->opening == CHUNK_NONE ? &fresh : &opening_of(o, c)->at[side];
    if (read_half(o, c, side, at, final)) return true;
    c->half[side].flags |= HALF_READ;
    if (side == OBSERVE_CLIENT) keep_names(o, c);
    return false;
}

/* Carry out the branch's action. */
static void take_choice(struct observers *o, struct conn *c, uint32_t choice)
{
    c->choice = choice;
    c->does = (uint8_t)o->p->choices[choice].does;
    /* A connection whose beginning was not seen may be anything */
    if (c->flags & CONN_MIDSTREAM && pbc_does_hold(c->does)) {
        COUNT(o, c, hold_unseen, 1);
        c->does = PBC_PASS;
    }
    session_say(o, c, OBSERVE_CHOSEN);
    holding_decided(o, c);
    for (unsigned side = 0; side < OBSERVE_HALVES; side++) {
        if (c->does == PBC_STREAM) half_tell_kept(o, c, side);
        if (c->does != PBC_IGNORE) continue;
        c->half[side].flags |= HALF_READ;
        half_clear(o, c, side);
        c->half[side].ahead = 0;
    }
}

/* Return the connection's key, for conditions. */
static struct key conn_key(const struct observers *o, const struct conn *c)
{
    struct observe_ends e;
    session_ends(o, c, &e);
    return stream_key(e.family, e.client, e.client_port, e.server, e.server_port, c->flags & CONN_FROM_SELF,
                      c->flags & CONN_TO_SELF, o->schedules);
}

/* Choose a branch by o->first. */
static void opening_choose(struct observers *o, struct conn *c, bool final)
{
    const struct pbc_observe *service = &o->p->observes[c->observe];
    const struct first *const halves[] = {&o->first[OBSERVE_CLIENT], &o->first[OBSERVE_SERVER]};
    const struct key key = conn_key(o, c);
    uint32_t choice = observe_choose(o->p, c->observe, &key, halves);
    if (choice == OBSERVE_MORE && final) choice = service->choices + service->choice_count - 1;
    if (choice != OBSERVE_MORE) take_choice(o, c, choice);
}

static bool is_undecided(const struct conn *c) { return c->does == PBC_DOES; }

/* Read a half once more, because o->first has the facts of another connection by now. */
static void read_again(struct observers *o, struct conn *c, enum observe_half side, bool final)
{
    struct first_at fresh = {.http = {0}};
    read_half(o, c, side, &fresh, final);
}

bool opening_hangs(struct observers *o, struct conn *c)
{
    const struct first *const halves[] = {&o->first[OBSERVE_CLIENT], &o->first[OBSERVE_SERVER]};
    if (!is_undecided(c)) return false;
    for (unsigned side = 0; side < OBSERVE_HALVES; side++) read_again(o, c, side, false);
    const struct key key = conn_key(o, c);
    return observe_hangs(o->p, c->observe, &key, halves);
}

bool opening_wait(struct observers *o, struct conn *c) { return c->opening != CHUNK_NONE || list_add(o, c); }

uint32_t opening_held_from(const struct observers *o, const struct conn *c)
{
    return c->opening == CHUNK_NONE ? c->half[OBSERVE_CLIENT].next_seq : opening_of(o, c)->held_from;
}

void opening_hold_from(struct observers *o, struct conn *c, uint32_t seq) { opening_of(o, c)->held_from = seq; }

void opening_begin(struct observers *o, struct conn *c)
{
    const struct pbc_observe *service = &o->p->observes[c->observe];
    c->does = PBC_DOES;
    if (service->choice_count == 1) {
        take_choice(o, c, service->choices);
        return;
    }
    for (unsigned side = 0; side < OBSERVE_HALVES; side++) read_again(o, c, side, false);
    opening_choose(o, c, false);
}

void opening_read(struct observers *o, struct conn *c, enum observe_half side)
{
    const bool reads = !(c->half[side].flags & HALF_READ);
    if (!reads && !is_undecided(c)) return;
    bool more = false;
    if (reads)
        more = read_on(o, c, side, false);
    else
        read_again(o, c, side, false);
    if (is_undecided(c)) {
        read_again(o, c, !side, false);
        opening_choose(o, c, false);
    }
    if (!is_undecided(c) && (!more || c->does == PBC_IGNORE)) {
        list_drop(o, c);
    } else if (c->opening == CHUNK_NONE && !list_add(o, c)) {
        COUNT(o, c, first_short, 1);
        opening_end(o, c);
    }
}

void opening_end(struct observers *o, struct conn *c)
{
    for (unsigned side = 0; side < OBSERVE_HALVES; side++) {
        if (!(c->half[side].flags & HALF_READ))
            read_on(o, c, side, true);
        else if (is_undecided(c))
            read_again(o, c, side, true);
    }
    if (is_undecided(c)) opening_choose(o, c, true);
    list_drop(o, c);
}

uint64_t opening_tick(struct observers *o)
{
    uint64_t next = UINT64_MAX;
    for (uint32_t i = 0; i < o->p->observes_count; i++) {
        for (unsigned done = 0; o->opens[2 * (size_t)i] != NUMBER_NONE; done++) {
            struct conn *c = &o->conns.at[o->opens[2 * (size_t)i]];
            const uint64_t deadline = opening_of(o, c)->deadline_ns;
            if (deadline > o->now_ns || done == ENDED_A_TICK) {
                next = time_sooner(next, deadline > o->now_ns ? deadline : o->now_ns);
                break;
            }
            if (c->held && is_undecided(c)) COUNT(o, c, hold_late, 1);
            opening_end(o, c);
            for (unsigned side = 0; side < OBSERVE_HALVES; side++) half_trim(o, c, side);
        }
    }
    return next;
}
