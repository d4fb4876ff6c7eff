/* Health checks, each kind against healthy and unhealthy servers. The test sets the clock, so each turn comes at
 * once and is counted. */
#include "tests/unit/runtime/far_end.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "runtime/check/checks.h"
#include "runtime/check/heap.h"
#include "runtime/host/file/certificates.h"
#include "tests/lib/judge.h"
#include "vm/program/remap.h"

struct bench {
    struct judge *judge;
    struct checks *checks;
    uint64_t now;
};

/* Set up a pool of one server at that port, with the check. */
static void set_up(struct bench *b, const char *check, const char *address, uint16_t port)
{
    char text[2048], err[300];
    const bool v6 = strchr(address, ':');
    const int n = snprintf(text, sizeof text,
                           "check c = %s\npool p { check c; server s %s%s%s:%u }\n"
                           "service v on %s tcp/80 { mode proxy; -> p }\n",
                           check, v6 ? "[" : "", address, v6 ? "]" : "", port, v6 ? "2001:db8::1" : "203.0.113.1");
    b->judge = judge_new("check", text, (size_t)n, stderr);
    assert_non_null(b->judge);
    b->now = 1000000000000;
    const struct checks_cfg cfg = {.icmp4 = -1, .icmp6 = -1, .seed = 7};
    b->checks = checks_new(judge_program(b->judge), &cfg, NULL, NULL, b->now, err, sizeof err);
    if (!b->checks) fail_msg("%s", err);
}

static void tear_down(struct bench *b)
{
    checks_free(b->checks);
    judge_free(b->judge);
}

static uint64_t ended(const struct bench *b)
{
    const struct check_state *s = checks_of(b->checks, 0);
    return s->good + s->bad;
}

static uint64_t real_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Run one probe to its end. The server has a real minute, and all of the check's time. */
static const struct check_state *probe(struct bench *b)
{
    const uint64_t before = ended(b);
    b->now = checks_due(b->checks);
    checks_step(b->checks, b->now);
    for (const uint64_t until = real_ms() + 60000; ended(b) == before && real_ms() < until;) {
        struct pollfd p = {.fd = checks_fd(b->checks), .events = POLLIN};
        poll(&p, 1, 10);
        checks_step(b->checks, b->now);
    }
    return checks_of(b->checks, 0);
}

/* Run a probe without a reply, or without a complete one (`begins`), until it expires. */
static const struct check_state *probe_unanswered(struct bench *b, struct far_end *f, bool begins)
{
    const int taken = f->taken;
    const int answered = f->answered;
    b->now = checks_due(b->checks);
    checks_step(b->checks, b->now);
    for (const uint64_t until = real_ms() + 60000;
         (f->taken == taken || (begins && f->answered == answered)) && real_ms() < until;) {
        struct pollfd p = {.fd = checks_fd(b->checks), .events = POLLIN};
        poll(&p, 1, 10);
        checks_step(b->checks, b->now);
    }
    for (unsigned i = 0; begins && i < 3; i++) checks_step(b->checks, b->now); /* it reads the available data */
    const uint64_t before = ended(b);
    checks_step(b->checks, b->now = checks_due(b->checks));
    assert_int_equal(ended(b), before + 1);
    return checks_of(b->checks, 0);
}

/* ---- kinds ---- */

#define SMTP "tcp expect \"220 \" send \"EHLO prey\\r\\n\" expect has \"250 \" send \"QUIT\\r\\n\" expect has \"221 \""
#define REDIS                                                                                                          \
    "tcp send \"PING\\r\\n\" expect \"+PONG\\r\\n\" send \"info replication\\r\\n\" expect has \"role:master\" "       \
    "send \"QUIT\\r\\n\" expect has \"+OK\""

static const struct outcome {
    const char *check;
    int family, type;
    enum far_way way;
    const char *text;
    bool good;
    const char *why;
} outcomes[] = {
    {"tcp", AF_INET, SOCK_STREAM, FAR_CLOSES, "", true, "good"},
    {"tcp", AF_INET6, SOCK_STREAM, FAR_CLOSES, "", true, "good"},
    {"tcp expect x\"32 32 30\"", AF_INET, SOCK_STREAM, FAR_ANSWERS, "220 ready\r\n", true, "good"},
    {"tcp expect x\"32 32 30\"", AF_INET, SOCK_STREAM, FAR_DRIPS, "220 ready\r\n", true, "good"},
    {"tcp expect x\"32 32 30\"", AF_INET, SOCK_STREAM, FAR_ANSWERS, "421 busy\r\n", false, "other bytes"},
    {"tcp expect x\"32 32 30\"", AF_INET, SOCK_STREAM, FAR_ANSWERS, "22", false,
     "the server closed the connection in the middle of its reply"},
    {"tcp expect x\"32 32 30\"", AF_INET, SOCK_STREAM, FAR_CLOSES, "", false,
     "the server closed the connection before it replied"},
    {"tcp send x\"50\" expect x\"2b\"", AF_INET6, SOCK_STREAM, FAR_ANSWERS, "+PONG", true, "good"},
    {"tcp expect x\"32 32 30\"", AF_INET, SOCK_STREAM, FAR_SILENT, "", false, "no reply within 1 s"},
    {"http GET \"/h\" expect 200", AF_INET, SOCK_STREAM, FAR_ANSWERS, "HTTP/1.1 200 OK\r\n\r\n", true, "good"},
    {"http GET \"/h\" expect 200", AF_INET6, SOCK_STREAM, FAR_DRIPS, "HTTP/1.0 200\r\n\r\n", true, "good"},
    {"http GET \"/h\" expect 200, 3xx", AF_INET, SOCK_STREAM, FAR_ANSWERS, "HTTP/1.1 302 Found\r\n\r\n", true, "good"},
    {"http GET \"/h\" expect 200", AF_INET, SOCK_STREAM, FAR_ANSWERS, "HTTP/1.1 302 Found\r\n\r\n", false,
     "status 302"},
    {"http GET \"/h\" expect 200", AF_INET, SOCK_STREAM, FAR_ANSWERS, "HTTP/1.1 503 Busy\r\n\r\n", false, "status 503"},
    {"http GET \"/h\" expect 200", AF_INET, SOCK_STREAM, FAR_ANSWERS, "SSH-2.0-x\r\n", false, "isn't HTTP/1"},
    {"http GET \"/h\" expect 200", AF_INET, SOCK_STREAM, FAR_ANSWERS, "HTTP/1.1 2000 OK\r\n", false, "isn't HTTP/1"},
    {"http GET \"/h\" expect 200", AF_INET, SOCK_STREAM, FAR_ANSWERS, "HTTP/1.1 20", false,
     "the server closed the connection in the middle of its reply"},
    {"http GET \"/h\" expect 200", AF_INET, SOCK_STREAM, FAR_SILENT, "", false, "no reply within 1 s"},
    {"http GET \"/h\" expect 200", AF_INET, SOCK_STREAM, FAR_FLOODS, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false,
     "the reply is longer than the 256 KiB that prey reads"},
    {"http GET \"/h\" expect 200 body has \"all is well\"", AF_INET, SOCK_STREAM, FAR_ANSWERS,
     "HTTP/1.1 200 OK\r\nA: b\r\n\r\nwe say: all is well.", true, "good"},
    {"http GET \"/h\" expect 200 body has \"all is well\"", AF_INET, SOCK_STREAM, FAR_DRIPS,
     "HTTP/1.1 200 OK\r\nA: b\r\n\r\nwe say: all all is well.", true, "good"},
    {"http GET \"/h\" expect 200 body has \"all is well\"", AF_INET, SOCK_STREAM, FAR_ANSWERS,
     "HTTP/1.1 200 OK\r\nall is well: b\r\n\r\nno.", false, "the body lacks"},
    {"http GET \"/h\" expect 200 body has \"all is well\"", AF_INET, SOCK_STREAM, FAR_DRIPS,
     "HTTP/1.1 200 OK\n\nall is wel", false, "the body lacks"},
    {"udp send x\"01\" expect x\"4f 4b\"", AF_INET, SOCK_DGRAM, FAR_ECHO, "OK then", true, "good"},
    {"udp send x\"01\" expect x\"4f 4b\"", AF_INET6, SOCK_DGRAM, FAR_ECHO, "OK", true, "good"},
    {"udp send x\"01\" expect x\"4f 4b\"", AF_INET, SOCK_DGRAM, FAR_ECHO, "O", false,
     "the reply begins with other bytes than \"OK\": \"O\""},
    {"udp send \"?\" expect has \"well\"", AF_INET, SOCK_DGRAM, FAR_ECHO, "all is well", true, "good"},
    {"udp send \"?\" expect has \"well\"", AF_INET, SOCK_DGRAM, FAR_ECHO, "all is wel", false,
     "\"well\" isn't in the 10 bytes that the server sent: \"all is wel\""},
    /* steps */
    {SMTP, AF_INET, SOCK_STREAM, FAR_TALKS, "220 mx\r\n|250-mx\r\n250 SIZE\r\n|221 bye\r\n", true, "good"},
    {SMTP, AF_INET6, SOCK_STREAM, FAR_TALKS, "220 mx\r\n250 early\r\n|221 bye\r\n|", true, "good"},
    {SMTP, AF_INET, SOCK_STREAM, FAR_TALKS, "220 mx\r\n|250-mx\r\n250 SIZE\r\n|", false,
     "step 5: \"221 \" isn't in the 6 bytes before the server closed the connection: \"SIZE\\r\\n\""},
    {SMTP, AF_INET, SOCK_STREAM, FAR_TALKS, "421 busy\r\n", false,
     "step 1: the reply begins with other bytes than \"220 \": \"421 busy\\r\\n\""},
    {SMTP, AF_INET, SOCK_STREAM, FAR_CLOSES, "", false, "step 1: the server closed the connection before it replied"},
    {REDIS, AF_INET, SOCK_STREAM, FAR_TALKS, "|+PONG\r\n|$99\r\nrole:mrole:master\r\nx:1\r\n|+OK\r\n", true, "good"},
    {REDIS, AF_INET, SOCK_STREAM, FAR_TALKS, "|+PONG\r\n|role:slave\r\nx:1\r\n", false,
     "step 4: \"role:master\" isn't in the 17 bytes before the server closed the connection: "
     "\"role:slave\\r\\nx:1\\r\\n\""},
    {REDIS, AF_INET, SOCK_STREAM, FAR_TALKS, "|-NOAUTH Authentication required.\r\n", false,
     "step 2: the reply begins with other bytes than \"+PONG\\r\\n\": \"-NOAUTH Authentication r\"..."},
    {"tcp expect has \"aab\"", AF_INET, SOCK_STREAM, FAR_DRIPS, "caaaabc", true, "good"},
    {"tcp expect has x\"ff 01\"", AF_INET, SOCK_STREAM, FAR_ANSWERS, "\x01\xff\xff\x02", false,
     "\"\\xff\\x01\" isn't in the 4 bytes before the server closed the connection: \"\\x01\\xff\\xff\\x02\""},
    {"tcp expect \"2\" expect \"2\" expect \"0\"", AF_INET, SOCK_STREAM, FAR_ANSWERS, "220", true, "good"},
    {"tcp expect \"22\" send \"a\" send \"b\"", AF_INET, SOCK_STREAM, FAR_TALKS, "22|", true, "good"},
    {"tcp send \"a\"", AF_INET, SOCK_STREAM, FAR_CLOSES, "", true, "good"},
    {"tcp expect has \"b\"", AF_INET, SOCK_STREAM, FAR_FLOODS, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false,
     " bytes that prey read: ...\"aaaaaaaaaaaaaaaaaaaaaaaa\"..."},
    {"tcp expect has \"b\"", AF_INET, SOCK_STREAM, FAR_WAITS, "220", false,
     "\"b\" isn't in the 3 bytes that came within 1 s: \"220\""},
    {"tcp expect \"220 \"", AF_INET, SOCK_STREAM, FAR_WAITS, "22", false,
     "\"220 \" isn't in the 2 bytes that came within 1 s: \"22\""},
    {SMTP, AF_INET, SOCK_STREAM, FAR_WAITS, "220 ", false, "step 3: no reply within 1 s"},
    {SMTP, AF_INET, SOCK_STREAM, FAR_RESETS, "22", false, "connection reset"},
    /* requests */
    {"http HEAD \"/\" expect 200-399, 401", AF_INET, SOCK_STREAM, FAR_ANSWERS, "HTTP/1.1 399 x\r\n\r\n", true, "good"},
    {"http HEAD \"/\" expect 200-399, 401", AF_INET, SOCK_STREAM, FAR_ANSWERS, "HTTP/1.1 401 x\r\n\r\n", true, "good"},
    {"http HEAD \"/\" expect 200-399, 401", AF_INET, SOCK_STREAM, FAR_ANSWERS, "HTTP/1.1 400 x\r\n\r\n", false,
     "status 400"},
    {"http OPTIONS \"*\" expect 2xx body has \"a\"", AF_INET, SOCK_STREAM, FAR_DRIPS, "HTTP/1.1 204 x\r\n\r\nba", true,
     "good"},
    {"http GET \"/\" expect 200", AF_INET, SOCK_STREAM, FAR_RESETS, "HTTP/1.1 2", false, "connection reset"},
    {"http GET \"/\" expect 200 body has \"b\"", AF_INET, SOCK_STREAM, FAR_FLOODS, "HTTP/1.1 200 x\r\n\r\na", false,
     "the reply is longer than the 256 KiB that prey reads"},
};

static void kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
        const struct outcome *o = &outcomes[i];
        struct far_end f = {.way = o->way, .text = o->text};
        struct bench b;
        far_begin(&f, o->family, o->type);
        set_up(&b, o->check, o->family == AF_INET ? "127.0.0.1" : "::1", f.port);
        const struct check_state *s =
            o->way == FAR_SILENT || o->way == FAR_WAITS ? probe_unanswered(&b, &f, o->way == FAR_WAITS) : probe(&b);
        if (s->up != o->good || !s->known || !strstr(s->why, o->why))
            fail_msg("row %zu, %s: %s, said: %s", i, o->check, s->up ? "up" : "down", s->why);
        tear_down(&b);
        far_end(&f);
    }
}

static void nobody_listens(void **state)
{
    (void)state;
    static const char *const checks[] = {"tcp", "http GET \"/\" expect 200", "udp send x\"01\" expect x\"02\""};
    for (unsigned i = 0; i < 3; i++) {
        struct far_end f = {0};
        struct bench b;
        far_begin(&f, AF_INET, i == 2 ? SOCK_DGRAM : SOCK_STREAM);
        far_end(&f); /* the port is free again */
        set_up(&b, checks[i], "127.0.0.1", f.port);
        const struct check_state *s = probe(&b);
        assert_false(s->up);
        assert_string_equal(s->why, i == 2 ? "port unreachable" : "connection refused");
        tear_down(&b);
    }
}

/* ---- TLS ---- */

static void certificates(void **state)
{
    (void)state;
    static const struct {
        const char *name, *options;
        long ends;
        bool good;
        const char *why;
    } rows[] = {
        {"shop.example", "sni \"shop.example\" verify ca \"%s\"", 3600, true, "good"},
        {"shop.example", "host \"shop.example\" verify ca \"%s\"", 3600, true, "good"},
        {"shop.example", "sni \"other.example\" verify ca \"%s\"", 3600, false, "certificate: hostname mismatch"},
        {"shop.example", "sni \"shop.example\" verify ca \"%s\"", -3600, false, "certificate: certificate has expired"},
        {"shop.example", "sni \"shop.example\"", 3600, false, "certificate: self-signed certificate"},
        {"shop.example", "verify off%.0s", -3600, true, "good"},
    };
    char file[] = "/tmp/prey-check-XXXXXX";
    close(mkstemp(file));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct far_end f = {.way = FAR_ANSWERS, .text = "HTTP/1.1 200 OK\r\n\r\n"};
        struct bench b;
        char options[256], check[512];
        f.tls = far_certificate(rows[i].name, file, rows[i].ends);
        far_begin(&f, AF_INET, SOCK_STREAM);
        snprintf(options, sizeof options, rows[i].options, file);
        snprintf(check, sizeof check, "https GET \"/\" %s expect 200", options);
        set_up(&b, check, "127.0.0.1", f.port);
        const struct check_state *s = probe(&b);
        if (s->up != rows[i].good || !strstr(s->why, rows[i].why)) fail_msg("row %zu: %s", i, s->why);
        tear_down(&b);
        far_end(&f);
    }
    unlink(file);
}

/* Only files of certificates are passed to a process that may read no other file. */
static void certificates_alone(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        const char *why;
    } rows[] = {
        {"-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n", true, ""},
        {"-----BEGIN TRUSTED CERTIFICATE-----\nMA==\n", true, ""},
        {"-----BEGIN CERTIFICATE-----\nMA==\n-----BEGIN EC PRIVATE KEY-----\n", false, "has a private key"},
        {"root:x:0:0:root:/root:/bin/sh\n", false, "has no certificate"},
        {"", false, "has no certificate"},
    };
    char file[] = "/tmp/prey-check-XXXXXX", err[400];
    int fd = mkstemp(file);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, rows[i].text, strlen(rows[i].text), 0), strlen(rows[i].text));
        const int got = certificates_open(file, err, sizeof err);
        if (rows[i].good != (got >= 0) || (got < 0 && !strstr(err, rows[i].why))) fail_msg("row %zu: %s", i, err);
        if (got >= 0) close(got);
    }
    close(fd);
    unlink(file);
    assert_int_equal(certificates_open("/", err, sizeof err), -EINVAL);
    assert_int_equal(certificates_open(file, err, sizeof err), -ENOENT);
}

/* Only regular files are opened, because opening a device may have an effect. */
static void no_device_is_opened(void **state)
{
    (void)state;
    char folder[] = "/tmp/prey-check-XXXXXX", path[64], err[400];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/fifo", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    const int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    assert_true(inotify_add_watch(watch, path, IN_OPEN) >= 0);
    assert_int_equal(certificates_open(path, err, sizeof err), -EINVAL);
    assert_non_null(strstr(err, "isn't a regular file"));
    assert_int_equal(read(watch, err, sizeof err), -1);
    assert_int_equal(errno, EAGAIN);
    close(watch);
    unlink(path);
    rmdir(folder);
}

/* ---- consecutive results ---- */

static void rise_and_fall(void **state)
{
    (void)state;
    struct far_end f = {.way = FAR_ANSWERS, .text = "HTTP/1.1 200 OK\r\n\r\n"};
    struct bench b;
    far_begin(&f, AF_INET, SOCK_STREAM);
    set_up(&b, "http GET \"/\" expect 200 rise 3 fall 2", "127.0.0.1", f.port);
    /* Results, and whether the server is up after each: only consecutive ones count. */
    static const struct {
        bool good, up;
    } steps[] = {{1, 1}, {0, 1}, {1, 1}, {0, 1}, {0, 0}, {1, 0}, {1, 0},
                 {0, 0}, {1, 0}, {1, 0}, {1, 1}, {0, 1}, {0, 0}};
    unsigned changes = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        f.text = steps[i].good ? "HTTP/1.1 200 OK\r\n\r\n" : "HTTP/1.1 500 Oh\r\n\r\n";
        const bool before = checks_of(b.checks, 0)->up;
        const struct check_state *s = probe(&b);
        if (s->up != steps[i].up) fail_msg("after answer %zu it is %s", i, s->up ? "up" : "down");
        changes += s->up != before;
        assert_int_equal(s->changes, changes);
        assert_int_equal(checks_next_change(b.checks), s->up != before ? 0 : UINT32_MAX);
    }
    tear_down(&b);
    far_end(&f);
}

static void first_probe_decides(void **state)
{
    (void)state;
    struct far_end f = {.way = FAR_ANSWERS, .text = "HTTP/1.1 500 Oh\r\n\r\n"};
    struct bench b;
    far_begin(&f, AF_INET, SOCK_STREAM);
    set_up(&b, "http GET \"/\" expect 200 rise 3 fall 9", "127.0.0.1", f.port);
    assert_true(checks_of(b.checks, 0)->up);
    assert_false(checks_of(b.checks, 0)->known);
    assert_false(probe(&b)->up);
    tear_down(&b);
    far_end(&f);
}

/* Turns vary by a tenth around `every`, and have the same average. */
static void turns(void **state)
{
    (void)state;
    struct far_end f = {.way = FAR_CLOSES, .text = ""};
    struct bench b;
    uint64_t least = UINT64_MAX, most = 0;
    far_begin(&f, AF_INET, SOCK_STREAM);
    set_up(&b, "tcp every 10s", "127.0.0.1", f.port);
    probe(&b);
    const uint64_t begin = b.now;
    for (unsigned i = 0; i < 200; i++) {
        const uint64_t before = b.now;
        probe(&b);
        const uint64_t gap = b.now - before;
        if (gap < least) least = gap;
        if (gap > most) most = gap;
    }
    assert_true(least >= 9000000000 && most <= 11000000000);
    assert_true(least < 9300000000 && most > 10700000000);
    assert_in_range((b.now - begin) / 200, 9800000000, 10200000000);
    tear_down(&b);
    far_end(&f);
}

/* A reload: a check that probes as before keeps its turn, and a changed one begins again, soon. */
static void changed_checks(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after;
        bool same;
    } rows[] = {
        {"tcp every 10s", "tcp every 10s rise 5", true},
        {"tcp send \"a\" expect \"b\" every 10s", "tcp send x\"61\" expect x\"62\" every 10s", true},
        {"tcp send \"a\" expect \"b\" every 10s", "tcp send \"a\" expect has \"b\" every 10s", false},
        {"tcp send \"a\" expect \"b\" every 10s", "tcp send \"a\" expect \"c\" every 10s", false},
        {"tcp send \"a\" expect \"b\" every 10s", "tcp expect \"b\" send \"a\" every 10s", false},
        {"tcp every 10s", "tcp every 10s timeout 2s", false},
        {"tcp every 10s", "tcp every 10s from 127.0.0.9", false},
        {"http GET \"/\" expect 200 every 10s", "http HEAD \"/\" expect 200 every 10s", false},
        {"http GET \"/\" expect 200 every 10s", "http GET \"/\" expect 200-299 every 10s", false},
        {"http GET \"/\" expect 200 every 10s", "http GET \"/\" expect 200, 204 every 10s", false},
        {"http GET \"/\" expect 200 every 10s", "http GET \"/\" header \"A\" \"b\" expect 200 every 10s", false},
        {"https GET \"/\" sni \"a\" verify off expect 200 every 10s",
         "https GET \"/\" sni \"b\" verify off expect 200 every 10s", false},
    };
    struct far_end f = {.way = FAR_CLOSES, .text = ""};
    far_begin(&f, AF_INET, SOCK_STREAM);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench a, b;
        char err[300];
        set_up(&a, rows[i].before, "127.0.0.1", f.port);
        set_up(&b, rows[i].after, "127.0.0.1", f.port);
        probe(&a);
        const uint64_t turn = checks_due(a.checks);
        const struct checks_cfg cfg = {.icmp4 = -1, .icmp6 = -1, .seed = 7};
        struct program *to = judge_program(b.judge);
        uint32_t same[] = {0};
        const struct remap remap = {.server = same};
        struct checks *next = checks_new(to, &cfg, a.checks, &remap, a.now, err, sizeof err);
        assert_non_null(next);
        if ((checks_due(next) == turn) != rows[i].same || (!rows[i].same && checks_due(next) > a.now + 2500000000))
            fail_msg("row %zu: the turn is %s", i, rows[i].same ? "another" : "kept, or late");
        assert_int_equal(checks_of(next, 0)->good + checks_of(next, 0)->bad, 1);
        checks_free(next);
        tear_down(&a);
        tear_down(&b);
    }
    far_end(&f);
}

static void hints(void **state)
{
    (void)state;
    struct far_end f = {.way = FAR_CLOSES, .text = ""};
    struct bench b;
    far_begin(&f, AF_INET, SOCK_STREAM);
    set_up(&b, "tcp fall 2 passive", "127.0.0.1", f.port);
    probe(&b);
    checks_hint(b.checks, 0, "a client's connection was refused", b.now);
    assert_true(checks_of(b.checks, 0)->up);
    checks_hint(b.checks, 0, "a client's connection was refused", b.now);
    assert_false(checks_of(b.checks, 0)->up);
    assert_string_equal(checks_of(b.checks, 0)->why, "a client's connection was refused");
    tear_down(&b);
    set_up(&b, "tcp fall 2", "127.0.0.1", f.port);
    probe(&b);
    for (unsigned i = 0; i < 5; i++) checks_hint(b.checks, 0, "a client's connection was refused", b.now);
    assert_true(checks_of(b.checks, 0)->up);
    tear_down(&b);
    /* A single good probe doesn't bring back a server that traffic took down before the first probe. */
    set_up(&b, "tcp rise 2 fall 2 passive", "127.0.0.1", f.port);
    for (unsigned i = 0; i < 2; i++) checks_hint(b.checks, 0, "a client's connection was refused", b.now);
    assert_false(probe(&b)->up);
    assert_true(probe(&b)->up);
    tear_down(&b);
    far_end(&f);
}

/* A delayed loop extends its probe's time once; then the probe expires. */
static void held_up(void **state)
{
    (void)state;
    struct far_end f = {.way = FAR_SILENT, .text = ""};
    struct bench b;
    far_begin(&f, AF_INET, SOCK_STREAM);
    set_up(&b, "tcp expect x\"32\"", "127.0.0.1", f.port);
    checks_step(b.checks, b.now = checks_due(b.checks));
    const uint64_t due = checks_due(b.checks), late = due + 300000000;
    checks_step(b.checks, late);
    assert_int_equal(ended(&b), 0);
    assert_int_equal(checks_due(b.checks), late + 300000000);
    checks_step(b.checks, late + 900000000);
    assert_int_equal(ended(&b), 1);
    assert_false(checks_of(b.checks, 0)->up);
    tear_down(&b);
    far_end(&f);
}

/* Without a free descriptor the server's state stays. */
static void descriptors_out(void **state)
{
    (void)state;
    struct far_end f = {.way = FAR_CLOSES, .text = ""};
    struct bench b;
    struct rlimit was, none;
    far_begin(&f, AF_INET, SOCK_STREAM);
    set_up(&b, "tcp", "127.0.0.1", f.port);
    probe(&b);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    none = was;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (unsigned i = 0; i < 5; i++) checks_step(b.checks, b.now = checks_due(b.checks));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    assert_true(checks_of(b.checks, 0)->up);
    assert_int_equal(checks_not_begun(b.checks), 5);
    assert_int_equal(probe(&b)->good, 2);
    tear_down(&b);
    far_end(&f);
}

static void due_in_order(void **state)
{
    (void)state;
    enum { N = 1000 };
    struct due_heap h;
    uint64_t seed = 5, last = 0;
    assert_true(due_init(&h, N));
    assert_true(due_first_ns(&h) == UINT64_MAX);
    for (uint32_t i = 0; i < 20 * N; i++) {
        seed = seed * 6364136223846793005 + 1442695040888963407;
        const uint32_t what = (uint32_t)(seed >> 33) % N;

        due_set(&h, what, seed >> 20);
    }
    for (uint32_t i = 0; i < h.count; i++) {
        const uint32_t what = due_first(&h);
        assert_true(due_first_ns(&h) >= last);
        last = due_first_ns(&h);
        due_set(&h, what, UINT64_MAX - 1);
    }
    due_fini(&h);
}

/* Checks use each address of a service that leaves packets unchanged; otherwise the server's own. */
static void ways(void **state)
{
    (void)state;
    static const char rules[] =
        "check page = http GET \"/\" expect 200\ncheck echo = icmp\ncheck name = udp send x\"01\" expect x\"01\" port "
        "53\n"
        "pool both { check page; server a 10.0.0.1; server b 10.0.0.2; server c 10.0.0.3 check echo }\n"
        "pool own { check page; server d 10.0.0.4; server e [2001:db8::5]:81 check name }\n"
        "pool two { check page; server f 10.0.0.6 }\n"
        "service v on 203.0.113.1, 2001:db8::1 tcp/80, tcp/443 { mode dsr ipip; mss clamp auto; when port 80 -> both; "
        "else -> two }\n"
        "service w on self tcp/90 { mode dsr l2; -> two }\n"
        "service x on 203.0.113.2 udp/53, tcp/100 { mode passthrough; -> own }\n";
    static const struct {
        uint32_t server;
        bool may;
        const char *want;
    } rows[] = {
        {0, true, "v4:80 v6:80 "}, {2, true, "v4:80 v6:80 "}, {0, false, "-4:80 "},
        {3, true, "-4:100 "},      {4, true, "-6:53 "},       {5, true, "v4:80 v6:80 -4:80 "},
    };
    struct judge *j = judge_new("ways", rules, sizeof rules - 1, stderr);
    assert_non_null(j);
    const struct program *p = judge_program(j);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct check_way at[CHECK_WAYS_MOST];
        char got[200] = "";
        const unsigned n = check_ways(p, rows[i].server, rows[i].may, at);
        for (unsigned w = 0; w < n; w++)
            snprintf(got + strlen(got), sizeof got - strlen(got), "%s%u:%u ",
                     at[w].service == PBC_NONE ? "-" : program_str(p, p->services[at[w].service].name), at[w].family,
                     at[w].port);
        assert_string_equal(got, rows[i].want);
    }
    judge_free(j);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(ways),
        cmocka_unit_test(certificates),
        cmocka_unit_test(certificates_alone),
        cmocka_unit_test(no_device_is_opened),
        cmocka_unit_test(rise_and_fall),
        cmocka_unit_test(first_probe_decides),
        cmocka_unit_test(turns),
        cmocka_unit_test(changed_checks),
        cmocka_unit_test(hints),
        cmocka_unit_test(held_up),
        cmocka_unit_test(descriptors_out),
        cmocka_unit_test(due_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
