/* PROXY headers, read and written, and instructions: each cut at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/packet/wire.h"
#include "vm/stream/first.h"

/* Read byte by byte, in memory that ends with the bytes, up to the first result; `need` is never too large. */
static enum stream_read cut_header(struct proxy_header *h, const uint8_t *bytes, uint32_t n)
{
    enum stream_read said = READ_MORE;
    uint32_t need = 0;
    for (uint32_t i = 0; i <= n && said == READ_MORE; i++) {
        uint8_t *exact = malloc(i ? i : 1);
        memcpy(exact, bytes, i);
        said = proxy_header_read(h, exact, i);
        free(exact);
        if (said == READ_MORE) assert_true(h->len > i);
        if (said == READ_WHOLE) assert_true(i >= need);
        if (said == READ_MORE) need = h->len;
    }
    return said;
}

static enum stream_read cut_line(struct proxy_header *h, const char *line)
{
    return cut_header(h, (const uint8_t *)line, (uint32_t)strlen(line));
}

static void lines(void **state)
{
    struct proxy_header h;
    (void)state;
    assert_int_equal(cut_line(&h, "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\nGET"), READ_WHOLE);
    assert_true(h.known && h.version == 1 && !h.src.v6);
    assert_int_equal(h.len, 45);
    assert_int_equal(h.src.addr[0], 0xc0000201);
    assert_int_equal(h.dst.addr[0], 0xc6336402);
    assert_int_equal(h.src.port, 56324);
    assert_int_equal(h.dst.port, 443);
    assert_int_equal(cut_line(&h, "PROXY TCP6 2001:db8::1 ::1 0 65535\r\n"), READ_WHOLE);
    assert_true(h.known && h.src.v6);
    assert_int_equal(h.src.addr[0], 0x20010db8);
    assert_int_equal(h.dst.addr[3], 1);
    assert_int_equal(cut_line(&h, "PROXY UNKNOWN\r\n"), READ_WHOLE);
    assert_false(h.known);
    assert_int_equal(cut_line(&h, "PROXY UNKNOWN ffff:: ffff:: 65535 65535\r\n"), READ_WHOLE);
    assert_false(h.known);
    assert_int_equal(cut_line(&h, "PROXz"), READ_OTHER);
    assert_int_equal(cut_line(&h, "PRO"), READ_MORE);
    assert_int_equal(cut_line(&h, "GET"), READ_OTHER);
}

static void bad_lines(void **state)
{
    static const char *const t[] = {
        "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 56324\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443 \r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443 1\r\n",
        "PROXY TCP4  192.0.2.1 198.51.100.2 56324 443\r\n",
        "PROXY TCP4 192.0.2.01 198.51.100.2 56324 443\r\n",
        "PROXY TCP4 192.0.2.256 198.51.100.2 56324 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 056 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 -1 443\r\n",
        "PROXY TCP4 ::1 ::1 1 1\r\n",
        "PROXY TCP6 192.0.2.1 ::1 1 1\r\n",
        "PROXY TCP6 fe80::1%eth0 ::1 1 1\r\n",
        "PROXY UDP4 192.0.2.1 198.51.100.2 1 1\r\n",
        "PROXY tcp4 192.0.2.1 198.51.100.2 1 1\r\n",
        "PROXY \r\n",
        "PROXY UNKNOWN\n",
        ("PROXY UNKNOWN "
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"),
    };
    struct proxy_header h;
    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) assert_int_equal(cut_line(&h, t[i]), READ_BAD);
}

static const struct stream_addr a4 = {.addr = {0xc0000201}, .port = 1000}, b4 = {.addr = {0xc6336402}, .port = 80},
                                a6 = {.addr = {0x20010db8, 0, 0, 1}, .port = 1000, .v6 = true},
                                b6 = {.addr = {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
                                      .port = 65535,
                                      .v6 = true};

static void assert_addr(const struct stream_addr *a, const struct stream_addr *is)
{
    assert_memory_equal(a->addr, is->addr, sizeof a->addr);
    assert_int_equal(a->port, is->port);
    assert_int_equal(a->v6, is->v6);
}

/* Check version 2: these bytes after the twelve that begin it. */
static void assert_written(const struct stream_addr *src, const struct stream_addr *dst, const char *bytes, uint32_t n)
{
    uint8_t out[PROXY_HEADER_OUT];
    assert_int_equal(proxy_header_write(out, 2, src, dst), 12 + n);
    assert_memory_equal(out, "\r\n\r\n\0\r\nQUIT\n", 12);
    assert_memory_equal(out + 12, bytes, n);
}

static void written(void **state)
{
    const struct stream_addr *const pairs[][2] = {{&a4, &b4}, {&a6, &b6}, {&b6, &b6}};
    uint8_t out[PROXY_HEADER_OUT];
    struct proxy_header h;
    (void)state;
    for (unsigned version = 1; version <= 2; version++) {
        for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
            const uint32_t n = proxy_header_write(out, version, pairs[i][0], pairs[i][1]);
            assert_int_equal(cut_header(&h, out, n), READ_WHOLE);
            assert_true(h.known && h.len == n && h.version == version);
            assert_addr(&h.src, pairs[i][0]);
            assert_addr(&h.dst, pairs[i][1]);
        }
        const uint32_t n = proxy_header_write(out, version, NULL, NULL);
        assert_int_equal(cut_header(&h, out, n), READ_WHOLE);
        assert_true(!h.known && h.len == n);
    }
    assert_int_equal(proxy_header_write(out, 1, &a4, &b4), 43);
    assert_memory_equal(out, "PROXY TCP4 192.0.2.1 198.51.100.2 1000 80\r\n", 43);
    assert_written(NULL, NULL, "\x20\0\0\0", 4);
    assert_written(&a4, &b4, "\x21\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\2\3\xe8\0\x50", 16);
    assert_written(&a6, &b6,
                   "\x21\x21\0\x24\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
                   "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\3\xe8\xff\xff",
                   40);
}

/* Write a header of version 2 for IPv4 with these TLVs after its addresses; returns its length. */
static uint32_t with_tlvs(uint8_t *out, const void *tlvs, uint32_t len)
{
    const uint32_t n = proxy_header_write(out, 2, &a4, &b4);
    memcpy(out + n, tlvs, len);
    wire_put16(out + 14, (uint16_t)(12 + len));
    return n + len;
}

static void tlvs(void **state)
{
    static const char authority[] = "\2\0\6a.test\4\0\0", crc[] = "\3\0\4\0\0\0\0\2\0\1x";
    uint8_t out[256];
    struct proxy_header h;
    (void)state;
    uint32_t n = with_tlvs(out, authority, sizeof authority - 1);
    assert_int_equal(cut_header(&h, out, n), READ_WHOLE);
    assert_true(h.known && h.len == n);
    n = with_tlvs(out, crc, sizeof crc - 1);
    assert_int_equal(proxy_header_read(&h, out, n), READ_BAD);
    wire_put32(out + 28 + 3, csum_crc32c(0, out, n));
    assert_int_equal(proxy_header_read(&h, out, n), READ_WHOLE);
    out[n - 1] = 'y';
    assert_int_equal(proxy_header_read(&h, out, n), READ_BAD);
    n = with_tlvs(out, "\2\0\7a.test", 9);
    assert_int_equal(proxy_header_read(&h, out, n), READ_BAD);
    static const char tls[] = "\x20\0\5\1\0\0\0\0", plain[] = "\x20\0\5\6\0\0\0\0";
    n = with_tlvs(out, tls, sizeof tls - 1);
    assert_true(proxy_header_read(&h, out, n) == READ_WHOLE && h.tls);
    n = with_tlvs(out, plain, sizeof plain - 1); /* names a certificate, but no TLS */
    assert_true(proxy_header_read(&h, out, n) == READ_WHOLE && !h.tls);
    n = with_tlvs(out, "\x20\0\4\1\0\0\0", 7);
    assert_int_equal(proxy_header_read(&h, out, n), READ_BAD);
    n = with_tlvs(out, "\2\0", 2);
    assert_int_equal(proxy_header_read(&h, out, n), READ_BAD);
}

static void headers(void **state)
{
    static const struct {
        uint8_t command, family;
        uint16_t len;
        uint8_t said;
    } t[] = {
        {0x21, 0x11, 12, READ_WHOLE},  {0x21, 0x11, 11, READ_BAD},  {0x21, 0x21, 35, READ_BAD},
        {0x21, 0x31, 216, READ_WHOLE}, {0x21, 0x31, 215, READ_BAD}, {0x21, 0x12, 12, READ_WHOLE},
        {0x21, 0x00, 0, READ_WHOLE},   {0x21, 0x00, 5, READ_WHOLE}, {0x21, 0x41, 12, READ_BAD},
        {0x21, 0x13, 12, READ_BAD},    {0x20, 0x00, 0, READ_WHOLE}, {0x20, 0x41, 3, READ_WHOLE},
        {0x22, 0x11, 12, READ_BAD},    {0x11, 0x11, 12, READ_BAD},  {0x21, 0x11, 60000, READ_BAD},
    };
    uint8_t out[512];
    struct proxy_header h;
    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        memset(out, 0, sizeof out);
        proxy_header_write(out, 2, NULL, NULL);
        out[12] = t[i].command;
        out[13] = t[i].family;
        wire_put16(out + 14, t[i].len);
        assert_int_equal(cut_header(&h, out, sizeof out), t[i].said);
        if (t[i].said == READ_WHOLE) assert_int_equal(h.known, t[i].command == 0x21 && t[i].family == 0x11);
    }
}

/* ---- instructions ---- */

static enum stream_read cut_instruction(struct instruction *in, const char *text)
{
    enum stream_read said = READ_MORE;
    uint32_t need = 0;
    for (uint32_t i = 0; i <= strlen(text) && said == READ_MORE; i++) {
        uint8_t *exact = malloc(i ? i : 1);
        memcpy(exact, text, i);
        said = instruction_read(in, exact, i);
        free(exact);
        if (said == READ_MORE) assert_true(in->len > i);
        if (said == READ_WHOLE) assert_true(i >= need && i == in->len);
        if (said == READ_MORE) need = in->len;
    }
    return said;
}

static void instructions(void **state)
{
    static const struct {
        const char *text;
        uint32_t len, last_word;
        unsigned port, nat;
        bool v6, sum;
    } t[] = {
        {"20192.168.2.6:666600hello", 20, 0xc0a80206, 6666, 0, false, false},
        {"131.1.1.1:1", 0, 0, 0, 0, false, false},
        {"131.1.1.1:141", 13, 0x01010101, 1, 0, false, true},
        {"20[2001:db8::1]:80~ ", 20, 1, 80, 0, true, false},
        {"1 192.0.2.1 80                  rest", 32, 0xc0000201, 80, 1, false, true},
        {"2 [2001:db8::1] 65535           ", 32, 1, 65535, 2, true, true},
    };
    struct instruction in;
    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        const enum stream_read said = cut_instruction(&in, t[i].text);
        assert_int_equal(said, t[i].len ? READ_WHOLE : READ_MORE);
        if (!t[i].len) continue;
        assert_int_equal(in.len, t[i].len);
        assert_int_equal(in.target.addr[t[i].v6 ? 3 : 0], t[i].last_word);
        assert_int_equal(in.target.port, t[i].port);
        assert_int_equal(in.target.v6, t[i].v6);
        assert_int_equal(in.nat, t[i].nat);
        assert_int_equal(in.sum_holds, t[i].sum);
    }
}

static void bad_instructions(void **state)
{
    static const char *const t[] = {
        "18[fe80::1]x808000",
        "12",
        "65192.168.2.6:6666",
        "99",
        "00",
        "1x",
        "3 192.0.2.1 80                  ",
        "20192.168.2.6 666600",
        "20192.168.2.6:066600",
        "19192.168.2.6:6666\t0",
        "19192.168.2.6:0000x",
        "20192.168.02.6:66600",
        "21192.168.2.6:6666600",
        "18[::1.2.3.4:80x00",
        "17[::ffff:1.2.3.4]:8000",
        "24[::ffff:1.2.3.4]:80000",
        "21fe80::1%eth0]:80800",
        "16[fe80::1]80.00",
        "1  192.0.2.1 80                 ",
        "1 192.0.2.1  80                 ",
        "1 192.0.2.1 80 x                ",
        "1 192.0.2.1 80\t                 ",
        "1 192.0.2.1                     ",
        "1                               ",
        "1 2001:db8::1 80                ",
        "1 192.0.2.1:80                  ",
        "1 192.0.2.1 0                   ",
        "1 host.example 80               ",
    };
    struct instruction in;
    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        if (cut_instruction(&in, t[i]) != READ_BAD) printf("# %s\n", t[i]);
        assert_int_equal(cut_instruction(&in, t[i]), READ_BAD);
    }
    assert_int_equal(cut_instruction(&in, "x"), READ_OTHER);
    assert_int_equal(cut_instruction(&in, " 2"), READ_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(bad_lines),
        cmocka_unit_test(written),
        cmocka_unit_test(tlvs),
        cmocka_unit_test(headers),
        cmocka_unit_test(instructions),
        cmocka_unit_test(bad_instructions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
