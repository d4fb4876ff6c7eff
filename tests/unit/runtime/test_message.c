/* Messages that may grow (runtime/parent/between/message.h): shorter and longer ones, and invalid ones. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/parent/between/channel.h"
#include "runtime/parent/between/message.h"

struct small {
    uint32_t a;
};
struct large {
    uint32_t a, b;
    uint8_t more[10000];
};

static uint64_t soon(void) { return channel_until(UINT64_C(5000000000)); }

static void pair_of(int pair[2]) { assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0); }
static void pair_end(const int pair[2])
{
    close(pair[0]);
    close(pair[1]);
}

static void shorter_and_longer(void **state)
{
    int pair[2];
    unsigned count;
    static struct large l, got;
    struct small s = {.a = 7};
    memset(&got, 0xa5, sizeof got);
    pair_of(pair);
    assert_int_equal(message_send(pair[0], &s, sizeof s, NULL, 0, soon()), 0);
    assert_int_equal(message_receive(pair[1], &got, sizeof got, NULL, 0, &count, soon()), 0);
    assert_true(got.a == 7 && !got.b && !got.more[0] && !got.more[sizeof got.more - 1]);
    memset(&l, 0xa5, sizeof l);
    l.a = 9;
    for (int i = 0; i < 2; i++) assert_int_equal(message_send(pair[0], &l, sizeof l, &pair[0], 1, soon()), 0);
    int fd[2];
    for (int i = 0; i < 2; i++) { /* the rest of the first doesn't become the second one's */
        assert_int_equal(message_receive(pair[1], &s, sizeof s, &fd[i], 1, &count, soon()), 0);
        assert_true(s.a == 9 && count == 1 && fcntl(fd[i], F_GETFD) == FD_CLOEXEC);
        close(fd[i]);
    }
    pair_end(pair);
}

/* Send the bytes, and if `fds`, one descriptor too many. Return the result of receiving them. */
static int heard(const void *bytes, size_t len, unsigned fds)
{
    int pair[2], got = -1;
    unsigned count = 0;
    struct small s;
    pair_of(pair);
    const int all[] = {STDERR_FILENO, STDERR_FILENO};
    assert_int_equal(channel_send(pair[0], bytes, len, all, fds, soon()), 0);
    close(pair[0]);
    const int failed = message_receive(pair[1], &s, sizeof s, &got, 1, &count, soon());
    if (count) close(got);
    close(pair[1]);
    pair_of(pair);
    assert_int_equal(channel_send(pair[0], bytes, len, NULL, 0, soon()), 0);
    close(pair[0]);
    struct message_part part = {0};
    const int more = message_take(pair[1], &part, &s, sizeof s);
    if (failed == -EPROTO && fds < 2) assert_int_equal(more, -EPROTO);
    if (failed == -ENODATA) assert_int_equal(more, -ENODATA);
    close(pair[1]);
    return failed;
}

static void no_messages(void **state)
{
    static uint32_t words[(MESSAGE_MOST + 8) / 4];
    words[0] = MESSAGE_MOST;
    assert_int_equal(heard(words, 4, 0), -ENODATA); /* with the maximum length, and cut after the head */
    for (unsigned i = 0; i < 4; i++) {
        words[0] = (uint32_t[]){0, MESSAGE_MOST + 1, UINT32_C(1) << 31, UINT32_MAX}[i];
        assert_int_equal(heard(words, 64, 1), -EPROTO);
    }
    words[0] = 8;
    assert_int_equal(heard(words, 12, 1), 0);
    assert_int_equal(heard(words, 12, 2), -EPROTO); /* too many descriptors */
    for (size_t cut = 1; cut < 12; cut++) assert_int_equal(heard(words, cut, 1), -ENODATA);
    int none = -1;
    assert_int_equal(message_send(none, words, 0, NULL, 0, soon()), -EMSGSIZE);
    assert_int_equal(message_send(none, words, MESSAGE_MOST + 1, NULL, 0, soon()), -EMSGSIZE);
    assert_int_equal(message_send_soon(none, words, MESSAGE_SOON + 1), -EMSGSIZE);
}

static void bit_by_bit(void **state)
{
    int pair[2];
    struct message_part part = {0};
    struct small s = {0};
    uint32_t words[] = {12, 5, 6, 7, 4, 8};
    pair_of(pair);
    for (unsigned i = 0; i < sizeof words; i++) {
        assert_int_equal(send(pair[0], (uint8_t *)words + i, 1, 0), 1);
        const int whole = i == 15 || i == sizeof words - 1;
        assert_int_equal(message_take(pair[1], &part, &s, sizeof s), whole);
        if (whole) assert_int_equal(s.a, i == 15 ? 5 : 8);
    }
    close(pair[0]);
    assert_int_equal(message_take(pair[1], &part, &s, sizeof s), -ENODATA);
    close(pair[1]);
}

static void notices(void **state)
{
    int pair[2];
    uint32_t word = MESSAGE_NOTICE | 77;
    pair_of(pair);
    assert_int_equal(message_send_soon(pair[0], &word, sizeof word), 0);
    word = 3;
    assert_int_equal(message_send_soon(pair[0], &word, sizeof word), 0);
    assert_int_equal(message_word(pair[1], &word, soon()), 0);
    assert_int_equal(word, 3);
    pair_end(pair);
}

/* Received data counts even if the waiting time is over, because this process may have been stopped. */
static void late_looks(void **state)
{
    (void)state;
    uint32_t word = 7, got = 0;
    unsigned none;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(message_receive(pair[1], &got, sizeof got, NULL, 0, &none, 1), -ETIMEDOUT);
    assert_int_equal(message_send(pair[0], &word, sizeof word, NULL, 0, channel_until(1000000000)), 0);
    assert_int_equal(message_receive(pair[1], &got, sizeof got, NULL, 0, &none, 1), 0);
    assert_int_equal(got, 7);
    close(pair[0]), close(pair[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shorter_and_longer), cmocka_unit_test(no_messages),
        cmocka_unit_test(bit_by_bit),         cmocka_unit_test(notices),
        cmocka_unit_test(late_looks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
