/* The control socket: messages from bytes in any pieces, and clients that ask, stop midway, don't read or go away.
 * The test sets the server's clock, so that its patience ends when the test wants. */
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
/* after those that it needs */
#include <cmocka.h>

#include "runtime/ctl/server.h"
#include "runtime/base/clock.h"
#include "runtime/base/when.h"

/* ---- messages ---- */

/* A request and an end in pieces of every size arrive complete and in order. */
static void in_pieces(void **state)
{
    (void)state;
    char bytes[2 * MESSAGE_HEAD + 10];
    message_head(bytes, MESSAGE_QUESTION, 7);
    memcpy(bytes + MESSAGE_HEAD, "{\"a\":1}", 7);
    message_head(bytes + MESSAGE_HEAD + 7, MESSAGE_END, 3);
    memcpy(bytes + 2 * MESSAGE_HEAD + 7, "0ok", 3);
    for (size_t piece = 1; piece <= sizeof bytes; piece++) {
        struct inbox in = {.most = 100};
        char got[40] = "";
        for (size_t at = 0; at < sizeof bytes; at += piece) {
            struct message m;
            size_t room, n = sizeof bytes - at < piece ? sizeof bytes - at : piece;
            char *where = inbox_room(&in, &room);
            assert_true(room >= n);
            memcpy(where, bytes + at, n);
            inbox_filled(&in, n);
            while (inbox_next(&in, "qe", &m) == 1) snprintf(got + strlen(got), 20, "%c%s;", m.kind, m.body);
        }
        assert_string_equal(got, "q{\"a\":1};e0ok;");
        assert_false(inbox_begun(&in));
        inbox_fini(&in);
    }
}

/* Claimed lengths cost nothing: a message that claims too much is rejected at its head. */
static void bounds(void **state)
{
    (void)state;
    static const struct {
        char bytes[MESSAGE_HEAD];
        int result;
    } heads[] = {
        {{'q', 100, 0, 0, 0}, 0},     {{'q', 101, 0, 0, 0}, -EMSGSIZE}, {{'q', -1, -1, -1, -1}, -EMSGSIZE},
        {{'x', 1, 0, 0, 0}, -EPROTO}, {{0, 0, 0, 0, 0}, -EPROTO},
    };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        struct inbox in = {.most = 100};
        struct message m;
        size_t room;
        memcpy(inbox_room(&in, &room), heads[i].bytes, MESSAGE_HEAD);
        inbox_filled(&in, MESSAGE_HEAD);
        assert_int_equal(inbox_next(&in, "q", &m), heads[i].result);
        assert_true(room < 10000);
        inbox_fini(&in);
    }
}

/* ---- server ---- */

#define S UINT64_C(1000000000)
enum { LARGE = 1 << 20 };

struct bench {
    struct ctl *server;
    struct sockaddr_un at;
    uint64_t now_ns;
    struct call *followed;
    unsigned asked, more, over;
};

static void more(void *arg, struct call *c)
{
    struct bench *b = arg;
    char *large = calloc(1, LARGE);
    assert_non_null(large);
    if (++b->more > 4)
        call_end(c, 0, "all");
    else
        assert_true(call_bytes(c, large, LARGE));
    free(large);
}
static void over(void *arg) { ((struct bench *)arg)->over++; }
static void closes(void *arg) { call_end(((struct bench *)arg)->followed, 0, "as asked"); }
static const struct call_ops pulled = {.more = more, .over = over}, pushed = {.over = over},
                             closed = {.closes = closes, .over = over};

/* Handle all requests: `how` names the outcome. */
static void answer(void *with, struct call *c)
{
    struct bench *b = with;
    const char *how = call_text_of(c, "how");
    uint64_t n = 0;
    b->asked++;
    if (!how) {
        const bool whole = call_number_of(c, "n", 1000, &n);
        call_end(c, 0, "%d %llu", whole, whole ? (unsigned long long)n : 0ull);
    } else if (!strcmp(how, "pulled")) {
        call_follow(c, &pulled, b);
    } else if (!strcmp(how, "pushed") || !strcmp(how, "closed")) {
        b->followed = c;
        call_follow(c, *how == 'p' ? &pushed : &closed, b);
    } else if (!strcmp(how, "large")) {
        char *large = calloc(1, LARGE);
        assert_non_null(large);
        assert_true(call_bytes(c, large, LARGE));
        free(large);
        call_end(c, 0, "all");
    } else if (!strcmp(how, "descriptor")) {
        char text[10] = "";
        const int fd = call_take_fd(c);
        assert_true(fd >= 0 && read(fd, text, 5) == 5);
        close(fd);
        call_text(c, "%s", text);
        call_end(c, 1, "read");
    }
}

static void bench_init(struct bench *b, uid_t owner)
{
    *b = (struct bench){.now_ns = S, .at = {.sun_family = AF_UNIX}};
    snprintf(b->at.sun_path + 1, 40, "prey-test-%d", (int)getpid());
    struct ctl_cfg cfg = {
        .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), .owner = owner, .with = b};
    for (unsigned i = 0; i < QUESTIONS; i++) cfg.answers[i] = answer;
    assert_int_equal(bind(cfg.fd, (struct sockaddr *)&b->at, sizeof b->at), 0);
    assert_int_equal(listen(cfg.fd, 200), 0);
    b->server = ctl_new(&cfg);
    assert_non_null(b->server);
}

static void step(struct bench *b, uint64_t passed_ns)
{
    b->now_ns += passed_ns;
    for (unsigned i = 0; i < 4; i++) ctl_step(b->server, b->now_ns);
}

static int client(struct bench *b)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&b->at, sizeof b->at), 0);
    step(b, 0);
    return fd;
}

static void says(struct bench *b, int fd, const char *question)
{
    char bytes[500];
    message_head(bytes, MESSAGE_QUESTION, strlen(question));
    memcpy(bytes + MESSAGE_HEAD, question, strlen(question));
    assert_true(send(fd, bytes, MESSAGE_HEAD + strlen(question), MSG_NOSIGNAL) > 0);
    step(b, 0);
}

/* Return all that can be read now; `gone` if the server has closed. */
static char *hears(int fd)
{
    static char text[4000];
    struct inbox in = {.most = MESSAGE_ANSWER_MOST};
    struct message m;
    size_t room;
    ssize_t got;
    *text = 0;
    do {
        char *where = inbox_room(&in, &room);
        got = recv(fd, where, room, MSG_DONTWAIT);
        if (got > 0) inbox_filled(&in, (size_t)got);
        while (inbox_next(&in, "jtbe", &m) == 1)
            snprintf(text + strlen(text), 300, m.kind == MESSAGE_BYTES ? "%c" : "%c%s;", m.kind, m.body);
    } while (got > 0);
    if (!got) strcat(text, "gone");
    inbox_fini(&in);
    return text;
}

static const char seen[] = "{\"ask\":\"seen\"}", pushes[] = "{\"ask\":\"seen\",\"how\":\"pushed\"}";

static void questions(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, getuid());
    const int fd = client(&b);
    says(&b, fd, "{\"ask\":\"seen\",\"n\":1000}");
    assert_string_equal(hears(fd), "e01 1000;");
    static const char *const numbers[] = {"1001", "-1", "1.5", "1e400", "\"7\"", "null", "true", "[1]"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char question[100];
        snprintf(question, sizeof question, "{\"ask\":\"seen\",\"n\":%s}", numbers[i]);
        says(&b, fd, question);
        assert_string_equal(hears(fd), "e00 0;");
    }
    says(&b, fd, "{\"ask\":\"seen\",\"how\":\"forgotten\"}"); /* by the handler, which should have replied */
    assert_string_equal(hears(fd), "e2no reply to `seen`;");
    says(&b, fd, "[]");
    assert_string_equal(hears(fd), "e2not a valid question: use preyctl;gone");
    close(fd);
    ctl_free(b.server);
}

/* Many in one write: a step replies to one, and to none while the reply before waits to be read. */
static void one_a_step(void **state)
{
    (void)state;
    struct bench b;
    enum { MANY = 50 };
    static const char *const asked[] = {seen, "{\"ask\":\"seen\",\"how\":\"large\"}"};
    for (unsigned i = 0; i < 2; i++) {
        bench_init(&b, getuid());
        const int fd = client(&b);
        const size_t len = strlen(asked[i]);
        char bytes[200 * MANY], *at = bytes;
        for (unsigned q = 0; q < MANY; q++, at += MESSAGE_HEAD + len) {
            message_head(at, MESSAGE_QUESTION, len);
            memcpy(at + MESSAGE_HEAD, asked[i], len);
        }
        assert_int_equal(send(fd, bytes, (size_t)(at - bytes), 0), at - bytes);
        shutdown(fd, SHUT_WR);
        ctl_step(b.server, b.now_ns);
        assert_int_equal(b.asked, 1);
        for (unsigned n = 0; n < 2 * MANY; n++) ctl_step(b.server, b.now_ns);
        assert_int_equal(b.asked, i ? 1 : MANY);
        if (!i) assert_non_null(strstr(hears(fd), "e00 0;gone"));
        close(fd);
        ctl_free(b.server);
    }
}

static void not_the_owner(void **state)
{
    (void)state;
    struct bench b;
    if (getuid() == 0) return; /* root always may */
    bench_init(&b, getuid() + 1);
    const int fd = client(&b);
    assert_non_null(strstr(hears(fd), "may not ask"));
    close(fd);
    ctl_free(b.server);
}

/* Half a request has 5 s from its start, however its bytes drip; a client that only watches has unlimited time. */
static void patience(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, getuid());
    const int half = client(&b), silent = client(&b), follower = client(&b), talker = client(&b);
    char head[MESSAGE_HEAD];
    message_head(head, MESSAGE_QUESTION, 100);
    says(&b, follower, pushes);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(send(half, head + i, 1, 0), 1);
        says(&b, talker, seen);
        assert_string_equal(hears(talker), "e00 0;");
        step(&b, S);
    }
    assert_string_equal(hears(half), "");
    step(&b, S);
    assert_string_equal(hears(half), "e2the question was still incomplete after 5 s;gone");
    assert_string_equal(hears(silent), "gone");
    step(&b, 2 * S);
    says(&b, talker, seen);
    assert_string_equal(hears(talker), "e00 0;");
    step(&b, 1000 * S);
    assert_true(call_text(b.followed, "still %s", "here"));
    step(&b, 0);
    assert_string_equal(hears(follower), "tstill here;");
    assert_int_equal(b.over, 0);
    call_end(b.followed, 0, "done");
    assert_int_equal(b.over, 1);
    step(&b, 0);
    assert_string_equal(hears(follower), "e0done;");
    close(half), close(silent), close(follower), close(talker);
    ctl_free(b.server);
}

/* A long reply is made as it is read. For a client that doesn't read it, only a limited part waits, for a limited
 * time. */
static void slow_readers(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, getuid());
    int fd = client(&b);
    says(&b, fd, "{\"ask\":\"seen\",\"how\":\"pulled\"}");
    char all[100] = "";
    for (unsigned i = 0; i < 1000 && !strchr(all, 'e'); i++) {
        char bytes[1 << 16];
        const ssize_t got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (got > 0 && !memcmp(bytes + got - 4, "0all", 4)) strcat(all, "e");
        step(&b, S); /* a part is read each second */
    }
    assert_string_equal(all, "e");
    assert_int_equal(b.over, 1);
    says(&b, fd, pushes);
    char *large = calloc(1, LARGE);
    assert_non_null(large);
    unsigned taken = 0;
    while (call_bytes(b.followed, large, LARGE)) taken++;
    assert_int_equal(taken, MESSAGE_ANSWER_MOST / LARGE - 1);
    step(&b, 0); /* the socket takes some */
    step(&b, 4 * S);
    assert_int_equal(b.over, 1);
    step(&b, 2 * S);
    assert_int_equal(b.over, 2);
    free(large);
    close(fd);
    ctl_free(b.server);
}

/* A client that closes its sending side gets the end of a reply that depends on it, after the waiting part, and
 * continues with one that doesn't. */
static void closers(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, getuid());
    const int cares = client(&b), goes_on = client(&b);
    says(&b, cares, "{\"ask\":\"seen\",\"how\":\"closed\"}");
    assert_true(call_text(b.followed, "before"));
    assert_int_equal(shutdown(cares, SHUT_WR), 0);
    step(&b, 0);
    assert_string_equal(hears(cares), "tbefore;e0as asked;gone");
    assert_int_equal(b.over, 1);
    says(&b, goes_on, pushes);
    assert_int_equal(shutdown(goes_on, SHUT_WR), 0);
    step(&b, 100 * S);
    assert_true(call_text(b.followed, "still here"));
    step(&b, 0);
    assert_string_equal(hears(goes_on), "tstill here;");
    close(cares), close(goes_on);
    ctl_free(b.server);
}

/* A client that leaves midway is noticed once. */
static void leavers(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, getuid());
    for (unsigned i = 1; i <= 200; i++) {
        const int fd = client(&b);
        says(&b, fd, pushes);
        if (i % 2) call_text(b.followed, "x");
        close(fd);
        step(&b, 0);
        assert_int_equal(b.over, i);
    }
    const int fd = client(&b);
    says(&b, fd, pushes);
    ctl_free(b.server); /* at the very end */
    assert_int_equal(b.over, 201);
    close(fd);
}

static void crowd(void **state)
{
    (void)state;
    struct bench b;
    int fds[100];
    unsigned good = 0, told = 0;
    bench_init(&b, getuid());
    for (unsigned i = 0; i < 100; i++) fds[i] = client(&b);
    for (unsigned i = 0; i < 100; i++) {
        if (i < CTL_CLIENTS) says(&b, fds[i], seen);
        const char *words = hears(fds[i]);
        good += !strcmp(words, "e00 0;");
        told += strstr(words, "run the command again") != NULL;
        close(fds[i]);
    }
    assert_int_equal(good, CTL_CLIENTS);
    assert_int_equal(told, 100 - CTL_CLIENTS);
    step(&b, 0);
    const int fd = client(&b);
    says(&b, fd, seen);
    assert_string_equal(hears(fd), "e00 0;");
    close(fd);
    ctl_free(b.server);
}

/* A descriptor goes with its request; unexpected ones, and a second one, are closed. */
static void descriptors(void **state)
{
    (void)state;
    struct bench b;
    int ends[2];
    bench_init(&b, getuid());
    const int fd = client(&b);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "hello", 5), 5);
    const char question[] = "{\"ask\":\"seen\",\"how\":\"descriptor\"}";
    for (unsigned count = 1; count <= 2; count++) {
        char bytes[200], control[CMSG_SPACE(2 * sizeof(int))] = {0};
        struct iovec what = {bytes, MESSAGE_HEAD + strlen(question)};
        struct msghdr m = {.msg_iov = &what,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = CMSG_SPACE(count * sizeof(int))};
        *CMSG_FIRSTHDR(&m) = (struct cmsghdr){CMSG_LEN(count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
        memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), (int[]){ends[0], ends[0]}, count * sizeof(int));
        message_head(bytes, MESSAGE_QUESTION, strlen(count == 1 ? question : seen));
        memcpy(bytes + MESSAGE_HEAD, count == 1 ? question : seen, strlen(count == 1 ? question : seen));
        if (count == 2) what.iov_len = MESSAGE_HEAD + strlen(seen);
        assert_int_equal(sendmsg(fd, &m, 0), (int)what.iov_len);
        step(&b, 0);
        assert_string_equal(hears(fd), count == 1 ? "thello;e1read;" : "e00 0;");
    }
    close(ends[0]);
    struct pollfd p = {.fd = ends[1], .events = POLLOUT};
    assert_int_equal(poll(&p, 1, 0), 1);
    assert_true(p.revents & POLLERR); /* no process has the other end */
    close(ends[1]), close(fd);
    ctl_free(b.server);
}

static void durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ns;
    } good[] = {{"0s", 0}, {"500ms", S / 2}, {"30s", 30 * S}, {"5m", 300 * S}, {"2h", 7200 * S}, {"7d", 604800 * S}};
    static const char *const bad[] = {
        "", "5", "s", "-5s", "+5s", " 5s", "5 s", "5sx", "1.5s", "99999999999999999999s", "200000d"};
    uint64_t ns;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(duration_read(good[i].text, &ns));
        assert_int_equal(ns, good[i].ns);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(duration_read(bad[i], &ns));
}

/* ---- guests ---- */

/* Connect as another user: a socket's knowledge of its peer is from the moment of connecting. */
static int guest(struct bench *b, uid_t uid, gid_t gid, const gid_t *more, size_t count)
{
    assert_int_equal(setgroups(count, more), 0);
    assert_int_equal(setresgid(gid, gid, 0), 0);
    assert_int_equal(setresuid(uid, uid, 0), 0);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int failed = connect(fd, (struct sockaddr *)&b->at, sizeof b->at);
    assert_int_equal(setresuid(0, 0, 0), 0);
    assert_int_equal(setresgid(0, 0, 0), 0);
    assert_int_equal(setgroups(0, NULL), 0);
    assert_int_equal(failed, 0);
    step(b, 0);
    return fd;
}

static const struct sets_group groups[] = {{4001, "one,two"}, {4002, "three"}};
static const char sets[] = "{\"ask\":\"sets\"}";

/* Handle a guest's request: `how` names the set; a number is the time in ms that the reply takes. */
static void answer_guest(void *with, struct call *c)
{
    struct bench *b = with;
    uint64_t ms = 0, until;
    b->asked++;
    if (call_number_of(c, "ms", 1500, &ms))
        for (until = clock_ns(CLOCK_MONOTONIC) + ms * 1000000; clock_ns(CLOCK_MONOTONIC) < until;) continue;
    const char *set = call_text_of(c, "how");
    if (set && !strcmp(set, "large")) {
        char *large = calloc(1, LARGE);
        unsigned taken = 0;
        assert_non_null(large);
        while (call_bytes(c, large, LARGE)) taken++;
        free(large);
        call_end(c, 0, "%u", taken);
    } else {
        call_end(c, 0, "%d %d", call_is_guest(c), set && call_may_set(c, set));
    }
}

/* Return false if not root, because only root may become others. */
static bool guests_init(struct bench *b)
{
    *b = (struct bench){.now_ns = S, .at = {.sun_family = AF_UNIX}};
    snprintf(b->at.sun_path + 1, 40, "prey-test-%d", (int)getpid());
    struct ctl_cfg cfg = {.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
                          .for_guests[QUESTION_SETS] = true,
                          .groups = groups,
                          .group_count = 2,
                          .with = b};
    for (unsigned i = 0; i < QUESTIONS; i++) cfg.answers[i] = answer_guest;
    assert_int_equal(bind(cfg.fd, (struct sockaddr *)&b->at, sizeof b->at), 0);
    assert_int_equal(listen(cfg.fd, 200), 0);
    b->server = ctl_new(&cfg);
    assert_non_null(b->server);
    if (getuid() == 0) return true;
    ctl_free(b->server);
    return false;
}

/* Only requests open to guests get replies, and the kernel's groups decide which sets. */
static void guests(void **state)
{
    (void)state;
    struct bench b;
    static const gid_t more[] = {7, 4002, 9};
    if (!guests_init(&b)) return;
    const int one = guest(&b, 4000, 4001, NULL, 0), both = guest(&b, 4000, 4001, more, 3),
              other = guest(&b, 4000, 1, more, 3), none = guest(&b, 4001, 4003, NULL, 0), root = client(&b);
    static const char *const named[] = {"one", "two", "three", "one,two", "o"};
    static const char *const told[3][5] = {{"e01 1;", "e01 1;", "e01 0;", "e01 0;", "e01 0;"},
                                           {"e01 1;", "e01 1;", "e01 1;", "e01 0;", "e01 0;"},
                                           {"e01 0;", "e01 0;", "e01 1;", "e01 0;", "e01 0;"}};
    const int fds[] = {one, both, other};
    for (unsigned who = 0; who < 3; who++)
        for (unsigned i = 0; i < 5; i++) {
            char question[100];
            snprintf(question, sizeof question, "{\"ask\":\"sets\",\"how\":\"%s\"}", named[i]);
            says(&b, fds[who], question);
            assert_string_equal(hears(fds[who]), told[who][i]);
        }
    assert_non_null(strstr(hears(none), "e2user 4001 may not ask"));
    const unsigned asked = b.asked;
    for (unsigned q = 0; q < QUESTIONS; q++) {
        char question[100];
        snprintf(question, sizeof question, "{\"ask\":\"%s\"}", question_words[q]);
        if (q == QUESTION_SETS) continue;
        says(&b, both, question);
        assert_string_equal(hears(both), "e2user 4000 may only ask about and change these live sets: "
                                         "one,two,three;");
        says(&b, root, question);
        assert_string_equal(hears(root), "e00 0;");
    }
    assert_int_equal(b.asked, asked + QUESTIONS - 1);
    close(one), close(both), close(other), close(none), close(root);
    ctl_free(b.server);
}

/* Places and room for replies are limited, for a user and for all; others have theirs. */
static void guests_crowd(void **state)
{
    (void)state;
    struct bench b;
    int fds[CTL_GUESTS + 1];
    if (!guests_init(&b)) return;
    for (unsigned i = 0; i < CTL_GUESTS; i++) fds[i] = guest(&b, 5000 + i / CTL_GUESTS_OF_USER, 4001, NULL, 0);
    for (unsigned i = 0; i < CTL_GUESTS; i++) assert_string_equal(hears(fds[i]), "");
    fds[CTL_GUESTS] = guest(&b, 5000, 4001, NULL, 0);
    assert_non_null(strstr(hears(fds[CTL_GUESTS]), "e2this user has 3 connections"));
    close(fds[CTL_GUESTS]);
    fds[CTL_GUESTS] = guest(&b, 6000, 4001, NULL, 0);
    assert_non_null(strstr(hears(fds[CTL_GUESTS]), "e2users of --sets-group have 12 connections"));
    for (unsigned i = 0; i < CTL_GUESTS; i++) {
        says(&b, fds[i], "{\"ask\":\"sets\",\"how\":\"large\"}");
        for (unsigned waits = 0; waits < 100 && b.asked == i; waits++) step(&b, S / 50); /* the time of earlier ones */
    }
    assert_int_equal(b.asked, CTL_GUESTS);
    const int root = client(&b);
    says(&b, root, "{\"ask\":\"seen\",\"how\":\"large\"}");
    char *words = NULL;
    for (unsigned i = 0; i < 1000 && !words; i++) {
        static char bytes[1 << 20];
        const ssize_t got = recv(root, bytes, sizeof bytes, MSG_DONTWAIT);
        if (got > 8 && bytes[got - 8] == 'e') words = bytes + got - 3;
        if (got > 7 && bytes[got - 7] == 'e') words = bytes + got - 2;
        step(&b, 0);
        if (words) assert_memory_equal(words, "015", 3);
    }
    assert_non_null(words);
    step(&b, 6 * S);
    for (unsigned i = 0; i < CTL_GUESTS; i++) assert_non_null(strstr(hears(fds[i]), "gone"));
    for (unsigned i = 0; i <= CTL_GUESTS; i++) close(fds[i]);
    close(root);
    ctl_free(b.server);
}

/* A client that takes much time waits until the time is paid off, and isn't disconnected meanwhile; root doesn't
 * wait. */
static void guests_time(void **state)
{
    (void)state;
    struct bench b;
    if (!guests_init(&b)) return;
    const int busy = guest(&b, 4000, 4001, NULL, 0), next = guest(&b, 4001, 4001, NULL, 0), root = client(&b);
    says(&b, busy, "{\"ask\":\"sets\",\"ms\":400}");
    assert_string_equal(hears(busy), "e01 0;");
    says(&b, busy, sets);
    says(&b, next, sets);
    assert_string_equal(hears(busy), "");
    assert_string_equal(hears(next), "");
    says(&b, root, "{\"ask\":\"seen\",\"ms\":400}");
    assert_string_equal(hears(root), "e00 0;");
    step(&b, S / 2);
    assert_string_equal(hears(next), "");
    for (unsigned i = 0; i < 100 && !strcmp(hears(next), ""); i++) step(&b, S);
    assert_string_equal(hears(busy), "e01 0;");
    says(&b, next, sets);
    assert_string_equal(hears(next), "e01 0;");
    says(&b, busy, "{\"ask\":\"sets\",\"ms\":1500}"); /* 6.5 s of waiting or more: longer than patience */
    assert_string_equal(hears(busy), "e01 0;");
    says(&b, next, sets);
    for (unsigned i = 0; i < 6; i++) step(&b, S);
    assert_string_equal(hears(next), "");
    for (unsigned i = 0; i < 4; i++) step(&b, S);
    assert_string_equal(hears(next), "e01 0;");
    close(busy), close(next), close(root);
    ctl_free(b.server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_pieces),     cmocka_unit_test(bounds),       cmocka_unit_test(questions),
        cmocka_unit_test(not_the_owner), cmocka_unit_test(patience),     cmocka_unit_test(slow_readers),
        cmocka_unit_test(closers),       cmocka_unit_test(leavers),      cmocka_unit_test(crowd),
        cmocka_unit_test(descriptors),   cmocka_unit_test(durations),    cmocka_unit_test(one_a_step),
        cmocka_unit_test(guests),        cmocka_unit_test(guests_crowd), cmocka_unit_test(guests_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
