/* Fuzzes observers with little memory with any segments of a few connections. Each byte of a half is reported once
 * and in order, nothing after the end, all memory is freed, and the state survives as bytes. Eight bytes are a
 * segment; the first byte sets how much is observed. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/imgbuild.h"
#include "vm/observe/observers_priv.h"
#include "vm/packet/parse/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { SEEN = 4096, PAYLOAD = 66000, ECE = 1 << 6, CWR = 1 << 7 /* ECE, CWR: TCP flags that nothing reads */ };

static struct {
    uint64_t end[OBSERVE_HALVES];
    uint8_t begun, chosen, ended;
} seen[SEEN];

static void told(void *arg, const struct observe_event *e)
{
    volatile uint8_t sum = 0;
    if (!e->number || e->number >= SEEN) abort();
    const bool begins = e->kind == OBSERVE_BEGIN;
    if (seen[e->number].begun == begins || seen[e->number].ended) abort();
    switch ((enum observe_kind)e->kind) {
    case OBSERVE_BEGIN: seen[e->number].begun = 1; break;
    case OBSERVE_CHOSEN:
        if (seen[e->number].chosen++) abort();
        break;
    case OBSERVE_BYTES:
        if (e->does != PBC_STREAM) abort();
        for (uint64_t i = 0; i < e->len; i++) sum = (uint8_t)(sum ^ e->bytes[i]);
        /* fall through */
    case OBSERVE_HOLE:
        if (!e->len || e->does == PBC_IGNORE) abort();
        if (e->does == PBC_STREAM && e->offset != seen[e->number].end[e->half]) abort();
        seen[e->number].end[e->half] = e->offset + e->len;
        break;
    case OBSERVE_END:
        seen[e->number].ended = 1;
        if (!seen[e->number].chosen) abort();
        break;
    default: break;
    }
    (void)arg;
}

static struct program *make(void)
{
    struct imgbuild b;
    char err[200];
    img_sample_observe(&b);
    img_add_settings(&b, (struct pbc_settings){.flows = 16,
                                               .half_open = 16,
                                               .fragments = 16,
                                               .maglev = 251,
                                               .observed = 16,
                                               .observed_bytes = 24 * sizeof(struct chunk)});
    struct program *p = img_load(&b, err, sizeof err);
    if (!p) puts(err);
    img_fini(&b);
    return p;
}

/* Write the state into bytes, from which other observers continue. Counters stay with their owner. */
static struct observers *archived(struct observers *o, const struct observe_out *out)
{
    static uint8_t bytes[1 << 20];
    struct archive a = {.at = bytes, .left = sizeof bytes};
    struct observers *next = observers_new(o->p, out, 1);
    if (!next || !observers_archive(o, NULL, &a, 1)) abort();
    a = (struct archive){.at = bytes, .left = sizeof bytes - a.left, .reads = true};
    if (!observers_archive(next, NULL, &a, 1) || a.left) abort();
    if (next->counters.live != o->counters.live || next->chunks.used != o->chunks.used) abort();
    next->counters = o->counters;
    memcpy(next->each, o->each, o->p->observes_count * sizeof *o->each);
    observers_free(o);
    return next;
}

static void segment(struct observers *o, const uint8_t *in, uint64_t *now_ns)
{
    static const uint32_t lengths[] = {0, 1, 2, 7, 100, 1460, 2048, 5000, 65000};
    static uint8_t payload[PAYLOAD];
    const bool back = in[0] & 1;
    const uint32_t n = lengths[in[1] % (sizeof lengths / sizeof *lengths)];
    const uint32_t at = (uint32_t)(in[2] << 8 | in[3]) << (in[4] & 15);
    const uint32_t other = (uint32_t)(in[5] << 8) << (in[4] >> 4);
    struct observe_packet s = {.key = {.kind = KIND_IP4 | KIND_TCP | KIND_PORTS | KIND_TCP_FLAGS},
                               .seq = (back ? UINT32_MAX - 5000 : 1000) + at,
                               .ack = (back ? 1000 : UINT32_MAX - 5000) + other,
                               .len = n,
                               .have = in[0] & 2 ? n / 2 : n,
                               .bytes = payload + in[6] % 64,
                               .window = (uint16_t)(in[6] << 8 | in[5]),
                               .flags = in[7],
                               .scale = in[6] & 15};
    s.key.src[0] = back ? 0xc0000201 : 9;
    s.key.dst[0] = back ? 9 : 0xc0000201;
    const uint16_t client = (uint16_t)(40000 + (in[0] >> 3));
    s.key.src_port = back ? 80 : client;
    s.key.dst_port = back ? client : 80;
    *now_ns += (uint64_t)in[6] << (in[7] & 31);
    if (in[0] & 4) observers_tick(o, *now_ns);
    observers_see(o, *now_ns, &s);
}

/* True if the counters of the services add up to those of all; each service has its own `most`. */
static bool are_all(const struct observers *o)
{
    struct observe_counters sum = {.most = o->counters.most, .stack_full = o->counters.stack_full};
#define OBSERVE_COUNTER(field, kind, object, key, line, words, doc)                                                    \
    for (uint32_t i = 0; i < o->p->observes_count &&                                                                   \
                         offsetof(struct observe_counters, field) != offsetof(struct observe_counters, most);          \
         i++)                                                                                                          \
        sum.field += o->each[i].field;
#include "vm/counter.def"
    return memcmp(&sum, &o->counters, sizeof sum) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct program *p;
    const struct observe_out out = {.told = told};
    uint64_t now_ns = 1000000000;
    if (!p) p = make();
    struct observers *o = p ? observers_new(p, &out, 1) : NULL;
    if (!o) abort();
    memset(seen, 0, sizeof seen);
    for (size_t i = 0; i + 8 <= len && i < 8 * 1000; i += 8) {
        if ((bytes[i + 7] & (ECE | CWR)) == (ECE | CWR)) o = archived(o, &out);
        segment(o, bytes + i, &now_ns);
    }
    observers_end(o, now_ns, OBSERVE_WHY_OPEN);
    if (o->chunks.used || o->conns.numbers.live || o->counters.live || !are_all(o)) abort();
    observers_free(o);
    return 0;
}
