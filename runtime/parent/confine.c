/* The service gives up its privileges: its user, capabilities, the file system, and all system calls except those of
 * syscall.def.
 *
 * Its root becomes the folder of time zones, as the C library reads a zone's file whenever a schedule is computed, and
 * Landlock lets it read nothing else: where one of the two is missing, the other holds. */
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/parent/between/confined.h"
#include "runtime/parent/parent_priv.h"

/* Change root to a deleted folder, in which no file can be */
static int enter_nowhere(void)
{
    char path[] = "/tmp/prey-XXXXXX";
    if (!mkdtemp(path)) return -errno;
    const int failed = chroot(path) ? -errno : 0;
    rmdir(path);
    return failed;
}

/* Change root to the time zones. -EPERM: without that capability the root stays. */
static int change_root(const char *zones)
{
    int failed = chroot(zones) ? -errno : 0;
    if (failed == -ENOENT || failed == -ENOTDIR) failed = enter_nowhere();
    if (failed) return failed;
    return chdir("/") || setenv("TZDIR", "/", 1) ? -errno : 0;
}

/* Return the file accesses that Landlock can refuse in the kernel's version: landlock(7), "Landlock versions" */
static uint64_t all_of_files(long version)
{
    const unsigned rights = version < 2 ? 13 : version < 3 ? 14 : version < 5 ? 15 : 16;
    return (UINT64_C(1) << rights) - 1;
}

/* Make the kernel refuse all access to files except reading below `folder`; -1: all access. Open files stay usable.
 * False with errno: the kernel has no Landlock, or it is off */
static bool read_only_below(int folder)
{
    const long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1) return false;
    const struct landlock_ruleset_attr all = {.handled_access_fs = all_of_files(version)};
    const struct landlock_path_beneath_attr below = {
        .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR, .parent_fd = folder};
    const int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all.handled_access_fs, 0);
    if (rules < 0) return false;
    const bool good = (folder < 0 || !syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &below, 0)) &&
                      !syscall(SYS_landlock_restrict_self, rules, 0);
    const int why = errno;
    close(rules);
    errno = why;
    return good;
}

/* Give up all files except those of time zones, in both ways. If neither exists, the service may open files for
 * reading, as its user */
static int leave_files(void)
{
    const char *set = getenv("TZDIR"), *zones = set && *set ? set : "/usr/share/zoneinfo";
    const int folder = open(zones, O_PATH | O_DIRECTORY | O_CLOEXEC), failed = change_root(zones);
    const bool refused = (!failed || failed == -EPERM) && read_only_below(folder);
    const char *why = strerror(errno);
    if (folder >= 0) close(folder);
    if (failed == -EPERM && !refused)
        complain("notice: the service may read all files that its user may read: the service can't change its root "
                 "folder, and Landlock is missing (%s)",
                 why);
    return failed == -EPERM ? 0 : failed;
}

/* User that the service becomes, found while files are reachable: PARENT_USER if it exists and root started preyrun */
struct user {
    uid_t uid;
    gid_t gid;
    bool other;
};
static struct user user_of_service(void)
{
    const struct passwd *known = CONFINED_LOOSE || geteuid() ? NULL : getpwnam(PARENT_USER);
    return known ? (struct user){known->pw_uid, known->pw_gid, true} : (struct user){0};
}

/* Give up the user and all capabilities, the bounding set included */
static int leave_rights(const struct user *u)
{
    capng_clear(CAPNG_SELECT_ALL);
    if (u->other && capng_change_id((int)u->uid, (int)u->gid, CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING))
        return -EPERM;
    if (capng_get_caps_process()) return -EPERM;
    if (confined_capabilities(NULL, 0) || capng_get_caps_process()) return -EPERM;
    return capng_have_capabilities(CAPNG_SELECT_CAPS) == CAPNG_NONE ? 0 : -EPERM;
}

/* Print the number of a refused call. Called in a signal handler, so without stdio. */
static void say_number(unsigned n)
{
    char line[] = "preyrun: internal error: the service made system call ####, which isn't in its list; please report "
                  "this with the rules\n";
    const char *const end = line + strlen(line);
    char *first = strchr(line, '#'), *at = strrchr(line, '#');
    for (; n && at >= first; n /= 10) *at-- = (char)('0' + n % 10);
    while (*first == '#') memmove(first, first + 1, (size_t)(end - first));
    (void)!write(STDERR_FILENO, line, strlen(line));
}

static void forbidden(int signo, siginfo_t *info, void *context)
{
    say_number((unsigned)info->si_syscall);
    signal(signo, SIG_DFL);
    raise(signo);
}

static int allow_plain(scmp_filter_ctx f)
{
    static const int calls[] = {
#define SYSCALL(name, doc) SCMP_SYS(name),
#include "runtime/parent/syscall.def"
    };
    return confined_calls(f, calls, sizeof calls / sizeof *calls);
}

#define ONLY(call, ...) seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(call), 1, __VA_ARGS__)

/* Allow calls by their arguments: memory that is not executable, threads but no processes, signals only to itself
 * (so no F_SETOWN of fcntl, which sends them to others), files for reading only, the test for a terminal on standard
 * output */
static int allow_some(scmp_filter_ctx f)
{
    const scmp_datum_t writes = O_ACCMODE | O_CREAT | O_TRUNC;
    int failed = ONLY(mmap, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (!failed) failed = ONLY(mprotect, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (!failed) failed = ONLY(clone, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    if (!failed) failed = ONLY(tgkill, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
    if (!failed) failed = ONLY(openat, SCMP_A2(SCMP_CMP_MASKED_EQ, writes, O_RDONLY));
    if (!failed) failed = ONLY(fcntl, SCMP_A1(SCMP_CMP_LT, F_SETFL, 0)); /* no F_SETFL: O_APPEND stays */
    if (!failed) failed = ONLY(fcntl, SCMP_A1(SCMP_CMP_EQ, F_DUPFD_CLOEXEC, 0));
    if (!failed) failed = ONLY(fcntl, SCMP_A1(SCMP_CMP_EQ, F_SETPIPE_SZ, 0));
    if (!failed) failed = ONLY(fcntl, SCMP_A1(SCMP_CMP_EQ, F_GET_SEALS, 0));
    if (!failed) failed = ONLY(ioctl, SCMP_A1(SCMP_CMP_EQ, TCGETS, 0));
    if (!failed) failed = ONLY(prctl, SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0));
    if (!failed)
        failed = ONLY(prctl, SCMP_A0(SCMP_CMP_EQ, PR_SET_PDEATHSIG, 0)); /* a keeper is not the service's parent */
    if (!failed)
        failed = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 2, SCMP_A0(SCMP_CMP_EQ, PR_SET_DUMPABLE, 0),
                                  SCMP_A1(SCMP_CMP_EQ, 0, 0));
    /* clone3's arguments are in memory that a filter can't see; on ENOSYS the C library calls clone */
    if (!failed) failed = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    return failed;
}

/* Allow bpf on descriptors from the parent: read and write maps, run programs as a test, create or load nothing */
static int allow_bpf(scmp_filter_ctx f)
{
    static const scmp_datum_t all[] = {BPF_MAP_LOOKUP_ELEM,  BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM,
                                       BPF_MAP_GET_NEXT_KEY, BPF_PROG_TEST_RUN,   BPF_OBJ_GET_INFO_BY_FD};
    int failed = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all && !failed; i++)
        failed = ONLY(bpf, SCMP_A0(SCMP_CMP_EQ, all[i], 0));
    return failed;
}

static int leave_calls(void)
{
    const struct sigaction missing = {.sa_sigaction = forbidden, .sa_flags = SA_SIGINFO | SA_NODEFER};
    scmp_filter_ctx f = seccomp_init(CONFINED_LOOSE ? SCMP_ACT_ALLOW : SCMP_ACT_TRAP);
    if (!f) return -ENOMEM;
    int failed = sigaction(SIGSYS, &missing, NULL) ? -errno : 0;
    if (!failed && !CONFINED_LOOSE) failed = allow_plain(f);
    if (!failed && !CONFINED_LOOSE) failed = allow_some(f);
    if (!failed && !CONFINED_LOOSE) failed = confined_sockets(f); /* sockets for health checks */
    if (!failed && !CONFINED_LOOSE) failed = allow_bpf(f);
    if (!failed && CONFINED_LOOSE)
        failed = seccomp_rule_add(f, SCMP_ACT_TRAP, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_GT, AF_INET6, 0));
    if (!failed) failed = seccomp_load(f);
    seccomp_release(f);
    return failed;
}

static int confine(pid_t parent)
{
    prctl(PR_SET_NAME, STATE_WORKER); /* so that a signal by the program's name reaches the parent only */
    const struct user user = user_of_service();
    int failed = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0; /* Landlock requires it */
    if (!failed && !CONFINED_LOOSE) failed = leave_files();
    if (!failed) failed = leave_rights(&user);
    /* A change of credentials clears this, so it comes late. getppid finds a parent that ended earlier. */
    if (!failed && prctl(PR_SET_PDEATHSIG, SIGKILL)) failed = -errno;
    if (!failed && getppid() != parent) failed = -ESRCH;
    return failed ? failed : leave_calls();
}

int parent_confine(const struct channel *c)
{
    const int failed = confine(c->parent);
    return failed ? complain("the service can't drop its privileges: %s", strerror(-failed)) : 0;
}
