/* Facts from control groups: the room for connections if rules set no limit, by memory and by the group around the
 * process; and the prey unit that a process belongs to. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/host/manager.h"
#include "runtime/host/memory.h"
#include "runtime/live/rules/room.h"

#define GIB (UINT64_C(1) << 30)

static void by_memory(void **state)
{
    (void)state;
    assert_int_equal(room_of(GIB, false), 65536);
    assert_int_equal(room_of(GIB, true), 65536);
    assert_int_equal(room_of(64 * GIB, false), 1000000);
    assert_int_equal(room_of(64 * GIB, true), 262144);
    assert_int_equal(room_of(1 << 20, false), 16384);
}

static char folder[] = "/tmp/prey-room-XXXXXX";

static void put(const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static uint64_t bound(const char *own)
{
    char path[200];
    put("own", own);
    snprintf(path, sizeof path, "%s/own", folder);
    return memory_bound(path, folder);
}

/* The smallest limit of all groups up to the root counts: in a container the root has the container's limit. */
static void by_group(void **state)
{
    (void)state;
    char path[200];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/a/b", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_true(bound("0::/a/b\n") == UINT64_MAX);
    put("a/b/memory.max", "max\n");
    assert_true(bound("0::/a/b\n") == UINT64_MAX);
    put("a/b/memory.max", "18888335360\n"); /* systemd writes bytes for 75% of 25,184,447,147, in whole pages */
    assert_true(bound("0::/a/b\n") == UINT64_C(18888335360));
    put("a/b/memory.max", "max\n");
    put("memory.max", "4096\n");
    assert_int_equal(bound("0::/a/b\n"), 4096);
    assert_int_equal(bound("0::/\n"), 4096);
    put("a/memory.max", "1024\n");
    assert_int_equal(bound("7:cpu:/x\n0::/a/b\n"), 1024);
    assert_true(bound("7:memory:/a\n") == UINT64_MAX);
    assert_true(memory_bound("/none", folder) == UINT64_MAX);
    snprintf(path, sizeof path, "rm -r %s", folder);
    assert_int_equal(system(path), 0);
}

static const char *unit_in(const char *groups)
{
    static char path[] = "/tmp/prey-unit-XXXXXX", unit[32];
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, groups, strlen(groups)), strlen(groups));
    close(fd);
    const bool found = manager_unit(path, unit, sizeof unit);
    unlink(path);
    strcpy(strrchr(path, '-') + 1, "XXXXXX");
    return found ? unit : "-";
}

/* Units of others must not be stopped for it. */
static void unit_of_ours(void **state)
{
    char unit[32];
    (void)state;
    assert_string_equal(unit_in("0::/system.slice/system-preyrun.slice/preyrun@wan.service\n"), "preyrun@wan");
    assert_string_equal(unit_in("4:memory:/x\n1:name=systemd:/system.slice/prey.service\n0::/x\n"), "prey");
    assert_string_equal(unit_in("0::/../preyrun@eth0.100.service"), "preyrun@eth0.100");
    assert_string_equal(unit_in("0::/system.slice/ssh.service\n"), "-");
    assert_string_equal(unit_in("0::/user.slice/user-0.slice/session-3.scope\n"), "-");
    assert_string_equal(unit_in("0::/system.slice/preyrun@wan.service/inner\n"), "-");
    assert_string_equal(unit_in("0::/system.slice/preyrun@a-name-that-is-longer-than-there-is-room.service\n"), "-");
    assert_string_equal(unit_in(""), "-");
    assert_false(manager_unit("/none", unit, sizeof unit));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_memory), cmocka_unit_test(by_group),
                                       cmocka_unit_test(unit_of_ours)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
