/* Connections that are cut into (`-> proxy inline` in `mode observe`): each step, with the inline stack played here;
 * the packets that each end gets, and what ends a cut early. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/vm/inline_wire.h"
#include "vm/packet/parse/read.h"

#define RULES                                                                                                          \
    "firewall f default accept {}\n"                                                                                   \
    "service ssh on any tcp/any { mode observe; when bytes payload at 0 is x\"535348\" -> proxy inline }\n"
#define MS UINT64_C(1000000)

/* Options in the SYNs of both ends and both sockets */
struct offers {
    bool stamps[2], sockets_stamp, sack;
    int scale[2]; /* negative: no option */
    unsigned sockets_scale;
};
static const struct offers bare = {.scale = {-1, -1}};
static const struct offers full = {
    .stamps = {true, true}, .sockets_stamp = true, .sack = true, .scale = {7, 9}, .sockets_scale = 3};

enum { CLIENT_STAMP = 70000, SERVER_STAMP = 80000, LISTENER_STAMP = 500, OWN_STAMP = 600 };

static unsigned stamp_option(char *at, uint32_t stamp, uint32_t echo)
{
    memcpy(at, "\1\1\10\12", 4);
    frame_word((uint8_t *)at + 4, stamp, 4);
    frame_word((uint8_t *)at + 8, echo, 4);
    return 12;
}

/* Add timestamps to a frame; `at` holds the option. */
static struct frame stamped(const struct frame *f, char at[12], uint32_t stamp, uint32_t echo)
{
    struct frame out = *f;
    out.options = at;
    out.options_len = stamp_option(at, stamp, echo);
    return out;
}

static struct frame syn_of(const struct frame *f, char at[24], uint16_t mss, int scale, bool sack, bool stamps,
                           uint32_t stamp)
{
    struct frame out = *f;
    unsigned n = 0;
    out.mss = mss;
    if (scale >= 0) {
        memcpy(at, "\1\3\3", 3);
        at[3] = (char)scale;
        n = 4;
    }
    if (sack) {
        memcpy(at + n, "\1\1\4\2", 4);
        n += 4;
    }
    if (stamps) n += stamp_option(at + n, stamp, 0);
    out.options = at;
    out.options_len = n;
    return out;
}

static uint64_t not_cut(const struct wire *w)
{
    const struct observe_counters *o = vm_counters(w->s.vm)->observed;
    return o->cut_ends + o->cut_unknown + o->cut_late + o->cut_sockets + o->cut_busy + o->cut_room;
}

static const struct observe_counters *observed(const struct wire *w) { return vm_counters(w->s.vm)->observed; }

static void open_observed(struct wire *w, const struct offers *o)
{
    char at[24];
    struct frame f = with(&w->client, SYN, CLIENT_SEQ, 0, NULL);
    f = syn_of(&f, at, 1300, o->scale[0], o->sack, o->stamps[0], CLIENT_STAMP);
    comes(w, &f, LEFT);
    assert_int_equal(w->s.v.action, ACTION_ACCEPT);
    f = with(&w->server, SYN | ACK, SERVER_SEQ, CLIENT_SEQ + 1, NULL);
    f = syn_of(&f, at, 1200, o->scale[1], o->sack, o->stamps[1], SERVER_STAMP);
    comes(w, &f, RIGHT);
    assert_int_equal(w->s.v.action, ACTION_ACCEPT);
    f = with(&w->client, ACK, CLIENT_SEQ + 1, SERVER_SEQ + 1, NULL);
    if (o->stamps[0] && o->stamps[1]) f = stamped(&f, at, CLIENT_STAMP, SERVER_STAMP);
    comes(w, &f, LEFT);
    nothing_left(w);
}

static void begin_observed(struct wire *w, bool v6, int tags, const struct offers *o)
{
    wire_init(w, RULES, v6, tags);
    open_observed(w, o);
}

static bool both_stamp(const struct offers *o) { return o->stamps[0] && o->stamps[1]; }
static bool both_scale(const struct offers *o) { return o->scale[0] >= 0 && o->scale[1] >= 0; }

/* Set the sockets of the first connection that is cut into. */
static void speaks_with(struct wire *w)
{
    w->listener = made(&w->client, INLINE_NONE, INLINE_CLIENT, 0, 1024);
    w->own = made(&w->client, INLINE_OWN, INLINE_SERVER, 0, w->own_port);
    w->listener.ttl = w->own.ttl = 64;
    w->listener.tos = w->own.tos = 0;
}

/* Send the client's deciding data: it is held, and the inline stack gets the SYN of a client with its next number. */
static struct frame decided_by(struct wire *w, const struct offers *o, char at[12])
{
    struct frame f = with(&w->client, ACK, CLIENT_SEQ + 1, SERVER_SEQ + 1, "SSH-");
    if (both_stamp(o)) f = stamped(&f, at, CLIENT_STAMP, SERVER_STAMP);
    comes(w, &f, LEFT);
    assert_int_equal(w->s.v.action, ACTION_HELD);
    assert_int_equal(w->s.tx.count, 1);
    const struct tcp_segment s = built(w, 0, TX_INLINE_STACK);
    assert_int_equal(w->s.entries[0].cause, TX_CAUSE_INLINE);
    assert_int_equal(w->s.entries[0].cookie, 0);
    assert_int_equal(s.flags, SYN);
    assert_int_equal(s.seq, CLIENT_SEQ);
    struct tcp_syn_options said;
    tcp_syn_options_read(w->s.entries[0].pkt, &said);
    assert_int_equal(said.mss, 1300);
    assert_int_equal(said.has_stamps, both_stamp(o));
    assert_int_equal(said.has_scale, both_scale(o));
    assert_int_equal(said.sack, o->sack);
    speaks_with(w);
    return f;
}

static void listener_answers(struct wire *w, const struct offers *o)
{
    char at[24];
    struct frame f = with(&w->listener, SYN | ACK, OUR_SEQ, CLIENT_SEQ + 1, NULL);
    f = syn_of(&f, at, 1460, both_scale(o) ? (int)o->sockets_scale : -1, o->sack, both_stamp(o), LISTENER_STAMP);
    says(w, &f);
    assert_int_equal(w->s.tx.count, 1);
    const struct tcp_segment s = built(w, 0, TX_INLINE_STACK);
    assert_int_equal(s.flags, ACK);
    assert_int_equal(s.seq, CLIENT_SEQ + 1);
    assert_int_equal(s.ack, OUR_SEQ + 1);
}

static void own_opens(struct wire *w, const struct offers *o)
{
    char at[24];
    struct frame f = with(&w->own, SYN, OWN_SEQ, 0, NULL);
    f = syn_of(&f, at, 1460, both_scale(o) ? (int)o->sockets_scale : -1, o->sack, both_stamp(o), OWN_STAMP);
    says(w, &f);
    assert_int_equal(w->s.tx.count, 1);
    const struct tcp_segment s = built(w, 0, TX_INLINE_STACK);
    assert_int_equal(s.flags, SYN | ACK);
    assert_int_equal(s.ack, OWN_SEQ + 1);
    struct tcp_syn_options said;
    tcp_syn_options_read(w->s.entries[0].pkt, &said);
    assert_int_equal(said.mss, 1200);
    assert_int_equal(said.has_scale, both_scale(o));
    assert_int_equal(said.has_stamps, both_stamp(o));
}

/* Acknowledge by the socket to the server: both are open. */
static void own_is_open(struct wire *w, const struct offers *o)
{
    char at[12];
    struct frame f = with(&w->own, ACK, OWN_SEQ + 1, SERVER_SEQ + 1, NULL);
    if (both_stamp(o)) f = stamped(&f, at, OWN_STAMP, SERVER_STAMP);
    says(w, &f);
}

static void sockets_open(struct wire *w, const struct offers *o)
{
    listener_answers(w, o);
    own_opens(w, o);
    own_is_open(w, o);
}

/* Count held packets that left with that verdict; the entries' other packets have that kind. */
static unsigned released(const struct wire *w, enum action action)
{
    unsigned n = 0;
    for (unsigned i = 0; i < w->s.tx.count; i++)
        n += w->s.entries[i].cause == TX_CAUSE_HELD && w->s.entries[i].verdict.action == action;
    return n;
}

/* Find the segment that went into the inline stack. */
static unsigned gone_inline(const struct wire *w)
{
    for (unsigned i = 0; i < w->s.tx.count; i++)
        if (w->s.entries[i].kind == TX_INLINE_STACK) return i;
    fail_msg("nothing has gone aside");
    return 0;
}

/* Cut into a connection whose ends have nothing outstanding, so at once. */
static void cut_into(struct wire *w, const struct offers *o)
{
    char at[12];
    decided_by(w, o, at);
    sockets_open(w, o);
    assert_int_equal(released(w, ACTION_FORWARD), 1);
    assert_int_equal(observed(w)->cut_into, 1);
    const struct tcp_segment s = built(w, gone_inline(w), TX_INLINE_STACK);
    assert_int_equal(s.seq, CLIENT_SEQ + 1);
    assert_int_equal(s.ack, OUR_SEQ + 1);
    sender_clear(&w->s);
}

/* Check that it continues as before: packets pass, and the number is free. */
static void goes_on_as_it_was(struct wire *w)
{
    struct inline_open o;
    assert_int_equal(observed(w)->cut_into, 0);
    assert_int_equal(not_cut(w), 1);
    assert_false(vm_inline_open(w->s.vm, 0, &o));
    struct frame f = with(&w->client, ACK, CLIENT_SEQ + 5, SERVER_SEQ + 1, "more");
    comes(w, &f, LEFT);
    assert_int_equal(w->s.v.action, ACTION_ACCEPT);
    nothing_left(w);
}

static void waits(struct wire *w, uint64_t ns)
{
    sender_clear(&w->s);
    w->s.in.mono_ns += ns;
    vm_tick(w->s.vm, &w->s.in, &w->s.tx);
}

/* Both ends and both sockets send, byte by byte, in both families, with tags. */
static void all_steps(void **state)
{
    for (int tags = 0; tags < 3; tags++) {
        struct wire w;
        const bool v6 = tags & 1;
        char at[12];
        begin_observed(&w, v6, tags, &bare);
        decided_by(&w, &bare, at);
        listener_answers(&w, &bare);
        own_opens(&w, &bare);
        own_is_open(&w, &bare);
        assert_int_equal(released(&w, ACTION_FORWARD), 1);
        struct frame f = with(&w.client, ACK, CLIENT_SEQ + 1, OUR_SEQ + 1, "SSH-");
        f = made(&f, INLINE_CLIENT, INLINE_NONE, 0, 1024);
        left(&w, gone_inline(&w), TX_INLINE_STACK, &f);
        f = with(&w.own, ACK, OWN_SEQ + 1, SERVER_SEQ + 1, "SSH-");
        says(&w, &f);
        f = with(&w.client, ACK, CLIENT_SEQ + 1, SERVER_SEQ + 1, "SSH-");
        left_by(&w, &f, RIGHT);
        f = with(&w.server, ACK, SERVER_SEQ + 1, CLIENT_SEQ + 5, "Welt");
        comes(&w, &f, RIGHT);
        f = with(&w.server, ACK, SERVER_SEQ + 1, OWN_SEQ + 5, "Welt");
        f = made(&f, INLINE_SERVER, INLINE_OWN, 0, w.own_port);
        left(&w, 0, TX_INLINE_STACK, &f);
        f = with(&w.listener, ACK, OUR_SEQ + 1, CLIENT_SEQ + 5, "Welt");
        says(&w, &f);
        f = with(&w.server, ACK, SERVER_SEQ + 1, CLIENT_SEQ + 5, "Welt");
        left_by(&w, &f, LEFT);
        assert_int_equal(not_cut(&w), 0);
        wire_fini(&w);
    }
}

/* Three segments decide, the last of them first: all wait, and reach the socket once each, in order. */
static void held_in_pieces(void **state)
{
    static const struct {
        uint32_t at;
        const char *says;
    } pieces[] = {{2, "H-2"}, {1, "S"}, {0, "S"}};
    struct wire w;
    begin_observed(&w, false, 0, &bare);
    for (unsigned i = 0; i < 3; i++) {
        struct frame f = with(&w.client, ACK, CLIENT_SEQ + 1 + pieces[i].at, SERVER_SEQ + 1, pieces[i].says);
        comes(&w, &f, LEFT);
        assert_int_equal(w.s.v.action, ACTION_HELD);
        if (i < 2) nothing_left(&w);
    }
    assert_int_equal(built(&w, 0, TX_INLINE_STACK).seq, CLIENT_SEQ);
    speaks_with(&w);
    sockets_open(&w, &bare);
    assert_int_equal(observed(&w)->cut_into, 1);
    unsigned sent = 0;
    for (unsigned i = 0; i < w.s.tx.count; i++)
        if (w.s.entries[i].kind == TX_INLINE_STACK) {
            assert_in_range(sent, 0, 2);
            assert_int_equal(built(&w, i, TX_INLINE_STACK).seq, CLIENT_SEQ + 1 + pieces[sent++].at);
        }
    assert_int_equal(sent, 3);
    wire_fini(&w);
}

/* Begin with windows of that many units: in SYNs as bytes, later shifted. */
static void begin_small(struct wire *w, bool v6, const struct offers *o, uint16_t window)
{
    wire_init(w, RULES, v6, 0);
    w->client.window = w->server.window = window;
    open_observed(w, o);
}

/* Timestamps and windows are the receiver's. */
static void clocks_and_windows(void **state)
{
    struct wire w;
    char at[12];
    begin_small(&w, false, &full, 20);
    cut_into(&w, &full);
    w.client.window = 1000;
    struct frame f = with(&w.client, ACK, CLIENT_SEQ + 5, SERVER_SEQ + 1, "more");
    f = stamped(&f, at, CLIENT_STAMP + 9, SERVER_STAMP);
    comes(&w, &f, LEFT);
    f = with(&w.client, ACK, CLIENT_SEQ + 5, OUR_SEQ + 1, "more");
    f = made(&f, INLINE_CLIENT, INLINE_NONE, 0, 1024);
    f = stamped(&f, at, CLIENT_STAMP + 9, LISTENER_STAMP);
    left(&w, 0, TX_INLINE_STACK, &f);
    w.own.window = 2048; /* shifted by 3; the client had told the server 7 */
    f = with(&w.own, ACK, OWN_SEQ + 1, SERVER_SEQ + 1, "SSH-");
    f = stamped(&f, at, OWN_STAMP + 4, SERVER_STAMP);
    says(&w, &f);
    f = with(&w.client, ACK, CLIENT_SEQ + 1, SERVER_SEQ + 1, "SSH-");
    f.window = 2048 >> 4;
    f = stamped(&f, at, CLIENT_STAMP + 4, SERVER_STAMP);
    left_by(&w, &f, RIGHT);
    wire_fini(&w);
}

/* Only one end has timestamps, so neither socket has. Shifts of 14 and 0. */
static void odd_options(void **state)
{
    const struct offers odd[] = {{.stamps = {true, false}, .scale = {14, 0}, .sockets_scale = 7},
                                 {.stamps = {false, true}, .scale = {0, 14}, .sockets_scale = 7}};
    for (unsigned i = 0; i < 2; i++) {
        struct wire w;
        begin_small(&w, i, &odd[i], 1);
        cut_into(&w, &odd[i]);
        w.own.window = 512;
        w.listener.window = 512;
        struct frame f = with(&w.own, ACK, OWN_SEQ + 1, SERVER_SEQ + 1, "SSH-");
        says(&w, &f);
        f = with(&w.client, ACK, CLIENT_SEQ + 1, SERVER_SEQ + 1, "SSH-");
        f.window = odd[i].scale[0] ? (512 << 7) >> 14 : UINT16_MAX;
        left_by(&w, &f, RIGHT);
        f = with(&w.listener, ACK, OUR_SEQ + 1, CLIENT_SEQ + 5, "ab");
        says(&w, &f);
        f = with(&w.server, ACK, SERVER_SEQ + 1, CLIENT_SEQ + 5, "ab");
        f.window = odd[i].scale[1] ? (512 << 7) >> 14 : UINT16_MAX;
        left_by(&w, &f, LEFT);
        wire_fini(&w);
    }
}

/* A window of 0 at the cut, and an end that shrinks its window: the sockets get exactly that. */
static void windows_of_nothing(void **state)
{
    struct wire w;
    begin_observed(&w, false, 0, &bare);
    w.server.window = 0;
    struct frame f = with(&w.server, ACK, SERVER_SEQ + 1, CLIENT_SEQ + 1, NULL);
    comes(&w, &f, RIGHT);
    w.client.window = 0;
    cut_into(&w, &bare);
    const uint16_t told[] = {0, 400, 100, 0, UINT16_MAX};
    for (unsigned i = 0; i < 5; i++) {
        w.server.window = told[i];
        f = with(&w.server, ACK, SERVER_SEQ + 1, CLIENT_SEQ + 1, NULL);
        comes(&w, &f, RIGHT);
        assert_int_equal(built(&w, 0, TX_INLINE_STACK).window, told[i]);
        w.client.window = told[i];
        f = with(&w.client, ACK, CLIENT_SEQ + 5, SERVER_SEQ + 1, NULL);
        comes(&w, &f, LEFT);
        assert_int_equal(built(&w, 0, TX_INLINE_STACK).window, told[i]);
    }
    wire_fini(&w);
}

/* The server was offered more than its socket has room for: that window doesn't shrink, and grows again once the
 * socket's is larger. */
static void windows_keep_their_edge(void **state)
{
    enum { TOLD = 60 << 7, SMALL = 100 };
    static const struct {
        uint32_t took; /* the server's bytes that the socket has acknowledged */
        uint16_t socket, wants;
    } steps[] = {{0, SMALL, TOLD >> 7},
                 {0, 0, TOLD >> 7},
                 {1 << 7, SMALL, (TOLD - (1 << 7)) >> 7},
                 {1 << 7, (TOLD + 640) >> 3, (TOLD + 640) >> 7},
                 {2 << 7, SMALL, (TOLD + 640 - (1 << 7)) >> 7},
                 {TOLD + 1024, SMALL, SMALL >> 4},
                 {TOLD + 1024, UINT16_MAX, UINT16_MAX >> 4}};
    struct wire w;
    char at[12];
    begin_small(&w, false, &full, 60);
    cut_into(&w, &full);
    for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
        w.own.window = steps[i].socket; /* shifted by 3; the client had told the server 7 */
        struct frame f = with(&w.own, ACK, OWN_SEQ + 1, SERVER_SEQ + 1 + steps[i].took, NULL);
        f = stamped(&f, at, OWN_STAMP + 4, SERVER_STAMP);
        says(&w, &f);
        f = with(&w.client, ACK, CLIENT_SEQ + 1, SERVER_SEQ + 1 + steps[i].took, NULL);
        f.window = steps[i].wants;
        f = stamped(&f, at, CLIENT_STAMP + 4, SERVER_STAMP);
        left_by(&w, &f, RIGHT);
    }
    wire_fini(&w);
}

/* Data is in flight to both: new bytes of either are held until the passed ones are acknowledged, and
 * retransmissions pass. */
static void data_in_flight(void **state)
{
    struct wire w;
    char at[12];
    begin_observed(&w, false, 0, &bare);
    decided_by(&w, &bare, at);
    struct frame f = with(&w.server, ACK, SERVER_SEQ + 1, CLIENT_SEQ + 1, "Hello");
    comes(&w, &f, RIGHT); /* its sockets aren't open, so it passes */
    assert_int_equal(w.s.v.action, ACTION_ACCEPT);
    sockets_open(&w, &bare);
    assert_int_equal(observed(&w)->cut_into, 0);
    nothing_left(&w);
    comes(&w, &f, RIGHT); /* again */
    assert_int_equal(w.s.v.action, ACTION_ACCEPT);
    f = with(&w.server, ACK, SERVER_SEQ + 6, CLIENT_SEQ + 1, "World");
    comes(&w, &f, RIGHT);
    assert_int_equal(w.s.v.action, ACTION_HELD);
    comes(&w, &f, RIGHT);
    assert_int_equal(w.s.v.action, ACTION_DROP); /* the first is on its way */
    f = with(&w.client, ACK, CLIENT_SEQ + 5, SERVER_SEQ + 4, "more");
    comes(&w, &f, LEFT);
    assert_int_equal(w.s.v.action, ACTION_HELD);
    nothing_left(&w);
    /* Data that was never sent is acknowledged: it has no effect */
    f = with(&w.client, ACK, CLIENT_SEQ + 5, SERVER_SEQ + 60000, NULL);
    comes(&w, &f, LEFT);
    assert_int_equal(observed(&w)->cut_into, 0);
    f = with(&w.client, ACK, CLIENT_SEQ + 5, SERVER_SEQ + 6, NULL);
    comes(&w, &f, LEFT);
    assert_int_equal(observed(&w)->cut_into, 1);
    assert_int_equal(released(&w, ACTION_FORWARD), 3);
    /* Bytes of both reach the sockets once each, in order, and acknowledge only what a socket has sent. The client
     * sent its byte before it had "Hello", and a window that is smaller by as much */
    unsigned sent = 0;
    const uint32_t seqs[] = {CLIENT_SEQ + 1, SERVER_SEQ + 1, CLIENT_SEQ + 5}; /* its socket began before "Hello" */
    const uint32_t acks[] = {OUR_SEQ + 1, OWN_SEQ + 1, OUR_SEQ + 1};
    for (unsigned i = 0; i < w.s.tx.count; i++)
        if (w.s.entries[i].kind == TX_INLINE_STACK) {
            assert_in_range(sent, 0, 2);
            const struct tcp_segment s = built(&w, i, TX_INLINE_STACK);
            assert_int_equal(s.seq, seqs[sent]);
            assert_int_equal(s.ack, acks[sent]);
            assert_int_equal(s.window, w.client.window);
            sent++;
        }
    assert_int_equal(sent, 3);
    /* Later ones are what they are */
    f = with(&w.client, ACK, CLIENT_SEQ + 9, SERVER_SEQ + 10, "x");
    comes(&w, &f, LEFT);
    f = with(&w.client, ACK, CLIENT_SEQ + 10, SERVER_SEQ + 3, "y");
    comes(&w, &f, LEFT);
    assert_int_equal(built(&w, 0, TX_INLINE_STACK).ack, OUR_SEQ + 1 - 3);
    wire_fini(&w);
}

/* Bytes that have passed behind a hole belong to the ends, and so does the hole: the sockets begin after both. */
static void data_behind_a_hole(void **state)
{
    struct wire w;
    char at[12];
    begin_observed(&w, false, 0, &bare);
    struct frame f = with(&w.server, ACK, SERVER_SEQ + 11, CLIENT_SEQ + 1, "behind");
    comes(&w, &f, RIGHT);
    assert_int_equal(w.s.v.action, ACTION_ACCEPT);
    decided_by(&w, &bare, at);
    sockets_open(&w, &bare);
    assert_int_equal(observed(&w)->cut_into, 0);
    f = with(&w.server, ACK, SERVER_SEQ + 17, CLIENT_SEQ + 1, "held");
    comes(&w, &f, RIGHT);
    assert_int_equal(w.s.v.action, ACTION_HELD);
    f = with(&w.server, ACK, SERVER_SEQ + 1, CLIENT_SEQ + 1, "0123456789");
    comes(&w, &f, RIGHT);
    assert_int_equal(w.s.v.action, ACTION_ACCEPT);
    f = with(&w.client, ACK, CLIENT_SEQ + 1, SERVER_SEQ + 11, NULL);
    comes(&w, &f, LEFT);
    assert_int_equal(observed(&w)->cut_into, 0);
    f = with(&w.client, ACK, CLIENT_SEQ + 1, SERVER_SEQ + 17, NULL);
    comes(&w, &f, LEFT);
    waits(&w, MS);
    assert_int_equal(observed(&w)->cut_into, 1);
    assert_int_equal(not_cut(&w), 0);
    f = with(&w.listener, ACK, OUR_SEQ + 1, CLIENT_SEQ + 5, "held");
    says(&w, &f);
    f = with(&w.server, ACK, SERVER_SEQ + 17, CLIENT_SEQ + 5, "held");
    left_by(&w, &f, LEFT);
    wire_fini(&w);
}

/* An end closes, resets or opens again before or after the sockets are open: nothing is cut. */
static void ended_just_then(void **state)
{
    for (unsigned which = 0; which < 8; which++) {
        struct wire w;
        char at[12];
        const bool client = which & 1, reset = which & 2, late = which & 4;
        begin_observed(&w, false, 0, &bare);
        struct frame f = with(&w.server, ACK, SERVER_SEQ + 1, CLIENT_SEQ + 1, "Hello");
        comes(&w, &f, RIGHT);
        decided_by(&w, &bare, at);
        if (late) sockets_open(&w, &bare);
        const uint8_t flags = reset ? RST : FIN | ACK;
        f = client ? with(&w.client, flags, CLIENT_SEQ + (reset ? 1 : 5), SERVER_SEQ + 1, NULL)
                   : with(&w.server, flags, SERVER_SEQ + 6, CLIENT_SEQ + 1, NULL);
        comes(&w, &f, client ? LEFT : RIGHT);
        assert_int_equal(not_cut(&w), 1);
        assert_int_equal(observed(&w)->cut_ends, 1);
        assert_int_equal(observed(&w)->cut_into, 0);
        assert_true(released(&w, ACTION_ACCEPT) >= 1);
        assert_int_equal(built(&w, gone_inline(&w), TX_INLINE_STACK).flags & RST, RST); /* the sockets end */
        struct inline_open o;
        assert_false(vm_inline_open(w.s.vm, 0, &o));
        wire_fini(&w);
    }
}

/* A SYN passes, and a reset by its end, if that has forgotten the connection, ends the cut. */
static void syn_again(void **state)
{
    struct wire w;
    char at[12];
    begin_observed(&w, false, 0, &bare);
    decided_by(&w, &bare, at);
    struct frame f = with(&w.client, SYN, CLIENT_SEQ, 0, NULL);
    comes(&w, &f, LEFT);
    assert_int_equal(w.s.v.action, ACTION_ACCEPT);
    nothing_left(&w);
    assert_int_equal(not_cut(&w), 0);
    f = with(&w.server, ACK, SERVER_SEQ + 1, CLIENT_SEQ + 1, NULL);
    comes(&w, &f, RIGHT);
    assert_int_equal(w.s.v.action, ACTION_ACCEPT);
    f = with(&w.client, RST, CLIENT_SEQ + 1, 0, NULL);
    comes(&w, &f, LEFT);
    assert_int_equal(observed(&w)->cut_ends, 1);
    wire_fini(&w);
    /* In a connection that was cut into, it reaches nobody and ends nothing */
    begin_observed(&w, false, 0, &bare);
    cut_into(&w, &bare);
    f = with(&w.client, SYN, CLIENT_SEQ, 0, NULL);
    comes(&w, &f, LEFT);
    nothing_left(&w);
    f = with(&w.client, ACK, CLIENT_SEQ + 5, SERVER_SEQ + 1, "more");
    comes(&w, &f, LEFT);
    assert_int_equal(built(&w, 0, TX_INLINE_STACK).seq, CLIENT_SEQ + 5);
    wire_fini(&w);
}

/* An attacker that only knows the tuple prevents no cut: its packets pass, and reach nobody who would take them. */
static void guesses(void **state)
{
    for (unsigned client = 0; client < 2; client++) {
        struct wire w;
        char at[12];
        begin_observed(&w, client, 0, &bare);
        decided_by(&w, &bare, at);
        const struct frame *end = client ? &w.client : &w.server;
        const uint32_t next = client ? CLIENT_SEQ + 1 : SERVER_SEQ + 1,
                       guessed[] = {next - 1, next + 70000, next << 20};
        const uint8_t flags[] = {RST, RST | ACK, FIN | ACK, SYN, SYN | ACK};
        for (unsigned i = 0; i < 3 * sizeof flags; i++) {
            struct frame f = with(end, flags[i % sizeof flags], guessed[i % 3], 1u << 31, NULL);
            comes(&w, &f, client ? LEFT : RIGHT);
            assert_int_equal(w.s.v.action, ACTION_ACCEPT);
        }
        assert_int_equal(not_cut(&w), 0);
        sockets_open(&w, &bare);
        assert_int_equal(released(&w, ACTION_FORWARD), 1);
        assert_int_equal(observed(&w)->cut_into, 1);
        wire_fini(&w);
    }
}

/* Sockets don't open, or an end doesn't acknowledge, for 500 ms; or a socket ends. */
static void too_late(void **state)
{
    for (unsigned which = 0; which < 3; which++) {
        struct wire w;
        char at[12];
        begin_observed(&w, which & 1, 0, &bare);
        struct frame f = with(&w.server, ACK, SERVER_SEQ + 1, CLIENT_SEQ + 1, "Hello");
        comes(&w, &f, RIGHT);
        decided_by(&w, &bare, at);
        if (which == 1) sockets_open(&w, &bare);
        if (which == 2) {
            listener_answers(&w, &bare);
            f = with(&w.listener, RST, OUR_SEQ + 1, 0, NULL);
            says(&w, &f);
        } else {
            waits(&w, 499 * MS);
            nothing_left(&w);
            waits(&w, MS);
            assert_int_equal(built(&w, gone_inline(&w), TX_INLINE_STACK).flags & RST, RST);
        }
        assert_int_equal(released(&w, ACTION_ACCEPT), 1);
        goes_on_as_it_was(&w);
        assert_int_equal(which == 2 ? observed(&w)->cut_sockets : observed(&w)->cut_late, 1);
        wire_fini(&w);
    }
}

/* At most 64 connections are being cut into, and at most `proxy_sessions` exist. */
static void no_room(void **state)
{
    for (unsigned which = 0; which < 2; which++) {
        struct wire w;
        const unsigned most = which ? 16 : 64;
        wire_init(&w, which ? "limits { proxy_sessions 16 }\n" RULES : RULES, false, 0);
        for (unsigned i = 0; i <= most; i++) {
            w.client.sport = w.server.dport = (uint16_t)(30000 + i);
            open_observed(&w, &bare);
            struct frame f = with(&w.client, ACK, CLIENT_SEQ + 1, SERVER_SEQ + 1, "SSH-");
            comes(&w, &f, LEFT);
            if (i == most && which) /* it was already held, and is released at once */
                assert_int_equal(released(&w, ACTION_ACCEPT), 1);
            else
                assert_int_equal(w.s.v.action, i < most ? ACTION_HELD : ACTION_ACCEPT);
            assert_int_equal(not_cut(&w), i < most ? 0 : 1);
        }
        waits(&w, 500 * MS);
        for (unsigned i = 0; i < most && released(&w, ACTION_ACCEPT); i++) waits(&w, MS);
        assert_int_equal(not_cut(&w), most + 1);
        assert_int_equal(which ? observed(&w)->cut_room : observed(&w)->cut_busy, 1);
        wire_fini(&w);
    }
}

/* 10,000 at once, of which 64 find room: each is cut into, waits, or continues as before, and nothing is left of
 * any. */
static void too_many(void **state)
{
    enum { ALL = 10000 };
    struct wire w;
    unsigned held = 0, passed = 0;
    wire_init(&w, "limits { observed 2000; proxy_sessions 50 }\n" RULES, false, 0);
    for (unsigned i = 0; i < ALL; i++) {
        w.client.sport = w.server.dport = (uint16_t)(20000 + i);
        open_observed(&w, &bare);
        struct frame f = with(&w.client, ACK, CLIENT_SEQ + 1, SERVER_SEQ + 1, "SSH-");
        comes(&w, &f, LEFT);
        held += w.s.v.action == ACTION_HELD;
        passed += w.s.v.action == ACTION_ACCEPT;
        assert_int_equal(held + passed, i + 1);
    }
    assert_true(held >= 50);
    for (unsigned i = 0; i < 1000 && not_cut(&w) < held; i++) waits(&w, 20 * MS);
    struct inline_open o;
    for (unsigned i = 0; i < 64; i++) assert_false(vm_inline_open(w.s.vm, i, &o));
    assert_int_equal(observed(&w)->cut_into, 0);
    assert_true(observed(&w)->cut_room >= 1 && observed(&w)->cut_late == 50);
    wire_fini(&w);
}

static struct frame with_block(const struct frame *f, char at[12], uint32_t left, uint32_t right)
{
    struct frame out = *f;
    memcpy(at, "\1\1\5\12", 4);
    frame_word((uint8_t *)at + 4, left, 4);
    frame_word((uint8_t *)at + 8, right, 4);
    out.options = at;
    out.options_len = 12;
    return out;
}

/* SACK blocks are moved with the numbers, also those of data that the other side never saw: the addressee decides. */
static void sack_of_what_was_never_sent(void **state)
{
    static const struct offers sack = {.sack = true, .scale = {-1, -1}};
    static const uint32_t away[] = {10, 100000, 1u << 31, (uint32_t)-5000};
    struct wire w;
    char at[12];
    begin_observed(&w, false, 0, &sack);
    for (unsigned i = 0; i < 4; i++) { /* before the cut they pass */
        struct frame f = with(&w.server, ACK, SERVER_SEQ + 1, CLIENT_SEQ + 1, NULL);
        f = with_block(&f, at, CLIENT_SEQ + away[i], CLIENT_SEQ + away[i] + 4);
        comes(&w, &f, RIGHT);
        assert_int_equal(w.s.v.action, ACTION_ACCEPT);
    }
    cut_into(&w, &sack);
    for (unsigned i = 0; i < 4; i++) {
        struct frame f = with(&w.server, ACK, SERVER_SEQ + 1, CLIENT_SEQ + 1, NULL);
        f = with_block(&f, at, CLIENT_SEQ + away[i], CLIENT_SEQ + away[i] + 4);
        comes(&w, &f, RIGHT);
        f = with(&w.server, ACK, SERVER_SEQ + 1, OWN_SEQ + 1, NULL);
        f = made(&f, INLINE_SERVER, INLINE_OWN, 0, w.own_port);
        f = with_block(&f, at, OWN_SEQ + away[i], OWN_SEQ + away[i] + 4);
        left(&w, 0, TX_INLINE_STACK, &f);
    }
    wire_fini(&w);
}

/* Its SYN wasn't seen, so it isn't cut into. */
static void midstream(void **state)
{
    struct wire w;
    wire_init(&w, RULES, false, 0);
    struct frame f = with(&w.client, ACK, CLIENT_SEQ + 1, SERVER_SEQ + 1, "SSH-");
    comes(&w, &f, LEFT);
    assert_int_equal(w.s.v.action, ACTION_ACCEPT);
    nothing_left(&w);
    wire_fini(&w);
}

/* A router's errors about a socket's segments reach that socket with its numbers; before the cut the named end gets
 * its own. */
static void errors(void **state)
{
    struct wire w;
    char at[12];
    begin_observed(&w, false, 0, &bare);
    decided_by(&w, &bare, at);
    struct frame f = with(&w.server, ACK, SERVER_SEQ + 1, CLIENT_SEQ + 1, "Hello");
    comes(&w, &f, RIGHT);
    router_says(&w, &f, 1000, LEFT);
    assert_int_equal(w.s.v.action, ACTION_ACCEPT);
    nothing_left(&w);
    sockets_open(&w, &bare);
    f = with(&w.client, ACK, CLIENT_SEQ + 5, SERVER_SEQ + 6, NULL);
    comes(&w, &f, LEFT);
    assert_int_equal(observed(&w)->cut_into, 1);
    for (unsigned i = 0; i < 4; i++) {
        const bool client = i < 2;
        f = with(client ? &w.client : &w.server, ACK, client ? CLIENT_SEQ + 1 : SERVER_SEQ + 6, 1, "x");
        router_says(&w, &f, i & 1 ? 1000 : 0, client ? RIGHT : LEFT);
        assert_int_equal(w.s.tx.count, 1);
        assert_int_equal(w.s.entries[0].kind, TX_INLINE_STACK);
        const struct frame *of = client ? &w.own : &w.listener;
        const uint8_t *icmp = w.s.entries[0].pkt->data + w.s.entries[0].pkt->l3 + 20, *ip = icmp + 8;
        assert_int_equal(wire_get32(icmp - 4), of->src[0]);
        assert_int_equal(plain_sum(icmp, w.s.entries[0].pkt->head_len - w.s.entries[0].pkt->l3 - 20, 0), 0);
        assert_int_equal(wire_get32(ip + 12), of->src[0]);
        assert_int_equal(wire_get32(ip + 16), of->dst[0]);
        assert_int_equal(wire_get32(ip + 20), (uint32_t)of->sport << 16 | of->dport);
        assert_int_equal(wire_get32(ip + 24), client ? OWN_SEQ + 1 : OUR_SEQ + 1);
    }
    wire_fini(&w);
}

/* Both ends close through their sockets; then the number is free. */
static void closes(void **state)
{
    struct wire w;
    begin_observed(&w, false, 0, &bare);
    cut_into(&w, &bare);
    struct frame f = with(&w.client, ACK | FIN, CLIENT_SEQ + 5, SERVER_SEQ + 1, NULL);
    comes(&w, &f, LEFT);
    assert_int_equal(built(&w, 0, TX_INLINE_STACK).flags, ACK | FIN);
    f = with(&w.own, ACK | FIN, OWN_SEQ + 5, SERVER_SEQ + 1, NULL);
    says(&w, &f);
    assert_int_equal(built(&w, 0, TX_SEND).seq, CLIENT_SEQ + 5);
    f = with(&w.server, ACK | FIN, SERVER_SEQ + 1, CLIENT_SEQ + 6, NULL);
    comes(&w, &f, RIGHT);
    assert_int_equal(built(&w, 0, TX_INLINE_STACK).ack, OWN_SEQ + 6);
    f = with(&w.listener, ACK | FIN, OUR_SEQ + 1, CLIENT_SEQ + 6, NULL);
    says(&w, &f);
    assert_int_equal(built(&w, 0, TX_SEND).seq, SERVER_SEQ + 1);
    for (unsigned i = 0; i < 12; i++) waits(&w, S);
    struct inline_open o;
    assert_false(vm_inline_open(w.s.vm, 0, &o));
    wire_fini(&w);
}

static void speaks_from_bytes(struct wire *w)
{
    struct frame f = with(&w->client, ACK, CLIENT_SEQ + 5, SERVER_SEQ + 1, "more");
    comes(w, &f, LEFT);
    f = with(&w->listener, ACK, OUR_SEQ + 1, CLIENT_SEQ + 5, "Welt");
    says(w, &f);
    waits(w, 11 * S);
}

/* An archive contains it, and none is written while it is being cut into; a damaged one is rejected, or read as it
 * is. */
static void archived(void **state)
{
    struct wire w;
    char at[12];
    begin_observed(&w, false, 0, &full);
    assert_true(vm_rests(w.s.vm));
    decided_by(&w, &full, at);
    assert_false(vm_rests(w.s.vm));
    sockets_open(&w, &full);
    assert_true(vm_rests(w.s.vm));
    sender_clear(&w.s);
    read_damaged(&w, 200, 9, speaks_from_bytes);
    struct frame f = with(&w.client, ACK, CLIENT_SEQ + 5, SERVER_SEQ + 1, "more");
    f = stamped(&f, at, CLIENT_STAMP + 9, SERVER_STAMP);
    comes(&w, &f, LEFT);
    assert_int_equal(built(&w, 0, TX_INLINE_STACK).ack, OUR_SEQ + 1);
    wire_fini(&w);
}

/* Cut into another connection: its number, and its sockets' packets. */
static void another(struct wire *w, uint16_t port, uint32_t number, uint16_t use)
{
    w->client.sport = w->server.dport = port;
    open_observed(w, &bare);
    struct frame f = with(&w->client, ACK, CLIENT_SEQ + 1, SERVER_SEQ + 1, "SSH-");
    comes(w, &f, LEFT);
    assert_int_equal(w->s.v.action, ACTION_HELD);
    assert_int_equal(built(w, 0, TX_INLINE_STACK).flags, SYN);
    assert_int_equal(w->s.entries[0].cookie, number);
    w->listener = made(&w->client, INLINE_NONE, INLINE_CLIENT, number, use);
    w->own = made(&w->client, INLINE_OWN, INLINE_SERVER, number, w->own_port);
}

static void goes_on(struct wire *w) { waits(w, 11 * S); }

/* After a cut that failed, the loop has the client's socket, and opens the one to the server before it learns of the
 * failure. No other connection gets that socket's packets, and the number is reused ten seconds later. */
static void late_socket(void **state)
{
    struct wire w;
    char at[12];
    begin_observed(&w, false, 0, &bare);
    decided_by(&w, &bare, at);
    listener_answers(&w, &bare);
    const struct frame late = with(&w.own, SYN, OWN_SEQ, 0, NULL);
    struct frame f = with(&w.client, FIN | ACK, CLIENT_SEQ + 5, SERVER_SEQ + 1, NULL);
    comes(&w, &f, LEFT);
    assert_int_equal(observed(&w)->cut_ends, 1);
    sender_clear(&w.s);
    read_damaged(&w, 200, 9, goes_on);
    another(&w, 40001, 1, 1024);
    says(&w, &late);
    assert_int_equal(w.s.tx.count, 1);
    assert_int_equal(built(&w, 0, TX_INLINE_STACK).flags, RST | ACK);
    w.own_port++;
    w.own.sport++;
    sockets_open(&w, &bare);
    assert_int_equal(observed(&w)->cut_into, 1);
    f = with(&w.own, ACK, OWN_SEQ + 1, SERVER_SEQ + 1, "SSH-");
    says(&w, &f);
    assert_int_equal(built(&w, 0, TX_SEND).seq, CLIENT_SEQ + 1);
    for (unsigned i = 0; i < 12; i++) waits(&w, S);
    another(&w, 40002, 0, 1025);
    wire_fini(&w);
}

/* The loop has nothing yet of a cut that failed: the number is free at once. */
static void no_socket(void **state)
{
    struct wire w;
    char at[12];
    begin_observed(&w, false, 0, &bare);
    decided_by(&w, &bare, at);
    struct frame f = with(&w.client, FIN | ACK, CLIENT_SEQ + 5, SERVER_SEQ + 1, NULL);
    comes(&w, &f, LEFT);
    another(&w, 40001, 0, 1025);
    wire_fini(&w);
}

static uint32_t stamp_inline(struct wire *w, unsigned at)
{
    struct tcp_syn_options o;
    built(w, at, TX_INLINE_STACK);
    tcp_syn_options_read(w->s.entries[at].pkt, &o);
    return o.stamp;
}

/* A held segment gets a clock no older than that of the SYN which the vm made of it, whose clock is the last
 * segment's. Otherwise its socket would drop it (RFC 7323, 5.3), unlike later segments. */
static void held_before_the_clock(void **state)
{
    static const uint32_t ticks[] = {0, 5, 9};
    static const char *const says_so[] = {"S", "SH-", NULL};
    struct wire w;
    char at[12];
    begin_observed(&w, false, 0, &full);
    for (unsigned i = 0; i < 3; i++) { /* the last one only moves its window, after the cut has begun */
        struct frame f = with(&w.client, ACK, CLIENT_SEQ + 1 + i, SERVER_SEQ + 1, says_so[i]);
        if (!says_so[i]) f.seq = CLIENT_SEQ + 5;
        f = stamped(&f, at, CLIENT_STAMP + ticks[i], SERVER_STAMP);
        comes(&w, &f, LEFT);
        assert_int_equal(w.s.v.action, says_so[i] ? ACTION_HELD : ACTION_ACCEPT);
        if (i != 1) continue;
        assert_int_equal(stamp_inline(&w, 0), CLIENT_STAMP + 5);
        speaks_with(&w);
    }
    sockets_open(&w, &full);
    assert_int_equal(observed(&w)->cut_into, 1);
    unsigned sent = 0;
    for (unsigned i = 0; i < w.s.tx.count; i++) {
        if (w.s.entries[i].kind != TX_INLINE_STACK) continue;
        assert_int_equal(built(&w, i, TX_INLINE_STACK).seq, CLIENT_SEQ + 1 + sent++);
        assert_int_equal(stamp_inline(&w, i), CLIENT_STAMP + 5);
    }
    assert_int_equal(sent, 2);
    struct frame f = with(&w.client, ACK, CLIENT_SEQ + 5, SERVER_SEQ + 1, "more");
    f = stamped(&f, at, CLIENT_STAMP + 11, SERVER_STAMP);
    comes(&w, &f, LEFT);
    assert_int_equal(stamp_inline(&w, 0), CLIENT_STAMP + 5 + 2);
    wire_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_steps),
        cmocka_unit_test(held_in_pieces),
        cmocka_unit_test(clocks_and_windows),
        cmocka_unit_test(odd_options),
        cmocka_unit_test(windows_of_nothing),
        cmocka_unit_test(windows_keep_their_edge),
        cmocka_unit_test(too_many),
        cmocka_unit_test(sack_of_what_was_never_sent),
        cmocka_unit_test(data_in_flight),
        cmocka_unit_test(data_behind_a_hole),
        cmocka_unit_test(ended_just_then),
        cmocka_unit_test(syn_again),
        cmocka_unit_test(guesses),
        cmocka_unit_test(too_late),
        cmocka_unit_test(no_room),
        cmocka_unit_test(midstream),
        cmocka_unit_test(closes),
        cmocka_unit_test(errors),
        cmocka_unit_test(archived),
        cmocka_unit_test(late_socket),
        cmocka_unit_test(no_socket),
        cmocka_unit_test(held_before_the_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
