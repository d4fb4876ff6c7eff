/* Fuzzes health checks with any bytes as the reply. At once and in pieces, the result is the same; a text is found
 * if it is there; reports of the bytes are printable. The first two bytes select the check, the server's close, and
 * the size of the pieces. */
#include <stdlib.h>
#include <string.h>

#include "runtime/check/steps.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const uint8_t said[] = "220 EHLO250 QUIT221 aababaabAccept: a+PONG";
static const struct pbc_step steps[] = {
    {0, 4, PBC_STEP_EXPECT, 0},  {4, 4, PBC_STEP_SEND, 0}, {8, 4, PBC_STEP_HAS, 0},  {12, 4, PBC_STEP_SEND, 0},
    {16, 4, PBC_STEP_HAS, 0},    {20, 8, PBC_STEP_HAS, 0}, {4, 4, PBC_STEP_SEND, 0}, {37, 5, PBC_STEP_EXPECT, 0},
    {28, 9, PBC_STEP_HEADER, 0}, {20, 8, PBC_STEP_HAS, 0},
};
static const struct pbc_range ranges[] = {{200, 299}, {302, 302}};
static const struct pbc_check checks[] = {
    {.kind = PBC_CHECK_TCP, .steps = 0, .step_count = 5},
    {.kind = PBC_CHECK_TCP, .steps = 5, .step_count = 1},
    {.kind = PBC_CHECK_TCP, .steps = 5, .step_count = 3},
    {.kind = PBC_CHECK_HTTP, .steps = 8, .step_count = 2, .status_count = 2},
    {.kind = PBC_CHECK_HTTP, .steps = 8, .step_count = 1, .status_count = 2},
    {.kind = PBC_CHECK_UDP, .steps = 4, .step_count = 2},
    {.kind = PBC_CHECK_UDP, .steps = 6, .step_count = 2},
};

static struct seek seeks[sizeof checks / sizeof *checks][8];
static struct program program;

static void set_up(void)
{
    if (program.steps) return;
    program.steps = (struct pbc_step *)(uintptr_t)steps;
    program.said = (uint8_t *)(uintptr_t)said;
    program.ranges = (struct pbc_range *)(uintptr_t)ranges;
    for (size_t c = 0; c < sizeof checks / sizeof *checks; c++)
        for (uint32_t i = 0; i < checks[c].step_count; i++) {
            const struct pbc_step *s = &steps[checks[c].steps + i];
            if (s->kind == PBC_STEP_HAS && !seek_init(&seeks[c][i], said + s->bytes, s->len)) abort();
        }
}

/* Feed the reply in pieces, each in a separate block; then the server closes, or the time is over */
static enum probe_result talk(struct probe *p, unsigned check, const uint8_t *bytes, size_t len, size_t piece,
                              bool closes)
{
    enum probe_result r = PROBE_GOES_ON;
    *p = (struct probe){.program = &program, .check = &checks[check], .seeks = seeks[check], .fd = -1};
    if (p->check->kind == PBC_CHECK_TCP)
        steps_talk(p);
    else
        http_talk(p);
    for (size_t i = 0; i < len && r == PROBE_GOES_ON && p->talk.hear; i += piece) {
        const size_t n = len - i < piece ? len - i : piece;
        uint8_t *exact = malloc(n);
        if (!exact) abort();
        memcpy(exact, bytes + i, n);
        p->heard += n;
        r = p->talk.hear(p, exact, n);
        if (r == PROBE_GOOD && p->check->kind == PBC_CHECK_TCP) abort(); /* due data must be sent first */
        while (p->talk.say_next && p->talk.say_next(p))
            if (p->talk.say_len != 4) abort();
        free(exact);
    }
    if (r != PROBE_GOES_ON) return r;
    if (!p->talk.hear) return PROBE_GOOD;
    if (!closes) return p->check->kind == PBC_CHECK_TCP ? steps_late(p, "1 s") : PROBE_BAD;
    r = p->talk.hear(p, NULL, 0);
    if (r == PROBE_GOES_ON) abort();
    return r;
}

/* Compare a search with what memmem finds */
static void must_find(const uint8_t *bytes, size_t len, enum probe_result r)
{
    const bool there = memmem(bytes, len, said + 20, 8);
    if (there != (r == PROBE_GOOD)) abort();
}

static void try_datagram(unsigned check, const uint8_t *bytes, size_t len)
{
    struct probe p = {.program = &program, .check = &checks[check], .seeks = seeks[check], .fd = -1};
    const enum probe_result r = steps_datagram(&p, bytes, len);
    if (r == PROBE_GOES_ON || (r == PROBE_BAD && !*p.why)) abort();
    if (check == 6 && (r == PROBE_GOOD) != (len >= 5 && !memcmp(bytes, "+PONG", 5))) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    set_up();
    if (len < 2) return 0;
    const unsigned check = bytes[0] % (sizeof checks / sizeof *checks);
    const size_t piece = 1 + bytes[1] % 37;
    const bool closes = bytes[0] & 0x80;
    struct probe whole, cut;
    bytes += 2;
    len -= 2;
    if (checks[check].kind == PBC_CHECK_UDP) {
        try_datagram(check, bytes, len);
        return 0;
    }
    const enum probe_result one = talk(&whole, check, bytes, len, len ? len : 1, closes);
    const enum probe_result many = talk(&cut, check, bytes, len, piece, closes);
    if (one != many || one == PROBE_GOES_ON || one == PROBE_CANNOT) abort();
    if (check == 1) must_find(bytes, len, one);
    for (const char *c = whole.why; *c; c++)
        if (*c < ' ' || *c > '~') abort();
    return 0;
}
