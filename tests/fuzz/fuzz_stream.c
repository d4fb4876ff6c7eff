/* Fuzzes every reader of a connection's first bytes with any bytes. At once and in pieces, each gives the same
 * result; results are inside the bytes. The first byte selects the conditions, the second the size of the pieces. */
#include <stdlib.h>
#include <string.h>

#include "vm/stream/first.h"
#include "vm/stream/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { LIMIT = 4096 };

static struct first f;

static void inside(struct view v, const uint8_t *bytes, uint32_t n)
{
    const bool there = v.at >= bytes && v.at + v.len <= bytes + n;
    const bool joined = v.at >= f.scratch && v.at + v.len <= f.scratch + sizeof f.scratch;
    uint8_t sum = 0;
    if (!there && !joined && v.len > 3) abort(); /* "/" and the offer of HTTP/2 are constants */
    for (uint32_t i = 0; i < v.len; i++) sum ^= v.at[i];
    *(volatile uint8_t *)&sum;
}

/* Read everything that conditions may test. */
static unsigned ask(const uint8_t *bytes, uint32_t n)
{
    const struct proxy_header *from;
    const struct instruction *told;
    struct view v;
    bool offers;
    unsigned next = 0, said = 0;
    if (first_sni(&f, &v) == FIRST_KNOWN) inside(v, bytes, n), said |= 1;
    if (first_alpn(&f, "h2", 2, &offers) == FIRST_KNOWN) said |= offers ? 2 : 4;
    if (first_host(&f, &v) == FIRST_KNOWN) inside(v, bytes, n), said |= 8;
    if (first_path(&f, &v) == FIRST_KNOWN) inside(v, bytes, n), said |= v.len << 16;
    if (first_method(&f, &v) == FIRST_KNOWN) inside(v, bytes, n), said |= 16;
    while (first_header(&f, "x", &next, &v) == FIRST_KNOWN) inside(v, bytes, n), said += 1u << 8;
    if (first_bytes(&f, 1, 3, &v) == FIRST_KNOWN) inside(v, bytes, n), said |= 32;
    if (first_instruction(&f, &told) == FIRST_KNOWN) said |= 64;
    if (first_proxy(&f, &from) == FIRST_KNOWN) said |= 128;
    return said;
}

struct outcome {
    enum stream_read said;
    unsigned told, reason;
};

/* Read the bytes in pieces, each time in a separate block. Ends with the first result. */
static struct outcome read_pieces(const uint8_t *bytes, uint32_t n, uint32_t step, unsigned wants, unsigned end)
{
    struct first_at at = {.hello = {0}};
    struct outcome o = {.said = READ_MORE};
    for (uint32_t i = 0; o.said == READ_MORE; i = i + step < n ? i + step : n) {
        const struct first_asked asked = {.wants = wants, .limit = LIMIT, .end = (uint8_t)(i == n ? end : FIRST_OPEN)};
        uint8_t *exact = malloc(i ? i : 1);
        if (!exact) abort();
        memcpy(exact, bytes, i);
        o.said = first_read(&f, &at, exact, i, &asked);
        if (o.said == READ_OTHER) abort();
        o.reason = f.reason;
        o.told = ask(exact, i);
        if (o.said == READ_MORE && f.need <= i) abort();
        free(exact);
        if (i == n) break;
    }
    return o;
}

/* Check that a chunked body in two pieces ends where it ends in one. */
static void try_body(const uint8_t *bytes, uint32_t n, uint32_t cut)
{
    struct body one, two;
    uint32_t used, first, rest = 0;
    body_begin(&one, HTTP_CHUNKED, 0);
    body_begin(&two, HTTP_CHUNKED, 0);
    const enum stream_read said = body_read_all(&one, bytes, n, &used);
    cut = n ? cut % n : 0;
    enum stream_read again = body_read_all(&two, bytes, cut, &first);
    if (again == READ_MORE) again = body_read_all(&two, bytes + first, n - first, &rest);
    if (said != again || used != first + rest || used > n || one.data != two.data || one.reason != two.reason) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct http_head head;
    if (len < 2 || len > 2 * LIMIT) return 0;
    const unsigned wants = bytes[0] & 0x3f, bytes_asked = bytes[0] & 0x40 ? 4u << FIRST_BYTES_SHIFT : 0;
    const uint32_t step = 1u + bytes[1], n = (uint32_t)len - 2;
    const unsigned end = bytes[0] & 0x80 ? FIRST_LATE : FIRST_OPEN;
    const struct outcome whole = read_pieces(bytes + 2, n, n ? n : 1, wants | bytes_asked, end);
    const struct outcome pieces = read_pieces(bytes + 2, n, step, wants | bytes_asked, end);
    if (whole.said != pieces.said) abort();
    if (whole.said == READ_WHOLE && (whole.told ^ pieces.told) & ~32u) abort();
    /* if two readers reject, the one that needs fewer bytes decides */
    const unsigned readers = wants & (FIRST_TLS | FIRST_HTTP | FIRST_INSTRUCTION);
    if (whole.said == READ_BAD && !(readers & (readers - 1)) && whole.reason != pieces.reason) abort();
    try_body(bytes + 2, n, step);
    http_response_read(&head, &(struct http_at){0}, bytes + 2, n, LIMIT);
    return 0;
}
