/* Inline connections that leave the inline stack, for tests: a connection that has begun to send, the loop's
 * requests and the reports to it. */
#ifndef TESTS_UNIT_VM_INLINE_LEAVE_H
#define TESTS_UNIT_VM_INLINE_LEAVE_H

#include "tests/unit/vm/inline_wire.h"
#include "vm/flow/spliced.h"

static struct inline_carried carried[100000]; /* as many as `limits { proxy_sessions }` allows */

/* Options of the SYNs of a connection, each as a string of bytes */
struct syns {
    const char *client, *listener, *own, *server;
    unsigned len; /* length of each */
    uint16_t client_window, server_window, server_mss;
};
static const struct syns plain_syns = {.client_window = 600, .server_window = 600, .server_mss = 1200};

static inline struct frame offering(const struct frame *f, const char *options, unsigned len)
{
    struct frame out = *f;
    out.options = options;
    out.options_len = options ? len : 0;
    return out;
}

/* Open a connection as open_server_first does. */
static inline void open_with(struct wire *w, const struct syns *o)
{
    struct frame f = with(&w->client, SYN, CLIENT_SEQ, 0, NULL);
    f.mss = 1300;
    f = offering(&f, o->client, o->len);
    comes(w, &f, LEFT);
    w->listener = made(&w->client, INLINE_NONE, INLINE_CLIENT, 0, 1024);
    w->own = made(&w->client, INLINE_OWN, INLINE_SERVER, 0, w->own_port);
    f = with(&w->listener, SYN | ACK, OUR_SEQ, CLIENT_SEQ + 1, NULL);
    f.mss = 1460;
    f = offering(&f, o->listener, o->len);
    says(w, &f);
    f = with(&w->own, SYN, OWN_SEQ, 0, NULL);
    f.mss = 1460;
    f = offering(&f, o->own, o->len);
    says(w, &f);
    f = with(&w->server, SYN | ACK, SERVER_SEQ, OWN_SEQ + 1, NULL);
    f.mss = o->server_mss;
    f = offering(&f, o->server, o->len);
    comes(w, &f, RIGHT);
    f = with(&w->own, ACK, OWN_SEQ + 1, SERVER_SEQ + 1, NULL);
    says(w, &f);
    f = with(&w->client, ACK, CLIENT_SEQ + 1, OUR_SEQ + 1, NULL);
    comes(w, &f, LEFT);
}

static inline void may_leave(struct wire *w, const char *rules, bool v6, int tags)
{
    static struct pbc_proxy leaves;
    wire_init(w, rules, v6, tags);
    leaves = w->s.program->proxies[0];
    leaves.flags |= PBC_PROXY_LEAVES;
    w->s.program->proxies = &leaves;
    vm_free(w->s.vm);
    w->cfg.inline_carried = carried;
    w->s.vm = vm_new(w->s.program, &w->cfg);
}

/* Exchange data: the client has sent 5 bytes, the server 4, and all were acknowledged. */
static inline void talks_and_rests(struct wire *w, const struct syns *o)
{
    struct frame f = with(&w->client, ACK | TCP_PSH, CLIENT_SEQ + 1, OUR_SEQ + 1, "hallo");
    comes(w, &f, LEFT);
    f = with(&w->own, ACK, OWN_SEQ + 1, SERVER_SEQ + 1, "hallo");
    says(w, &f);
    w->server.window = o->server_window;
    f = with(&w->server, ACK, SERVER_SEQ + 1, OWN_SEQ + 6, "Welt");
    comes(w, &f, RIGHT);
    f = with(&w->listener, ACK, OUR_SEQ + 1, CLIENT_SEQ + 6, "Welt");
    says(w, &f);
    f = with(&w->own, ACK, OWN_SEQ + 6, SERVER_SEQ + 5, NULL);
    says(w, &f);
    f = with(&w->listener, ACK, OUR_SEQ + 5, CLIENT_SEQ + 6, NULL);
    says(w, &f);
    w->client.window = o->client_window;
    f = with(&w->client, ACK, CLIENT_SEQ + 6, OUR_SEQ + 5, NULL);
    comes(w, &f, LEFT);
}

static inline void begin_with(struct wire *w, bool v6, int tags, const struct syns *o)
{
    may_leave(w, SERVER_FIRST, v6, tags);
    open_with(w, o);
    talks_and_rests(w, o);
}

static inline void begin(struct wire *w, bool v6) { begin_with(w, v6, 0, &plain_syns); }

static inline void ask(struct wire *w, uint64_t from_client, uint64_t to_server, uint64_t from_server,
                       uint64_t to_client)
{
    const struct inline_ask a = {.kind = INLINE_LEAVE,
                                 .number = 0,
                                 .port = 1024,
                                 .of.moved = {{from_client, from_server}, {to_client, to_server}}};
    sender_clear(&w->s);
    vm_inline_ask(w->s.vm, &w->s.in, &a, &w->s.tx);
}

static inline struct inline_told told(struct wire *w)
{
    struct inline_told t;
    assert_true(vm_inline_told(w->s.vm, &t));
    assert_int_equal(t.number, 0);
    assert_int_equal(t.port, 1024);
    return t;
}

static inline void nothing_told(struct wire *w)
{
    struct inline_told t;
    assert_false(vm_inline_told(w->s.vm, &t));
}

static inline void ticks(struct wire *w, uint64_t after)
{
    sender_clear(&w->s);
    w->s.in.mono_ns += after;
    vm_tick(w->s.vm, &w->s.in, &w->s.tx);
}

/* Let the connection leave at once. */
static inline void spliced(struct wire *w)
{
    ask(w, 5, 5, 4, 4);
    assert_int_equal(told(w).kind, INLINE_LEFT);
    nothing_told(w);
    sender_clear(&w->s);
}

/* Report to the loop that the connection stays. */
static inline void told_stays(struct wire *w, enum splice_why why)
{
    const struct inline_told t = told(w);
    assert_int_equal(t.kind, INLINE_STAYS);
    assert_int_equal(t.why, why);
    nothing_told(w);
}

#endif
