/* Tests inside a separate network namespace, which ends with the process that made it. */
#ifndef TESTS_UNIT_RUNTIME_NETNS_H
#define TESTS_UNIT_RUNTIME_NETNS_H

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Run a shell command, which must succeed. */
static inline void sh(const char *line)
{
    const int status = system(line);
    if (status) print_error("# %s: status %d\n", line, status);
    assert_int_equal(status, 0);
}

/* A namespace with a pair of links, here and there, with known MACs, both up, without IPv6's wait for duplicate
 * addresses. An IPv6 address works after the link's carrier is noticed, which the links' own addresses show. */
#define NETNS_PAIR                                                                                                     \
    "ip link set lo up && ip link add here address 02:00:00:00:00:01 type veth peer name there "                       \
    "address 02:00:00:00:00:02 && for f in here there; do "                                                            \
    "echo 0 >/proc/sys/net/ipv6/conf/$f/accept_dad; ip link set $f up; done; for f in here there; do "                 \
    "until ip -6 addr show dev $f | grep -q fe80; do sleep 0.01; done; done"

/* Enter a new namespace for good. Returns false if this process may not have one. Unless it is root it becomes root
 * of a user namespace. */
static inline bool netns_enter(void)
{
    if (!unshare(CLONE_NEWNET)) return true;
    const unsigned uid = getuid(), gid = getgid();
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET)) return false;
    char line[128];
    snprintf(line, sizeof line, "0 %u 1", uid);
    const struct {
        const char *file, *text;
    } maps[] = {{"/proc/self/setgroups", "deny"}, {"/proc/self/uid_map", line}, {"/proc/self/gid_map", line}};
    for (int i = 0; i < 3; i++) {
        if (i == 2) snprintf(line, sizeof line, "0 %u 1", gid);
        const int fd = open(maps[i].file, O_WRONLY | O_CLOEXEC);
        const bool written = fd >= 0 && write(fd, maps[i].text, strlen(maps[i].text)) > 0;
        if (fd >= 0) close(fd);
        if (!written && i > 0) return false;
    }
    return true;
}

/* Run a test in a child process, whose namespace ends with it. A hanging test is killed, long after the slowest
 * machine would have finished. */
static inline int netns_alone(const struct CMUnitTest *test)
{
    fflush(NULL);
    const pid_t pid = fork();
    if (!pid) {
        alarm(600);
        exit(_cmocka_run_group_tests(test->name, test, 1, NULL, NULL));
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status)) printf("not ok - %s: signal %d\n", test->name, WTERMSIG(status));
    return status != 0;
}
static inline int netns_setup(void **state)
{
    (void)state;
    if (netns_enter()) return 0;
    print_message("this process may not make network namespaces\n");
    skip();
    return 1;
}
#define netns_test(f) cmocka_unit_test_setup(f, netns_setup)

static inline int netns_run(const struct CMUnitTest *tests, size_t count)
{
    int failed = 0;
    for (size_t i = 0; i < count; i++) failed |= netns_alone(&tests[i]);
    return failed;
}

#endif
