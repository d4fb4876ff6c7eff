/* The state file: a run's changes are undone by its end, by the next start, or by a clean-up. */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "runtime/host/guard/ports.h"
#include "runtime/host/state.h"
#include "tests/unit/runtime/netns.h"

#define RESERVED "/proc/sys/net/ipv4/ip_local_reserved_ports"

/* The test's folder in place of /run/prey. */
static char run[64];
static void make_run(void)
{
    strcpy(run, "/tmp/prey-test-XXXXXX");
    assert_non_null(mkdtemp(run));
}
static void remove_run(void) { assert_int_equal(rmdir(run), 0); } /* succeeds only if nothing is left in it */

static const char *content(const char *path)
{
    static char text[4096];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    text[strcspn(text, "\n")] = 0;
    return text;
}

static char said[4096];
static void say(void *arg, const char *line)
{
    (void)arg;
    strcat(strcat(said, line), "\n");
}

/* Write to a descriptor. */
static void tell(void *arg, const char *line) { dprintf(*(const int *)arg, "%s\n", line); }

static struct state *open_state(const char *name)
{
    char err[300] = "";
    struct state *s = state_open(run, name, NULL, say, NULL, err, sizeof err);
    if (!s) print_error("%s\n", err);
    assert_non_null(s);
    return s;
}

static void reserve(struct state *s, uint16_t lo, uint16_t hi)
{
    char err[300] = "";
    const struct host_ports range = {lo, hi, 0, 0};
    struct host_kept kept = {0};
    const int failed = ports_reserve(s, &range, 1, &kept, err, sizeof err);
    if (failed) print_error("%s\n", err);
    assert_int_equal(failed, 0);
}

static void path_of(const char *name, char path[128])
{
    struct stat ns;
    assert_int_equal(stat("/proc/self/ns/net", &ns), 0);
    snprintf(path, 128, "%s/%lu/%s.state", run, (unsigned long)ns.st_ino, name);
}

/* Start a process that takes the name, reserves ports and dies by SIGKILL. */
static void die(const char *name, uint16_t lo, uint16_t hi)
{
    fflush(NULL);
    const pid_t pid = fork();
    if (!pid) {
        reserve(open_state(name), lo, hi);
        raise(SIGKILL);
    }
    int status;
    waitpid(pid, &status, 0);
    assert_true(WIFSIGNALED(status));
}

static void own_end(void **state)
{
    (void)state;
    make_run();
    sh("echo 500-501,40000 >" RESERVED "; echo 32768 60999 >/proc/sys/net/ipv4/ip_local_port_range");
    struct state *s = open_state("eth0");
    reserve(s, 1024, 2048); /* the kernel chooses none of them */
    assert_string_equal(content(RESERVED), "500-501,40000");
    reserve(s, 30000, 32769);
    assert_string_equal(content(RESERVED), "500-501,32768-32769,40000");
    reserve(s, 39999, 40001);
    reserve(s, 39999, 40001);
    assert_string_equal(content(RESERVED), "500-501,32768-32769,39999-40001");
    sh("echo 7,500-501,32768-32769,39999-40001 >" RESERVED); /* somebody else's */
    said[0] = 0;
    assert_int_equal(state_undo(s, STATE_OPEN, say, NULL), 0);
    assert_string_equal(content(RESERVED), "7,500-501,40000");
    assert_string_equal(
        said, "undone: the reservation of ports `39999-40001`\nundone: the reservation of ports `39999-40001`\n"
              "undone: the reservation of ports `30000-32769`\nundone: the reservation of ports `1024-2048`\n");
    assert_int_equal(state_undo(s, STATE_OPEN, say, NULL), 0);
    assert_string_equal(content(RESERVED), "7,500-501,40000");
    state_close(s);
    remove_run();
}

static void next_start(void **state)
{
    (void)state;
    make_run();
    die("eth0", 40000, 40100);
    assert_string_equal(content(RESERVED), "40000-40100");
    struct state *s = open_state("eth0");
    assert_string_equal(content(RESERVED), "");
    state_close(s);
    /* Twenty times, each over the last one's leftovers. */
    for (uint16_t i = 0; i < 20; i++) die("eth0", (uint16_t)(40000 + i), (uint16_t)(40100 + i));
    assert_string_equal(content(RESERVED), "40019-40119");
    assert_int_equal(state_cleanup(run, NULL, say, NULL), 0);
    assert_string_equal(content(RESERVED), "");
    remove_run();
}

static void names(void **state)
{
    (void)state;
    make_run();
    char err[300];
    static const char *const bad[] = {
        "",     ".",    "..",
        "a/b",  ".a",   "a b",
        "a\tb", "a\nb", "12345678901234567890123456789012345678901234567890123456789012345"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_null(state_open(run, bad[i], NULL, say, NULL, err, sizeof err));
        assert_non_null(strstr(err, "can't name an instance"));
    }
    struct state *s = open_state("eth0"), *other = open_state("eth0.7");
    assert_null(state_open(run, "eth0", NULL, say, NULL, err, sizeof err));
    char want[200];
    snprintf(want, sizeof want, "another preyrun named `eth0` already runs here (process %ld): choose another --name",
             (long)getpid());
    assert_string_equal(err, want);
    reserve(s, 40000, 40001);
    said[0] = 0;
    assert_int_equal(state_cleanup(run, NULL, say, NULL), 0); /* they live */
    assert_non_null(strstr(said, "left alone: the running instance `eth0`"));
    assert_non_null(strstr(said, "left alone: the running instance `eth0.7`"));
    assert_string_equal(content(RESERVED), "40000-40001");
    assert_int_equal(state_undo(s, STATE_OPEN, say, NULL), 0);
    state_close(s);
    state_close(other);
    assert_null(state_open("/nowhere/at/all", "eth0", NULL, say, NULL, err, sizeof err));
    assert_true(!strncmp(err, "/nowhere/at/all", 15) &&
                strstr(err, ": the record of changes can't be written: No such file or directory"));
    remove_run();
}

/* A holder of the lock is alive, whatever number the file has: a dead process's number may belong to another. */
static void known_by_its_lock(void **state)
{
    (void)state;
    make_run();
    char path[128], line[400], err[300];
    assert_int_equal(state_owner(run, "eth0"), 0);
    struct state *s = open_state("eth0");
    assert_int_equal(state_owner(run, "eth0"), getpid());
    state_close(s);
    assert_int_equal(state_owner(run, "eth0"), 0);
    die("eth0", 40000, 40001);
    path_of("eth0", path);
    snprintf(line, sizeof line, "sed -i 's/^pid\t.*/pid\t%ld/' %s && grep -q '^pid' %s", (long)getpid(), path, path);
    sh(line); /* the living one */
    assert_int_equal(state_owner(run, "eth0"), 0);
    s = state_open(run, "eth0", NULL, say, NULL, err, sizeof err);
    assert_non_null(s);
    assert_string_equal(content(RESERVED), "");
    state_close(s);
    remove_run();
}

/* A successor continues the record by a descriptor that a service has passed on. Entries of another file would be
 * undone at its end, so that file is rejected. */
static void shared_record(void **state)
{
    (void)state;
    make_run();
    struct state *s = open_state("eth0");
    reserve(s, 40000, 40001);
    assert_null(state_share(run, "eth0", memfd_create("forged", MFD_CLOEXEC)));
    assert_null(state_share(run, "eth0", -1));
    assert_null(state_share(run, "eth1", state_lend(s)));
    struct state *next = state_share(run, "eth0", state_lend(s));
    assert_non_null(next);
    state_leave(s);
    assert_int_equal(state_owner(run, "eth0"), getpid());
    assert_int_equal(state_own_up(next, 0), 0);
    assert_int_equal(state_undo(next, STATE_OPEN, say, NULL), 0);
    assert_string_equal(content(RESERVED), "");
    state_close(next);
    remove_run();
}

/* If translation would use all ports that the kernel chooses from, some stay with the host: one range, the same as
 * long as the instance lives. */
static void kept_ports(void **state)
{
    static const struct {
        const char *chosen;
        struct host_ports ranges[2];
        int failed;
        uint16_t lo, hi;
        const char *reserved;
    } all[] = {
        {"32768 60999", {{32768, 65535, 1, 0}}, 0, 32768, 36863, "36864-60999"},
        {"32768 60999", {{16384, 65535, 1, 0}}, 0, 32768, 36863, "36864-60999"},
        {"32768 60999", {{33000, 65535, 1, 0}}, 0, 33000, 36863, "36864-60999"}, /* it already has 232 */
        {"32768 60999", {{61000, 65535, 1, 0}}, 0, 0, 0, ""},
        {"32768 60999", {{40000, 50000, 1, 0}}, 0, 0, 0, "40000-50000"},
        {"32768 60999",
         {{32768, 36000, 1, 0}, {36001, 65535, 1, 0}},
         0,
         56904,
         60999,
         "32768-56903"}, /* otherwise the first had none */
        {"32768 60999", {{32768, 65535, 1, 0}, {33000, 33000, 0, 0}}, 0, 32768, 36864, "33000,36865-60999"},
        {"40000 40010", {{1024, 65535, 1, 0}}, 0, 40000, 40010, ""}, /* it has no more */
        {"40000 40010", {{40000, 40010, 1, 0}}, -ENOSPC, 0, 0, ""},  /* and translation has none either */
        {"40000 40010", {{1024, 65535, 0, 0}}, -ENOSPC, 0, 0, ""},
        {"1024 65535", {{1024, 65535, 1, 0}}, 0, 1024, 5119, "5120-65535"},
    };
    (void)state;
    make_run();
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        char line[80], err[300] = "";
        struct host_kept kept = {0}, again;
        struct state *s = open_state("eth0");
        const unsigned count = all[i].ranges[1].hi ? 2 : 1;
        snprintf(line, sizeof line, "echo %s >/proc/sys/net/ipv4/ip_local_port_range", all[i].chosen);
        sh(line);
        assert_int_equal(ports_look(NULL, all[i].ranges, count, &kept, err, sizeof err), all[i].failed);
        kept = (struct host_kept){0};
        assert_int_equal(ports_reserve(s, all[i].ranges, count, &kept, err, sizeof err), all[i].failed);
        assert_int_equal(kept.lo, all[i].lo);
        assert_int_equal(kept.hi, all[i].hi);
        assert_string_equal(content(RESERVED), all[i].reserved);
        again = kept;
        assert_int_equal(ports_reserve(s, all[i].ranges, count, &again, err, sizeof err), all[i].failed);
        assert_memory_equal(&again, &kept, sizeof kept);
        assert_string_equal(content(RESERVED), all[i].reserved);
        assert_int_equal(state_undo(s, STATE_OPEN, say, NULL), 0);
        state_close(s);
    }
    sh("echo 32768 60999 >/proc/sys/net/ipv4/ip_local_port_range");
    remove_run();
}

/* Ranges that nobody wrote grow, by ports that the kernel doesn't choose, nobody has reserved and no other instance
 * has. */
static void ranges_grow(void **state)
{
    (void)state;
    make_run();
    char err[300] = "";
    sh("echo 32768 60999 >/proc/sys/net/ipv4/ip_local_port_range; echo 5000,8080-8090 >" RESERVED);
    const struct host_ports grows = {61000, 65535, 1, 1}, written = {61000, 65535, 1, 0};
    struct host_kept kept = {0};
    struct state *one = open_state("eth0"), *two = open_state("eth1");
    reserve(one, 20000, 20999);
    assert_int_equal(ports_reserve(two, &written, 1, &kept, err, sizeof err), 0);
    assert_int_equal(kept.more_count, 0);
    assert_int_equal(ports_look(two, &grows, 1, &kept, err, sizeof err), 0);
    assert_int_equal(ports_reserve(two, &grows, 1, &kept, err, sizeof err), 0);
    const struct facts_range want[] = {{1024, 4999}, {5001, 8079}, {8091, 19999}, {21000, 32767}};
    assert_int_equal(kept.more_count, 4);
    assert_memory_equal(kept.more, want, sizeof want);
    assert_string_equal(content(RESERVED), "5000,8080-8090");
    const struct host_ports inside = {30000, 30100, 0, 0};
    struct host_kept other = {0};
    assert_int_equal(ports_look(one, &inside, 1, &other, err, sizeof err), -EADDRINUSE);
    assert_int_equal(state_undo(two, STATE_OPEN, say, NULL), 0);
    assert_int_equal(ports_look(one, &inside, 1, &other, err, sizeof err), 0);
    assert_int_equal(state_undo(one, STATE_OPEN, say, NULL), 0);
    state_close(one);
    state_close(two);
    sh("echo >" RESERVED);
    remove_run();
}

#define AS_SHARED                                                                                                      \
    "the ports divided at the start would leave none for translation or for this machine's own connections: "          \
    "restart preyrun to divide the ports again"

/* Another program: the host's range stays, and grows by ports that nobody has taken yet. */
static void reloads(void **state)
{
    static const struct {
        const char *before, *chosen;
        struct host_ports first, then;
        int failed;
        uint16_t lo, hi;
        const char *reserved;
    } all[] = {
        {NULL, "32768 60999", {61000, 65535, 1, 0}, {32768, 65535, 1, 0}, 0, 32768, 36863, "36864-60999"},
        {NULL, "32768 60999", {36000, 65535, 1, 0}, {32768, 65535, 1, 0}, 0, 32768, 36863, "36864-60999"},
        {NULL, "32768 60999", {32768, 65535, 1, 0}, {32768, 36863, 1, 0}, -ENOSPC, 32768, 36863, "36864-60999"},
        {NULL, "32768 60999", {32768, 65535, 1, 0}, {32768, 36864, 1, 0}, 0, 32768, 36863, "36864-60999"},
        /* The taken range is in the middle: the machine keeps the part behind it. */
        {NULL, "32768 60999", {33000, 34000, 1, 0}, {32768, 65535, 1, 0}, 0, 34001, 38096, "32768-34000,38097-60999"},
        /* Mappings may have all ports that the kernel now chooses from. */
        {"32768 60999", "61000 65000", {61000, 65535, 1, 0}, {61000, 65535, 1, 0}, -ENOSPC, 0, 0, ""},
        {"32768 60999", "61000 65000", {62000, 65535, 1, 0}, {61000, 65535, 1, 0}, 0, 61000, 61999, "62000-65000"},
    };
    (void)state;
    make_run();
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        char line[80], err[300] = "";
        struct host_kept kept = {0}, look;
        snprintf(line, sizeof line, "echo %s >/proc/sys/net/ipv4/ip_local_port_range",
                 all[i].before ? all[i].before : all[i].chosen);
        sh(line);
        struct state *s = open_state("eth0");
        assert_int_equal(ports_reserve(s, &all[i].first, 1, &kept, err, sizeof err), 0);
        snprintf(line, sizeof line, "echo %s >/proc/sys/net/ipv4/ip_local_port_range", all[i].chosen);
        sh(line);
        look = kept;
        assert_int_equal(ports_look(s, &all[i].then, 1, &look, err, sizeof err), all[i].failed);
        assert_int_equal(ports_reserve(s, &all[i].then, 1, &kept, err, sizeof err), all[i].failed);
        assert_string_equal(err, all[i].failed ? AS_SHARED : "");
        assert_int_equal(kept.lo, all[i].lo);
        assert_int_equal(kept.hi, all[i].hi);
        assert_string_equal(content(RESERVED), all[i].reserved);
        assert_int_equal(state_undo(s, STATE_OPEN, say, NULL), 0);
        state_close(s);
        assert_string_equal(content(RESERVED), "");
    }
    sh("echo 32768 60999 >/proc/sys/net/ipv4/ip_local_port_range");
    remove_run();
}

/* Ports of two instances are disjoint as long as both live; and the host keeps some. */
static void shared_ports(void **state)
{
    (void)state;
    make_run();
    char err[300] = "";
    sh("echo 32768 60999 >/proc/sys/net/ipv4/ip_local_port_range");
    const struct host_ports range = {61500, 62000, 0, 0}, all = {1024, 65535, 0, 0};
    struct host_kept kept = {0};
    struct state *one = open_state("eth0"), *two = open_state("eth1");
    reserve(one, 61000, 61999); /* taken, and not reservable */
    assert_string_equal(content(RESERVED), "");
    assert_int_equal(ports_reserve(two, &range, 1, &kept, err, sizeof err), -EADDRINUSE);
    assert_string_equal(err, "the running instance `eth0` also translates to some of the ports 61500-62000: change the "
                             "ports of one of the two instances");
    *err = 0;
    assert_int_equal(ports_look(one, &range, 1, &kept, err, sizeof err), 0); /* a rejected one isn't a reservation */
    reserve(one, 61000, 61999);
    assert_int_equal(ports_look(two, &range, 1, &kept, err, sizeof err), -EADDRINUSE);
    assert_string_equal(err, "the running instance `eth0` also translates to some of the ports 61500-62000: change the "
                             "ports of one of the two instances");
    reserve(two, 62000, 62500);
    assert_int_equal(state_undo(one, STATE_OPEN, say, NULL), 0);
    assert_int_equal(ports_reserve(one, &all, 1, &kept, err, sizeof err), -ENOSPC);
    assert_string_equal(content(RESERVED), "");
    state_close(one);
    assert_int_equal(state_undo(two, STATE_OPEN, say, NULL), 0);
    state_close(two);
    die("eth0", 61000, 61999);
    two = open_state("eth1");
    reserve(two, 61000, 61999); /* a dead process has none */
    assert_int_equal(state_undo(two, STATE_OPEN, say, NULL), 0);
    state_close(two);
    assert_int_equal(state_cleanup(run, NULL, say, NULL), 0);
    remove_run();
}

static void wait_here(void)
{
    for (;;) pause();
}

/* A process that was killed and is still ending is waited for without limit: here it is stopped. */
static void awaited(void **state)
{
    int status, ready[2], told[2];
    char byte, line[300] = "", wanted[200];
    (void)state;
    make_run();
    assert_int_equal(pipe(ready), 0);
    fflush(NULL);
    const pid_t worker = fork();
    if (!worker) wait_here();
    const pid_t owner = fork();
    if (!owner) {
        state_works(open_state("eth0"), worker);
        assert_int_equal(write(ready[1], "", 1), 1);
        wait_here();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    const bool traced = !ptrace(PTRACE_SEIZE, worker, NULL, PTRACE_O_TRACEEXIT);
    kill(worker, SIGKILL);
    if (traced) waitpid(worker, &status, 0); /* it has stopped at its end */
    assert_int_equal(pipe(told), 0);
    const pid_t awaits = fork();
    if (!awaits) {
        said[0] = 0;
        state_await(run, "eth0", 60000, tell, &told[1]);
        _exit(0);
    }
    close(told[1]);
    if (traced) {
        const ssize_t n = read(told[0], line, sizeof line - 1);
        snprintf(wanted, sizeof wanted, "the instance `eth0` is stopping; preyrun waits for its process %d\n", worker);
        line[n > 0 ? n : 0] = 0;
        ptrace(PTRACE_CONT, worker, NULL, NULL);
    }
    waitpid(worker, &status, 0);
    kill(owner, SIGKILL);
    waitpid(owner, &status, 0);
    waitpid(awaits, &status, 0);
    if (traced) assert_string_equal(line, wanted);
    assert_int_equal(status, 0);
    state_close(open_state("eth0"));
    remove_run();
}

/* One namespace's names aren't another's, and clean-up only looks at its own. */
static void namespaces(void **state)
{
    (void)state;
    make_run();
    die("eth0", 40000, 40001);
    assert_int_equal(unshare(CLONE_NEWNET), 0);
    struct state *s = open_state("eth0");
    reserve(s, 40002, 40003);
    assert_string_equal(content(RESERVED), "40002-40003");
    assert_int_equal(state_undo(s, STATE_OPEN, say, NULL), 0);
    state_close(s);
    assert_int_equal(state_cleanup(run, NULL, say, NULL), 0);
    assert_int_equal(rmdir(run), -1); /* the first one's remains */
    char line[128];
    snprintf(line, sizeof line, "rm -r %s", run);
    sh(line);
}

/* For any file contents the start continues: valid entries are undone, the rest is reported. */
static void damaged(void **state)
{
    (void)state;
    make_run();
    static const char *const texts[] = {
        "",
        "\n\n\n",
        "+",
        "+\n",
        "+reserved-ports\n",
        "+reserved-ports\ta\tb\n",
        "+nonsense\ta\tb\tc\n",
        "pid\t",
        "+reserved-ports\tx\t\t99999999999999999999-3,,-\n",
        "-reserved-ports\tx\t\t40000\n",
        "+reserved-ports\tx\t\t40000", /* never completed: the change wasn't made */
    };
    char path[128];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        state_close(open_state("eth0"));
        struct state *s = open_state("eth0");
        path_of("eth0", path);
        FILE *f = fopen(path, "w");
        fputs(texts[i], f);
        fclose(f);
        sh("echo 40000 >" RESERVED);
        assert_int_equal(state_undo(s, STATE_OPEN, say, NULL), 0);
        assert_string_equal(content(RESERVED), "40000");
        state_close(s);
        unlink(path);
    }
    state_close(open_state("eth0"));
    remove_run();
}

/* With a full disk the change is rejected, because it couldn't be undone. */
static void refused(void **state)
{
    (void)state;
    make_run();
    struct state *s = open_state("eth0");
    char *large = malloc(2 << 20);
    memset(large, 'x', (2 << 20) - 1);
    large[(2 << 20) - 1] = 0;
    assert_int_equal(state_note(s, CHANGE_PORTS, "a", "", large), -EFBIG);
    assert_int_equal(state_note(s, CHANGE_PORTS, "a\tb", "", ""), -EINVAL);
    assert_int_equal(state_note(s, CHANGE_PORTS, "a\nb", "", ""), -EINVAL);
    free(large);
    char path[128], once[4096];
    path_of("eth0", path);
    assert_false(state_noted(s, CHANGE_PORTS, "a", "", "1"));
    for (int i = 0; i < 3; i++) assert_int_equal(state_note(s, CHANGE_PORTS, "a", "", "1"), 0);
    assert_true(state_noted(s, CHANGE_PORTS, "a", "", "1"));
    assert_false(state_noted(s, CHANGE_PORTS, "a", "1", "1"));
    FILE *f = fopen(path, "r");
    once[fread(once, 1, sizeof once - 1, f)] = 0;
    fclose(f);
    assert_string_equal(strchr(once, '\n'), "\n+reserved-ports\ta\t\t1\n");
    assert_int_equal(state_undo(s, STATE_OPEN, say, NULL), 0);
    state_close(s);
    remove_run();
}

/* A start that can't write its record leaves the existing one unchanged. */
static void full(void **state)
{
    char err[300];
    const char *const devices[] = {"eth0"};
    const struct state_handed handed = {devices, 1, false};
    struct rlimit most;
    (void)state;
    make_run();
    struct state *s = open_state("eth0");
    assert_int_equal(state_note(s, CHANGE_HOOKS, "eth0", "-", "/nowhere"), 0);
    state_leave(s); /* as a kill does */
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &most), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){0, most.rlim_max}), 0);
    s = state_open(run, "eth0", &handed, say, NULL, err, sizeof err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &most), 0);
    assert_null(s);
    s = state_open(run, "eth0", &handed, say, NULL, err, sizeof err);
    assert_non_null(s);
    assert_true(state_noted(s, CHANGE_HOOKS, "eth0", "-", "/nowhere"));
    assert_int_equal(state_undo(s, STATE_OPEN, say, NULL), 0);
    state_close(s);
    remove_run();
}

/* A closed start takes over the table of guard rules unchanged; any other undoes it. */
static void taken_closed(void **state)
{
    char err[300];
    const char *const what[] = {"eth0", "prey_eth0"};
    (void)state;
    for (int closed = 0; closed < 2; closed++) {
        const struct state_handed handed = {what, 2, closed};
        make_run();
        struct state *s = open_state("eth0");
        assert_int_equal(state_note(s, CHANGE_GUARD, "prey_eth0", "", ""), 0);
        assert_int_equal(state_note(s, CHANGE_SERVED, "eth0", "", ""), 0);
        state_leave(s);
        s = state_open(run, "eth0", &handed, say, NULL, err, sizeof err);
        assert_non_null(s);
        assert_int_equal(state_noted(s, CHANGE_GUARD, "prey_eth0", "", ""), closed);
        assert_false(state_noted(s, CHANGE_SERVED, "eth0", "", ""));
        state_undo(s, STATE_OPEN, say, NULL);
        state_close(s);
        remove_run();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        netns_test(own_end),     netns_test(next_start),   netns_test(names),        netns_test(known_by_its_lock),
        netns_test(own_end),     netns_test(next_start),   netns_test(names),        netns_test(shared_record),
        netns_test(awaited),     netns_test(kept_ports),   netns_test(shared_ports), netns_test(reloads),
        netns_test(ranges_grow), netns_test(namespaces),   netns_test(damaged),      netns_test(refused),
        netns_test(full),        netns_test(taken_closed),
    };
    return netns_run(tests, sizeof tests / sizeof tests[0]);
}
