/* The separate network stack: only its thread is in it, and that is confined. Source addresses of its sockets are
 * local there, the last 1,024 of them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/host/device/aside.h"
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

static pthread_t confined; /* thread that confined itself */
static int confine(void)
{
    confined = pthread_self();
    return 0;
}
static int refuse(void) { return -EACCES; }

static ino_t namespace_of(int fd)
{
    struct stat s;
    assert_false(fstat(fd, &s));
    return s.st_ino;
}

static void another_namespace(void **state)
{
    (void)state;
    char err[300] = "";
    int fd;
    struct aside *a = aside_new("a test", confine, err, sizeof err);
    assert_non_null(a);
    assert_false(pthread_equal(confined, pthread_self()));
    const int tun = aside_device(a), own = open("/proc/thread-self/ns/net", O_RDONLY);
    assert_true(tun >= 0 && own >= 0);
    assert_int_equal(if_nametoindex("aside"), 0);
    speak_from(a, 1, &fd);
    const int there = ioctl(fd, SIOCGSKNS);
    assert_true(there >= 0);
    assert_int_not_equal(namespace_of(there), namespace_of(own));
    close(there);
    close(own);
    close(fd);
    close(tun);
    aside_free(a);
    assert_null(aside_new("a test", refuse, err, sizeof err));
    assert_non_null(strstr(err, "Permission denied"));
}

static void bounded(void **state)
{
    (void)state;
    char err[300] = "";
    int fd;
    struct aside *a = aside_new("a test", NULL, err, sizeof err);
    assert_string_equal(err, "");
    const int tun = aside_device(a);
    assert_true(tun >= 0);
    for (unsigned i = 0; i < ASKED; i++) {
        speak_from(a, i, &fd);
        close(fd);
    }
    speak_from(a, ASKED - 1, &fd); /* known: no other thread fetches it */
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
    const struct CMUnitTest tests[] = {netns_test(another_namespace), netns_test(bounded)};
    return netns_run(tests, sizeof tests / sizeof *tests);
}
