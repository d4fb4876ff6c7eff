/* The capture reader by itself: everything malformed, files that libpcap doesn't take, and the writer. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/capture/capture.h"
#include "tests/unit/runtime/made.h"

static const uint16_t v24[2] = {2, 4};
static char path[] = "/tmp/capture-XXXXXX";
static char err[300];
static volatile unsigned touched; /* so that the compiler keeps the reads */

static void put_file(const void *bytes, size_t len)
{
    const int fd = open(path, O_WRONLY | O_TRUNC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

static struct capture *open_bytes(const void *bytes, size_t len)
{
    put_file(bytes, len);
    return capture_open(path, err, sizeof err);
}

/* Count the frames in the bytes, reading every byte of each; err is the reason of the end ("" for a good end). */
static unsigned frames_of(const void *bytes, size_t len)
{
    struct capture *c = open_bytes(bytes, len);
    struct capture_frame f;
    unsigned n = 0;
    if (!c) return 0;
    while (capture_next(c, &f) == 1) {
        n++;
        for (uint32_t i = 0; i < f.cap_len; i++) touched += f.data[i];
    }
    snprintf(err, sizeof err, "%s", capture_error(c));
    capture_close(c);
    return n;
}

static void expect_error(const struct made *m, unsigned frames, const char *part)
{
    err[0] = 0;
    assert_int_equal(frames_of(m->bytes, m->len), frames);
    if (!strstr(err, part)) fail_msg("`%s` does not say `%s`", err, part);
}

static void pcap_cut_anywhere(void **state)
{
    (void)state;
    struct made m = {0};
    made_pcap(&m, 0xa1b2c3d4, v24, 65535, 1);
    size_t end[MADE_FRAMES + 1] = {24};
    for (unsigned i = 0; i < MADE_FRAMES; i++) end[i + 1] = end[i] + 16 + made_frame[i].cap;
    assert_int_equal(end[MADE_FRAMES], m.len);
    for (size_t cut = 0; cut <= m.len; cut++) {
        unsigned whole = 0;
        while (whole < MADE_FRAMES && end[whole + 1] <= cut) whole++;
        assert_int_equal(frames_of(m.bytes, cut), whole);
        const bool clean = cut >= 24 && cut == end[whole];
        if (clean != !err[0]) fail_msg("cut at %zu: `%s`", cut, err);
        if (!clean && cut >= 24) assert_non_null(strstr(err, "truncated"));
        err[0] = 0;
    }
}

static void pcapng_cut_anywhere(void **state)
{
    (void)state;
    for (int big = 0; big < 2; big++) {
        struct made m = {.big = big};
        made_pcapng(&m, 6, 1000);
        unsigned last = 0;
        for (size_t cut = 0; cut <= m.len; cut++) {
            err[0] = 0;
            const unsigned n = frames_of(m.bytes, cut);
            assert_true(n >= last && n <= MADE_FRAMES);
            if (n > last) assert_int_equal(n, last + 1);
            last = n;
            const bool boundary = cut % 4 == 0 && !err[0];
            if (!boundary && !err[0]) fail_msg("a cut at %zu is no fault", cut);
        }
        assert_int_equal(last, MADE_FRAMES);
        assert_string_equal(err, "");
    }
}

static void pcap_lies(void **state)
{
    (void)state;
    struct made m = {0};
    put32(&m, 0xa1b2c3d5);
    put_fill(&m, 0, 60);
    expect_error(&m, 0, "not a pcap");
    static const uint16_t odd[][2] = {{2, 5}, {1, 0}, {3, 0}, {543, 1}};
    for (unsigned i = 0; i < 4; i++) {
        m.len = 0;
        made_pcap(&m, 0xa1b2c3d4, odd[i], 65535, 1);
        expect_error(&m, 0, "version");
    }
    m.len = 0;
    made_pcap(&m, 0xa1b23c4d, v24, 65535, 160);
    expect_error(&m, 0, "160");
    m.len = 0;
    made_pcap(&m, 0xa1b23c4d, v24, 65535, 127);
    expect_error(&m, 0, "127 (IEEE802_11_RADIO)");
    static const uint32_t lengths[] = {262145, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff0};
    for (unsigned i = 0; i < 5; i++) {
        m.len = 0;
        made_pcap_header(&m, 0xa1b2c3d4, v24, 65535, 1);
        put64(&m, 0);
        put32(&m, lengths[i]);
        put32(&m, 60);
        put_fill(&m, 0, 60);
        expect_error(&m, 0, "frame 1 claims");
    }
}

static void pcapng_lies(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {0, 1, 4, 8, 11, 13, 14, 15, 0x7ffffffc, 0xfffffffc, 0xffffffff, 0x80000000};
    for (unsigned i = 0; i < 12; i++) {
        struct made m = {0};
        made_section(&m);
        made_interface(&m, 1, 0, 6, 0);
        made_enhanced(&m, 0, 1, 20, 20, 0);
        put32(&m, 6);
        put32(&m, lengths[i]);
        put_fill(&m, 0, 40);
        err[0] = 0;
        assert_int_equal(frames_of(m.bytes, m.len), 1);
        assert_true(err[0]);
    }
    struct made m = {0};
    made_section(&m);
    made_enhanced(&m, 0, 1, 20, 20, 0);
    expect_error(&m, 0, "no interface 0");
    m.len = 0;
    made_section(&m);
    made_interface(&m, 1, 0, 6, 0);
    made_enhanced(&m, 1, 1, 20, 20, 0);
    expect_error(&m, 0, "no interface 1");
    m.len = 0;
    made_section(&m);
    made_simple(&m, 20, 20, 0);
    expect_error(&m, 0, "no interface 0");
    m.len = 0;
    made_section(&m);
    made_interface(&m, 1, 64, 6, 0);
    made_enhanced(&m, 0, 1, 65, 65, 0);
    expect_error(&m, 0, "more than its interface's limit of 64");
    m.len = 0;
    made_section(&m);
    made_interface(&m, 1, 0, 6, 0);
    made_simple(&m, 80, 20, 0);
    expect_error(&m, 0, "past the block");
    m.len = 0;
    made_section(&m);
    m.bytes[8] ^= 1;
    expect_error(&m, 0, "byte-order magic");
    m.len = 0;
    made_section(&m);
    made_interface(&m, 1, 0, 6, 0);
    const size_t second = m.len;
    made_section(&m);
    m.bytes[second + 12] = 9;
    expect_error(&m, 0, "version 9.0");
    m.len = second;
    made_unknown(&m, 77, 8);
    m.bytes[m.len - 4] ^= 4;
    expect_error(&m, 0, "lengths differ");
}

/* Test an interface description with these options, then one good frame. */
static void with_options(struct made *m, const uint8_t *bytes, size_t len)
{
    m->len = 0;
    made_section(m);
    const size_t b = block_begin(m, 1);
    put16(m, 1);
    put16(m, 0);
    put32(m, 0);
    memcpy(m->bytes + m->len, bytes, len);
    m->len += len;
    block_end(m, b);
    made_enhanced(m, 0, 1, 20, 20, 0);
}

static void options_overrun(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[16];
        uint8_t len;
        const char *says;
    } bad[] = {
        {{2, 0, 1, 0}, 4, "past the block"}, /* a value of one byte that is missing */
        {{2, 0, 5, 0, 'a', 'b', 'c', 'd'}, 8, "past the block"},
        {{2, 0, 0xff, 0xff, 1, 1, 1, 1}, 8, "past the block"},
        {{9, 0, 0, 0}, 4, "one byte"},
        {{9, 0, 2, 0, 6, 6, 0, 0}, 8, "one byte"},
        {{9, 0, 1, 0, 20, 0, 0, 0}, 8, "finer"},
        {{9, 0, 1, 0, 0xc0, 0, 0, 0}, 8, "finer"},
        {{9, 0, 1, 0, 6, 0, 0, 0, 9, 0, 1, 0, 6, 0, 0, 0}, 16, "second time"},
        {{14, 0, 4, 0, 6, 0, 0, 0}, 8, "eight bytes"},
        {{0, 0, 4, 0, 6, 0, 0, 0}, 8, "end of options"},
    };
    struct made m = {0};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        with_options(&m, bad[i].bytes, bad[i].len);
        expect_error(&m, 0, bad[i].says);
    }
    /* Bytes after the end of options are ignored; having no options is fine. */
    static const uint8_t good[] = {0, 0, 0, 0, 9, 0, 0xff, 0xff};
    with_options(&m, good, sizeof good);
    expect_error(&m, 1, "");
    with_options(&m, good, 0);
    expect_error(&m, 1, "");
}

/* Sections and interfaces that libpcap doesn't take: either byte order, several link types and snap lengths. */
static void sections_differ(void **state)
{
    (void)state;
    struct made m = {0};
    made_section(&m);
    made_interface(&m, 1, 96, 6, 0);
    made_interface(&m, 113, 0, 9, 0);
    made_interface(&m, 127, 0, 9, 0); /* unknown to the vm, but no frame has it */
    made_enhanced(&m, 1, 5, 40, 40, 7);
    made_enhanced(&m, 0, 5, 20, 20, 8);
    m.big = true;
    made_section(&m);
    made_interface(&m, 101, 24, 0x80 | 63, 10);
    made_enhanced(&m, 0, UINT64_MAX, 24, 99, 9);
    made_simple(&m, 24, 24, 3);
    struct capture *c = open_bytes(m.bytes, m.len);
    assert_non_null(c);
    static const struct {
        uint16_t dlt;
        uint8_t link;
        uint32_t iface, cap;
        uint64_t time;
        uint8_t first;
    } want[] = {
        {113, LINK_SLL, 1, 40, 5, 7},
        {1, LINK_ETHER, 0, 20, 5000, 8},
        {101, LINK_RAW, 3, 24, 11999999999, 9},
        {101, LINK_RAW, 3, 24, 10000000000, 3},
    };
    struct capture_frame f;
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(capture_next(c, &f), 1);
        assert_int_equal(f.dlt, want[i].dlt);
        assert_int_equal(f.link, want[i].link);
        assert_int_equal(f.iface, want[i].iface);
        assert_int_equal(f.cap_len, want[i].cap);
        assert_int_equal(f.time_ns, want[i].time);
        assert_int_equal(f.data[0], want[i].first);
    }
    assert_int_equal(capture_next(c, &f), 0);
    capture_close(c);
    m.big = false;
    m.len = 0;
    made_section(&m);
    made_interface(&m, 1, 0, 6, 0);
    made_interface(&m, 127, 0, 6, 0);
    made_enhanced(&m, 0, 1, 20, 20, 0);
    made_enhanced(&m, 1, 1, 20, 20, 0);
    expect_error(&m, 1, "frame 2: link type 127 (IEEE802_11_RADIO) of interface 1");
}

static void many_interfaces(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    struct made one = {0};
    const size_t b = block_begin(&one, 1);
    put16(&one, 1);
    put16(&one, 0);
    put32(&one, 0);
    block_end(&one, b);
    struct made m = {0};
    made_section(&m);
    struct made last = {0};
    made_enhanced(&last, COUNT - 1, 1, 20, 20, 0);
    const size_t len = m.len + COUNT * one.len + last.len;
    uint8_t *all = malloc(len), *to = all;
    memcpy(to, m.bytes, m.len);
    to += m.len;
    for (unsigned i = 0; i < COUNT; i++, to += one.len) memcpy(to, one.bytes, one.len);
    memcpy(to, last.bytes, last.len);
    assert_int_equal(frames_of(all, len), 1);
    assert_string_equal(err, "");
    free(all);
}

static void not_captures(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        uint8_t len;
        const char *says;
    } files[] = {
        {"", 0, "empty"},
        {"\x1f\x8b\x08\x00\x00\x00\x00\x00", 8, "gzip: the input ends in the middle"},
        {"\x1f\x8bxxxxxxxxxxxx", 14, "gzip: "},
        {"\xfd"
         "7zXZ\x00\x00",
         7, "xz: the input ends in the middle"},
        {"\x28\xb5\x2f\xfd\x01\x02", 6, "zstd: the input ends in the middle"},
        {"\x28\xb5\x2f\xfd\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 18, "zstd: "},
        {"\x04\x22\x4d\x18\x60", 5, "lz4: the input ends in the middle"},
        {"\x04\x22\x4d\x18\xff\xff\xff\xff\xff\xff\xff\xff", 12, "lz4: the compressed data is damaged"},
        {"BZh91AY", 7, "bzip2 -dc"},
        {"PK\x03\x04", 4, "unzip -p"},
        {"abc", 3, "not a pcap"},
        {"#!/bin/sh\n", 10, "not a pcap"},
        {"\xd4\xc3\xb2\xa1", 4, "truncated"},
        {"\x0a\x0d\x0d\x0a", 4, "truncated"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        assert_null(open_bytes(files[i].bytes, files[i].len));
        if (!strstr(err, files[i].says)) fail_msg("`%s` does not say `%s`", err, files[i].says);
        assert_null(strchr(err, '\n'));
    }
    assert_null(capture_open("/tmp", err, sizeof err));
    assert_non_null(strstr(err, "Is a directory"));
    assert_null(capture_open("/tmp/no/such/file", err, sizeof err));
    assert_non_null(strstr(err, "No such file"));
}

static bool same_frame(const struct capture_frame *a, const struct capture_frame *b)
{
    return a->data == b->data && a->cap_len == b->cap_len && a->wire_len == b->wire_len && a->time_ns == b->time_ns &&
           a->dlt == b->dlt && a->link == b->link && a->iface == b->iface;
}

static void batches_and_rewind(void **state)
{
    (void)state;
    struct made m = {0};
    made_pcap(&m, 0xa1b2c3d4, v24, 65535, 1);
    struct capture *c = open_bytes(m.bytes, m.len);
    struct capture_frame one[MADE_FRAMES], f[64];
    for (unsigned i = 0; i < MADE_FRAMES; i++) assert_int_equal(capture_next(c, &one[i]), 1);
    assert_int_equal(capture_next(c, &one[0]), 0);
    assert_int_equal(capture_position(c), capture_size(c));
    for (unsigned n = 1; n <= 64; n++) {
        assert_true(capture_rewind(c));
        unsigned got, all = 0;
        while ((got = capture_batch(c, f, n)) > 0) {
            for (unsigned i = 0; i < got; i++)
                if (all + i) assert_true(same_frame(&f[i], &one[all + i]));
            all += got;
        }
        assert_int_equal(all, MADE_FRAMES);
    }
    assert_int_equal(capture_copied(c), 0);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_true(capture_is(c, &st));
    assert_int_equal(stat("/tmp", &st), 0);
    assert_false(capture_is(c, &st));
    capture_close(c);
}

/* A file that shrinks while it is mapped is reported, without SIGBUS. */
static void shrinking(void **state)
{
    (void)state;
    enum { FRAMES = 4000 };
    struct made m = {0};
    made_pcap_header(&m, 0xa1b2c3d4, v24, 65535, 1);
    put_file(m.bytes, m.len);
    m.len = 0;
    put64(&m, 1);
    put32(&m, 60);
    put32(&m, 60);
    put_fill(&m, 1, 60);
    const int fd = open(path, O_WRONLY | O_APPEND);
    for (unsigned i = 0; i < FRAMES; i++) assert_int_equal(write(fd, m.bytes, m.len), (ssize_t)m.len);
    struct capture *c = capture_open(path, err, sizeof err);
    struct capture_frame f;
    for (unsigned i = 0; i < 100; i++) assert_int_equal(capture_next(c, &f), 1);
    assert_int_equal(ftruncate(fd, 8192), 0);
    close(fd);
    unsigned n = 100;
    int got;
    while ((got = capture_next(c, &f)) == 1) n++;
    assert_int_equal(got, -1);
    assert_true(n < FRAMES);
    assert_non_null(strstr(capture_error(c), "shrank"));
    capture_close(c);
    /* Within the last page there is no fault to notice, so the size is read. */
    m.len = 0;
    made_pcap(&m, 0xa1b2c3d4, v24, 65535, 1);
    c = open_bytes(m.bytes, m.len);
    assert_int_equal(truncate(path, 100), 0);
    while ((got = capture_next(c, &f)) == 1) {}
    assert_int_equal(got, -1);
    assert_non_null(strstr(capture_error(c), "shrank"));
    capture_close(c);
}

static int frame_write(struct capture_writer *w, const uint8_t *data, uint32_t cap_len, uint32_t wire_len,
                       uint64_t time_ns, uint32_t iface)
{
    return capture_write(
        w, &(struct capture_frame){
               .data = data, .cap_len = cap_len, .wire_len = wire_len, .time_ns = time_ns, .iface = iface});
}

/* Frames that their capture had cut are written and read with their wire length. */
static void written_and_read(void **state)
{
    (void)state;
    struct capture_writer *w = capture_create(path, NULL, NULL, 0, err, sizeof err);
    assert_non_null(w);
    uint8_t data[1514];
    for (unsigned i = 0; i < sizeof data; i++) data[i] = (uint8_t)i;
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(frame_write(w, data, 14 + i * 30, 14 + i * (30 + i % 3), 1700000000123456789 + i, 0), 0);
    assert_int_equal(capture_finish(w), 0);
    struct capture *c = capture_open(path, err, sizeof err);
    struct capture_frame f;
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(capture_next(c, &f), 1);
        assert_int_equal(f.cap_len, 14 + i * 30);
        assert_int_equal(f.wire_len, 14 + i * (30 + i % 3));
        assert_int_equal(f.time_ns, 1700000000123456789 + i);
        assert_int_equal(f.dlt, 1);
        assert_memory_equal(f.data, data, f.cap_len);
    }
    assert_int_equal(capture_next(c, &f), 0);
    capture_close(c);
}

/* With a name that ends in .pcapng, each frame's interface is kept. */
static void written_with_interfaces(void **state)
{
    (void)state;
    char ng[sizeof path + 8];
    snprintf(ng, sizeof ng, "%s.pcapng", path);
    const char *const ifaces[] = {"eth0", "wan.7", ""};
    struct capture_writer *w = capture_create(ng, ifaces, NULL, 3, err, sizeof err);
    assert_non_null(w);
    uint8_t data[100];
    for (unsigned i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 3);
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(frame_write(w, data, 14 + i, 14 + i + i % 3, 1700000000123456789 + i, i % 5), 0);
    assert_int_equal(capture_finish(w), 0);
    struct capture *c = capture_open(ng, err, sizeof err);
    assert_non_null(c);
    struct capture_frame f;
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(capture_next(c, &f), 1);
        assert_int_equal(f.cap_len, 14 + i);
        assert_int_equal(f.wire_len, 14 + i + i % 3);
        assert_int_equal(f.time_ns, 1700000000123456789 + i);
        assert_int_equal(f.dlt, 1);
        assert_int_equal(f.iface, i % 5 < 3 ? i % 5 : 3); /* past the last one: the one without a name */
        assert_memory_equal(f.data, data, f.cap_len);
    }
    assert_int_equal(capture_next(c, &f), 0);
    capture_close(c);
    unlink(ng);
}

static void disk_full(void **state)
{
    (void)state;
    const uint8_t data[1500] = {0};
    struct capture_writer *w = capture_create("/dev/full", NULL, NULL, 0, err, sizeof err);
    assert_non_null(w);
    assert_int_equal(capture_finish(w), -ENOSPC); /* only the header, noticed when flushing */
    w = capture_create("/dev/full", NULL, NULL, 0, err, sizeof err);
    int failed = 0;
    for (unsigned i = 0; i < 100 && !failed; i++) failed = frame_write(w, data, sizeof data, sizeof data, i, 0);
    assert_int_equal(failed, -ENOSPC);
    assert_int_equal(frame_write(w, data, 60, 60, 0, 0), -ENOSPC);
    assert_int_equal(capture_finish(w), -ENOSPC);
    assert_null(capture_create("/no/such/folder/x", NULL, NULL, 0, err, sizeof err));
    assert_non_null(strstr(err, "No such file"));
}

/* If waiting fails for good (poll: more descriptors than the limit allows), reading ends. */
static void waiting_fails(void **state)
{
    (void)state;
    const uint32_t h[] = {0xa1b2c3d4, 4 << 16 | 2, 0, 0, 65535, 1}, record[] = {1, 0, 0, 0};
    struct rlimit limit, none;
    struct capture_frame f;
    int ends[2];
    char name[32];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], h, sizeof h), sizeof h);
    snprintf(name, sizeof name, "/dev/fd/%d", ends[0]);
    struct capture *c = capture_open(name, err, sizeof err);
    assert_non_null(c);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    alarm(60);
    assert_int_equal(write(ends[1], record, sizeof record), sizeof record);
    assert_int_equal(capture_next(c, &f), 1);
    close(ends[1]);
    assert_int_equal(capture_next(c, &f), 0);
    alarm(0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    capture_close(c);
    close(ends[0]);
}

int main(void)
{
    const int fd = mkstemp(path);
    if (fd < 0) return 1;
    close(fd);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waiting_fails),
        cmocka_unit_test(pcap_cut_anywhere),
        cmocka_unit_test(pcapng_cut_anywhere),
        cmocka_unit_test(pcap_lies),
        cmocka_unit_test(pcapng_lies),
        cmocka_unit_test(options_overrun),
        cmocka_unit_test(sections_differ),
        cmocka_unit_test(many_interfaces),
        cmocka_unit_test(not_captures),
        cmocka_unit_test(batches_and_rewind),
        cmocka_unit_test(shrinking),
        cmocka_unit_test(written_and_read),
        cmocka_unit_test(written_with_interfaces),
        cmocka_unit_test(disk_full),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
