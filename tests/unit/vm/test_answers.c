/* DNS messages as live sets read them: drawn ones compared with their parts, cut at each byte, with loops of names,
 * and other forgeries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/rng.h"
#include "vm/judge/answers/dns_message.h"
#include "vm/packet/wire.h"

enum { MOST = 5000, CNAME = 5, NAMES = 40 };

struct writer {
    uint8_t bytes[MOST];
    uint32_t len;
    struct rng *r;           /* compresses some names; NULL: none */
    uint32_t name_at[NAMES]; /* names already written */
    char name[NAMES][256];
    unsigned names;
};

static void put16(struct writer *w, unsigned v)
{
    wire_put16(w->bytes + w->len, (uint16_t)v);
    w->len += 2;
}

static void put_name(struct writer *w, const char *name)
{
    while (*name) {
        for (unsigned i = 0; w->r && i < w->names; i++)
            if (!strcmp(w->name[i], name) && rng_below(w->r, 2)) {
                put16(w, 0xc000 | w->name_at[i]);
                return;
            }
        if (w->names < NAMES && w->len < 0x3fff) {
            strcpy(w->name[w->names], name);
            w->name_at[w->names++] = w->len;
        }
        const size_t label = strcspn(name, ".");
        w->bytes[w->len++] = (uint8_t)label;
        memcpy(w->bytes + w->len, name, label);
        w->len += (uint32_t)label;
        name += label + (name[label] == '.');
    }
    w->bytes[w->len++] = 0;
}

static void begin(struct writer *w, const char *name, unsigned type, unsigned flags)
{
    struct rng *r = w->r;
    *w = (struct writer){.r = r};
    put16(w, 0x1234);
    put16(w, flags);
    put16(w, 1);
    w->len = 12;
    put_name(w, name);
    put16(w, type);
    put16(w, 1);
}

static void head(struct writer *w, const char *name, unsigned type, unsigned class, uint32_t ttl)
{
    put_name(w, name);
    put16(w, type);
    put16(w, class);
    put16(w, ttl >> 16);
    put16(w, ttl & 0xffff);
    wire_put16(w->bytes + 6, (uint16_t)(wire_get16(w->bytes + 6) + 1));
}

static void add_a(struct writer *w, const char *name, uint32_t addr, uint32_t ttl)
{
    head(w, name, MESSAGE_A, 1, ttl);
    put16(w, 4);
    put16(w, addr >> 16);
    put16(w, addr & 0xffff);
}

static void add_alias(struct writer *w, const char *name, const char *to)
{
    head(w, name, CNAME, 1, 60);
    const uint32_t at = w->len;
    w->len += 2;
    put_name(w, to);
    wire_put16(w->bytes + at, (uint16_t)(w->len - at - 2));
}

/* Read a message of exactly that many bytes, in a separate block. */
static int read_all(const uint8_t *bytes, uint32_t len, struct message *m, struct message_address *out)
{
    uint8_t *copy = malloc(len ? len : 1);
    memcpy(copy, bytes, len);
    const enum message_is is = message_read(copy, len, m);
    const int count = is == MESSAGE_READ ? message_addresses(copy, len, m, out) : -2 - (int)is;
    free(copy);
    return count;
}

static struct message m;
static struct message_address out[MESSAGE_ADDRESSES];
static int reads(const struct writer *w) { return read_all(w->bytes, w->len, &m, out); }

static void plain(void **state)
{
    (void)state;
    struct writer w = {.r = NULL};
    begin(&w, "WWW.example.net", MESSAGE_A, 0x8180);
    add_a(&w, "www.EXAMPLE.net", 0xc6336407, 77);
    assert_int_equal(reads(&w), 1);
    assert_int_equal(m.number, 0x1234);
    assert_true(m.answers);
    assert_string_equal(m.host, "www.example.net");
    assert_int_equal(m.host_len, 15);
    assert_int_equal(m.section, 12);
    assert_int_equal(m.len, 17 + 4);
    assert_int_equal(out[0].addr[0], 0xc6336407);
    assert_int_equal(out[0].ttl_s, 77);
    begin(&w, "a.example", MESSAGE_AAAA, 0x8180);
    head(&w, "a.example", MESSAGE_AAAA, 1, 0x80000001);
    put16(&w, 16);
    for (unsigned i = 0; i < 8; i++) put16(&w, 0x2001 + i);
    assert_int_equal(reads(&w), 1);
    assert_int_equal(out[0].addr[3], 0x20072008);
    assert_int_equal(out[0].ttl_s, 0);
}

/* Records that don't answer the question are ignored, and malformed ones invalidate everything. */
static void others(void **state)
{
    (void)state;
    struct writer w = {.r = NULL};
    begin(&w, "a.example", MESSAGE_A, 0x8180);
    add_a(&w, "b.example", 1, 1);
    head(&w, "a.example", MESSAGE_AAAA, 1, 1);
    put16(&w, 16);
    w.len += 16;
    head(&w, "a.example", MESSAGE_A, 3, 1); /* class CHAOS */
    put16(&w, 4);
    w.len += 4;
    add_a(&w, "a.example", 2, 1);
    assert_int_equal(reads(&w), 1);
    assert_int_equal(out[0].addr[0], 2);
    head(&w, "a.example", MESSAGE_A, 1, 1);
    put16(&w, 5);
    w.len += 5;
    assert_int_equal(reads(&w), -1);
    begin(&w, "a.example", 16, 0x8180);
    assert_int_equal(reads(&w), -2 - (int)MESSAGE_OTHER);
    begin(&w, "a.example", MESSAGE_A, 0x8980); /* another opcode */
    assert_int_equal(reads(&w), -2 - (int)MESSAGE_OTHER);
    begin(&w, "a.example", MESSAGE_A, 0x8180);
    wire_put16(w.bytes + 4, 2);
    assert_int_equal(reads(&w), -2 - (int)MESSAGE_BAD);
    begin(&w, "a.example", MESSAGE_A, 0x8180);
    w.bytes[13] = '.'; /* it would read as two labels */
    assert_int_equal(reads(&w), 0);
    assert_int_equal(m.host_len, 0);
    begin(&w, "", MESSAGE_A, 0x8180);
    assert_int_equal(reads(&w), 0);
    assert_int_equal(m.host_len, 0);
}

static void aliases(void **state)
{
    (void)state;
    char from[32], to[32];
    for (unsigned links = 0; links < MESSAGE_CHAIN + 3; links++) {
        struct writer w = {.r = NULL};
        begin(&w, "n0.example", MESSAGE_A, 0x8180);
        add_a(&w, "n0.example", 5, 1); /* beside an alias this isn't one of its own */
        for (unsigned i = 0; i < links; i++) {
            snprintf(from, sizeof from, "n%u.example", i);
            snprintf(to, sizeof to, "N%u.example", i + 1);
            add_alias(&w, from, to);
        }
        snprintf(to, sizeof to, "n%u.example", links);
        add_a(&w, to, 100 + links, 1);
        const bool follows = links <= MESSAGE_CHAIN;
        assert_int_equal(reads(&w), !follows ? -1 : links ? 1 : 2);
        if (links && follows) assert_int_equal(out[0].addr[0], 100 + links);
    }
    /* A loop of aliases ends when no record is left. */
    struct writer w = {.r = NULL};
    begin(&w, "a.example", MESSAGE_A, 0x8180);
    add_alias(&w, "a.example", "b.example");
    add_alias(&w, "b.example", "a.example");
    assert_int_equal(reads(&w), 0);
}

static void many(void **state)
{
    (void)state;
    struct writer w = {.r = NULL};
    begin(&w, "a.example", MESSAGE_A, 0x8180);
    for (unsigned i = 0; i < MESSAGE_ADDRESSES + 9; i++) add_a(&w, "a.example", i, 1);
    assert_int_equal(reads(&w), MESSAGE_ADDRESSES + 9);
    assert_int_equal(out[MESSAGE_ADDRESSES - 1].addr[0], MESSAGE_ADDRESSES - 1);
    wire_put16(w.bytes + 6, 0xffff); /* it claims that there are more */
    assert_int_equal(reads(&w), -1);
    w.len = MESSAGE_MOST + 1;
    assert_int_equal(reads(&w), -2 - (int)MESSAGE_BAD);
}

static void pointers(void **state)
{
    (void)state;
    struct writer w = {.r = NULL};
    /* A pointer to itself, ahead, into the header, and two that point at each other. */
    for (unsigned i = 0; i < 4; i++) {
        begin(&w, "a.example", MESSAGE_A, 0x8180);
        const uint32_t at = w.len, to[] = {at, at + 2, 6, at + 1};
        put16(&w, 0xc000 | to[i]);
        w.len += 14;
        wire_put16(w.bytes + 6, 1);
        assert_int_equal(reads(&w), -1);
    }
    begin(&w, "a.example", MESSAGE_A, 0x8180);
    w.bytes[12] = 0xc0; /* the question's own name */
    assert_int_equal(reads(&w), -2 - (int)MESSAGE_BAD);
    w.bytes[12] = 0x40; /* a label of neither kind */
    assert_int_equal(reads(&w), -2 - (int)MESSAGE_BAD);
}

/* Pointers to pointers: as many as a name may have labels, and one more. */
static void chains(void **state)
{
    (void)state;
    struct writer w = {.r = NULL};
    for (unsigned pointers = 127; pointers <= 128; pointers++) {
        begin(&w, "a.example", MESSAGE_A, 0x8180);
        head(&w, "else", 16, 1, 60); /* its data is everything but the last pointer */
        put16(&w, 2 * (pointers - 1));
        uint32_t to = 12;
        for (unsigned i = 1; i < pointers; i++) {
            put16(&w, 0xc000 | to);
            to = w.len - 2;
        }
        const uint32_t at = w.len;
        add_a(&w, "", 0xc6336407, 60);
        memmove(w.bytes + at + 2, w.bytes + at + 1, w.len++ - at - 1); /* a pointer replaces the root's byte */
        wire_put16(w.bytes + at, (uint16_t)(0xc000 | to));
        assert_int_equal(reads(&w), pointers == 127 ? 1 : -1);
    }
}

/* Names of the maximum length, and one byte longer. */
static void long_names(void **state)
{
    (void)state;
    char name[300];
    for (unsigned last = 60; last < 63; last++) {
        struct writer w = {.r = NULL};
        memset(name, 'x', sizeof name);
        for (unsigned i = 63; i < 192; i += 64) name[i] = '.';
        name[192 + last] = '\0';
        begin(&w, name, MESSAGE_A, 0x8180);
        add_a(&w, name, 3, 1);
        const bool fits = 192 + last + 2 <= 255;
        assert_int_equal(reads(&w), fits ? 1 : -2 - (int)MESSAGE_BAD);
        if (fits) assert_int_equal(m.host_len, 192 + last);
    }
}

/* Drawn replies, with compressed names or not: the reader gets what was written, and a part of a reply is invalid. */
static void drawn(void **state)
{
    (void)state;
    struct rng r = {.state = 7};
    for (unsigned turn = 0; turn < 2000; turn++) {
        struct writer w = {.r = &r};
        uint32_t wanted[MESSAGE_ADDRESSES];
        char name[64], to[64];
        int count = 0;
        snprintf(name, sizeof name, "h%u.d%u.example.net", (unsigned)rng_below(&r, 50), (unsigned)rng_below(&r, 50));
        begin(&w, name, MESSAGE_A, 0x8180);
        const unsigned records = 1 + (unsigned)rng_below(&r, 12);
        for (unsigned i = 0; i < records; i++) {
            const uint32_t addr = (uint32_t)rng_below(&r, UINT32_MAX);
            switch (rng_below(&r, 4)) {
            case 0:
                snprintf(to, sizeof to, "t%u.x%u.example.net", turn, i);
                add_alias(&w, name, to);
                strcpy(name, to);
                count = 0;
                break;
            case 1: add_a(&w, "other.example.net", addr, 1); break;
            default: add_a(&w, name, addr, 1); wanted[count++] = addr;
            }
        }
        assert_int_equal(reads(&w), count);
        for (int i = 0; i < count; i++) assert_int_equal(out[i].addr[0], wanted[i]);
        for (uint32_t len = 0; len < w.len; len++) assert_true(read_all(w.bytes, len, &m, out) < 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain),    cmocka_unit_test(others), cmocka_unit_test(aliases),    cmocka_unit_test(many),
        cmocka_unit_test(pointers), cmocka_unit_test(chains), cmocka_unit_test(long_names), cmocka_unit_test(drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
