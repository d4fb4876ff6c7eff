/* Sockets that share an address: the kernel chooses among them like listen_member. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <unistd.h>

#include "runtime/host/socket/listen.h"

enum { MEMBERS = 5, CLIENTS = 60 };

static int made(struct sockaddr_in *at, bool listens)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (listens ? SOCK_NONBLOCK : 0), 0), on = 1;
    socklen_t len = sizeof *at;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)at, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)at, &len), 0);
    if (listens) assert_int_equal(listen(fd, CLIENTS), 0);
    return fd;
}

static void choose(unsigned there, unsigned count)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int members[MEMBERS], clients[CLIENTS];
    unsigned got[MEMBERS] = {0}, wanted[MEMBERS] = {0};
    for (unsigned i = 0; i < there; i++) members[i] = made(&at, true);
    assert_int_equal(listen_by_client(members[0], false, count), 0);
    for (unsigned i = 0; i < CLIENTS; i++) {
        const uint32_t from[4] = {0x7f000002 + i};
        struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(from[0])};
        clients[i] = made(&own, false);
        assert_int_equal(connect(clients[i], (struct sockaddr *)&at, sizeof at), 0);
        wanted[listen_member(from, false, count)]++;
    }
    for (unsigned i = 0; i < there; i++)
        for (int fd = 0; (fd = accept(members[i], NULL, NULL)) >= 0; close(fd)) got[i]++;
    for (unsigned i = 0; i < there; i++) assert_int_equal(got[i], wanted[i]);
    for (unsigned i = 0; i < there; i++) close(members[i]);
    for (unsigned i = 0; i < CLIENTS; i++) close(clients[i]);
}

static void by_client(void **state)
{
    for (unsigned there = 1; there <= MEMBERS; there++)
        for (unsigned count = 1; count <= there; count++) choose(there, count);
    (void)state;
}

static void of_six_the_last_word_counts(void **state)
{
    const uint32_t six[4] = {0x20010db8, 7, 9, 0x7f000009}, four[4] = {0x7f000009};
    for (unsigned count = 1; count < 16; count++)
        assert_int_equal(listen_member(six, true, count), listen_member(four, false, count));
    assert_int_equal(listen_member(six, true, 0), 0);
    (void)state;
}

/* A socket that stopped listening refuses clients, and keeps its port. */
static void no_more(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, any = at;
    any.sin_port = 0;
    const int fd = made(&at, true), client = made(&any, false);
    assert_true(listen_does(fd));
    assert_int_equal(listen_no_more(fd), 0);
    assert_false(listen_does(fd));
    assert_int_equal(connect(client, (struct sockaddr *)&at, sizeof at), -1);
    assert_int_equal(listen_again(fd), 0);
    assert_true(listen_does(fd));
    close(fd), close(client);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_client), cmocka_unit_test(of_six_the_last_word_counts),
                                       cmocka_unit_test(no_more)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
