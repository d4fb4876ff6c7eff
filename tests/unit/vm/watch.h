/* An observed connection for tests: frames of both sides are made, parsed and shown to observers, and their reports
 * are recorded. */
#ifndef TESTS_UNIT_VM_WATCH_H
#define TESTS_UNIT_VM_WATCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/imgbuild.h"
#include "vm/observe/observers.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"
#include "vm/stream/wants.h"

enum { WATCH_MOST = 1 << 20, WATCH_FRAME = 66000, MS = 1000000 };

struct watch {
    struct program *p;
    struct observers *o;
    struct observe_out out;
    uint64_t now_ns;
    uint8_t got[2][WATCH_MOST]; /* bytes as reported; '?' in holes */
    uint64_t end[2];            /* offset after the last reported byte */
    unsigned begins, chosen, ends, holes, differs;
    uint8_t cause, does;              /* cause of the last hole; kind of the last event */
    uint64_t differs_at, differs_len; /* of the last difference */
    struct observe_summary sum;       /* of the last connection that ended; views: copied */
    char sni[256], host[256], path[256], method[256];
    uint8_t frame[WATCH_FRAME];
    struct {
        uint32_t addr;
        uint16_t port;
    } side[2];
    uint16_t vid; /* 0: untagged */
    uint32_t iface;
    uint16_t window[2];
};

static inline void watch_copy(char *to, struct view v)
{
    memcpy(to, v.at ? v.at : (const uint8_t *)"", v.len);
    to[v.len] = 0;
}

static inline void watch_told(void *arg, const struct observe_event *e)
{
    struct watch *w = arg;
    assert_true(e->begin_ns <= e->at_ns);
    w->does = e->does;
    switch ((enum observe_kind)e->kind) {
    case OBSERVE_BEGIN: w->begins++; break;
    case OBSERVE_CHOSEN: w->chosen++; break;
    case OBSERVE_DIFFERS:
        w->differs++;
        w->differs_at = e->offset;
        w->differs_len = e->len;
        break;
    case OBSERVE_BYTES:
    case OBSERVE_HOLE:
        assert_int_equal(e->offset, w->end[e->half]); /* each byte once, in order */
        assert_true(e->len > 0);
        for (uint64_t i = 0; i < e->len && e->offset + i < WATCH_MOST; i++)
            w->got[e->half][e->offset + i] = e->kind == OBSERVE_HOLE ? '?' : e->bytes[i];
        w->end[e->half] += e->len;
        if (e->kind == OBSERVE_HOLE) w->holes++;
        if (e->kind == OBSERVE_HOLE) w->cause = e->cause;
        break;
    case OBSERVE_END:
        w->ends++;
        w->sum = *e->sum;
        watch_copy(w->sni, e->sum->sni);
        watch_copy(w->host, e->sum->host);
        watch_copy(w->path, e->sum->path);
        watch_copy(w->method, e->sum->method);
        break;
    default: fail();
    }
}

/* Build a service that observes everything, with one branch. */
static inline void watch_image(struct imgbuild *b, enum pbc_does does, enum pbc_overlaps overlaps)
{
    img_init(b);
    img_add_observes(b, (struct pbc_observe){.name = img_string(b, "w"),
                                             .choice_count = 1,
                                             .stream = img_string(b, "d"),
                                             .overlaps = (uint8_t)overlaps});
    img_add_choices(b, (struct pbc_choice){.does = does});
    img_add_observe_endpoints(b, (struct pbc_endpoint){.to = PBC_TO_ANY, .port_hi = UINT16_MAX, .wire = PBC_WIRE_ALL});
    img_function(b, "main", (const struct insn[]){{.op = OP_ACCEPT}}, 1);
}

static inline void watch_begin(struct watch *w, struct imgbuild *b)
{
    char err[256] = "";
    memset(w, 0, sizeof *w);
    w->p = img_load(b, err, sizeof err);
    img_fini(b);
    if (!w->p) fail_msg("%s", err);
    w->out = (struct observe_out){.told = watch_told, .arg = w};
    w->o = observers_new(w->p, &w->out, 5);
    assert_non_null(w->o);
    w->now_ns = 5000 * (uint64_t)MS;
    w->side[0].addr = 0x0a000001;
    w->side[0].port = 50000;
    w->side[1].addr = 0x0a000002;
    w->side[1].port = 80;
    w->window[0] = w->window[1] = 60000;
}

static inline void watch_init(struct watch *w, enum pbc_does does, enum pbc_overlaps overlaps)
{
    struct imgbuild b;
    watch_image(&b, does, overlaps);
    watch_begin(w, &b);
}

static inline void watch_fini(struct watch *w)
{
    observers_free(w->o);
    program_put(w->p);
}

/* Make a frame; return its length. */
static inline uint32_t watch_frame(struct watch *w, unsigned side, uint32_t seq, uint32_t ack, uint8_t flags,
                                   const void *bytes, uint32_t n)
{
    uint8_t *f = w->frame, *ip = f + ETHER_LEN + (w->vid ? 4 : 0), *tcp = ip + IP4_LEN;
    memset(f, 0, (size_t)(tcp + TCP_LEN - f));
    if (w->vid) {
        wire_put16(f + 12, ETHER_VLAN);
        wire_put16(f + 14, w->vid);
    }
    wire_put16(ip - 2, ETHER_IP4);
    ip[0] = 0x45;
    wire_put16(ip + 2, (uint16_t)(IP4_LEN + TCP_LEN + n));
    ip[8] = 64;
    ip[9] = IPPROTO_NR_TCP;
    wire_put32(ip + 12, w->side[side].addr);
    wire_put32(ip + 16, w->side[!side].addr);
    wire_put16(ip + 10, (uint16_t)~csum_fold(csum_add(0, ip, IP4_LEN)));
    wire_put16(tcp, w->side[side].port);
    wire_put16(tcp + 2, w->side[!side].port);
    wire_put32(tcp + TCP_SEQ, seq);
    wire_put32(tcp + TCP_ACKNO, ack);
    tcp[12] = 5 << 4;
    tcp[13] = flags;
    wire_put16(tcp + TCP_WINDOW, w->window[side]);
    if (n) memcpy(tcp + TCP_LEN, bytes, n);
    const uint64_t pseudo =
        csum_pseudo4(w->side[side].addr, w->side[!side].addr, IPPROTO_NR_TCP, (uint32_t)TCP_LEN + n);
    wire_put16(tcp + TCP_SUM, csum_fold(csum_add(pseudo, tcp, (size_t)TCP_LEN + n)));
    return (uint32_t)(tcp + TCP_LEN - f) + n;
}

/* Show the frame, with `cap` captured bytes, to the observers. */
static inline void watch_shown(struct watch *w, uint32_t cap, uint32_t len)
{
    struct pkt pkt;
    struct key key;
    struct observe_packet s;
    uint8_t *exact = malloc(cap);
    assert_non_null(exact);
    memcpy(exact, w->frame, cap);
    pkt_view(&pkt, exact, cap, len, LINK_ETHER, (uint16_t)w->iface);
    assert_int_equal(pkt_parse(&pkt, NULL, &key), REASON_NONE);
    assert_true(observers_read(w->o, &key, &pkt, &s));
    observers_see(w->o, w->now_ns, &s);
    free(exact);
}

static inline void watch_seg(struct watch *w, unsigned side, uint32_t seq, uint32_t ack, uint8_t flags,
                             const void *bytes, uint32_t n)
{
    const uint32_t len = watch_frame(w, side, seq, ack, flags, bytes, n);
    watch_shown(w, len, len);
}

static inline void watch_text(struct watch *w, unsigned side, uint32_t seq, uint32_t ack, const char *text)
{
    watch_seg(w, side, seq, ack, TCP_ACK, text, (uint32_t)strlen(text));
}

enum { C = 0, S = 1, CSEQ = 1000, SSEQ = 9000 };

/* Do the handshake: the client's bytes begin at CSEQ, the server's at SSEQ. */
static inline void watch_shake(struct watch *w)
{
    watch_seg(w, C, CSEQ - 1, 0, TCP_SYN, NULL, 0);
    watch_seg(w, S, SSEQ - 1, CSEQ, TCP_SYN | TCP_ACK, NULL, 0);
    watch_seg(w, C, CSEQ, SSEQ, TCP_ACK, NULL, 0);
}

#define assert_got(w, side, text)                                                                                      \
    do {                                                                                                               \
        assert_int_equal((w)->end[side], strlen(text));                                                                \
        assert_memory_equal((w)->got[side], text, strlen(text));                                                       \
    } while (0)

#endif
