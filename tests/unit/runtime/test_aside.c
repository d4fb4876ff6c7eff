/* The network stack aside: addresses that its sockets speak from are local there, the last 1,024 of them. */
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "runtime/host/aside.h"
#include "tests/unit/runtime/netns.h"

enum { MOST = 1024, ASKED = MOST + 76 };

static void speak_from(struct aside *a, unsigned nth, int *fd)
{
    const struct host_addr from = {.word = {0x0a090000u + nth}, .family = 4};
    *fd = aside_socket(a, &from, SOCK_DGRAM);
    assert_true(*fd >= 0);
}

static int count_of(const char *what)
{
    char line[128];
    int count = -1;
    snprintf(line, sizeof line, "ip route show table local | grep -c '^local %s'", what);
    FILE *f = popen(line, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &count), 1);
    pclose(f);
    return count;
}

static void bounded(void **state)
{
    (void)state;
    char err[300] = "";
    int tun, fd;
    struct aside *a = aside_new(&tun, err, sizeof err);
    assert_string_equal(err, "");
    for (unsigned i = 0; i < ASKED; i++) {
        speak_from(a, i, &fd);
        close(fd);
    }
    speak_from(a, ASKED - 1, &fd); /* known: no other goes for it */
    const int there = ioctl(fd, SIOCGSKNS);
    assert_true(there >= 0 && !setns(there, CLONE_NEWNET));
    assert_int_equal(count_of("10\\.9\\."), MOST);
    assert_int_equal(count_of("10\\.9\\.0\\.75 "), 0);
    assert_int_equal(count_of("10\\.9\\.0\\.76 "), 1);
    close(there);
    close(fd);
    close(tun);
    aside_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {netns_test(bounded)};
    return netns_run(tests, sizeof tests / sizeof *tests);
}
