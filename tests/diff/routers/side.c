/* Sibling routers in separate namespaces, which end when preyrun stops */
#include "tests/diff/routers/side_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int own_netns;
const char *side_dir;

const char *side_name(enum side_kind kind) { return (const char *[]){"netfilter", "user", "tc", "xdp"}[kind]; }

/* ---- commands ---- */

static int text_fd(const char *text)
{
    const int fd = memfd_create("text", MFD_CLOEXEC);
    const size_t len = strlen(text);
    if (fd < 0 || write(fd, text, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET)) abort();
    return fd;
}

pid_t side_start(const struct side *s, const char *const argv[], int in, int out)
{
    const pid_t pid = fork();
    if (pid) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (setns(s->netns, CLONE_NEWNET) || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0) _exit(126);
    execvp(argv[0], (char **)argv);
    _exit(127);
}

void side_print_lines(const char *text)
{
    for (const char *end; *text; text = end + (*end != 0)) {
        end = strchrnul(text, '\n');
        printf("#   %.*s\n", (int)(end - text), text);
    }
}

bool side_command(struct side *s, const char *const argv[], const char *input, bool quiet)
{
    const int in = text_fd(input), out = memfd_create("said", MFD_CLOEXEC);
    const pid_t pid = side_start(s, argv, in, out);
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    if (status && !quiet) {
        char said[4096] = "";
        if (pread(out, said, sizeof said - 1, 0) < 0) said[0] = 0;
        printf("# %s, %s: status %d\n", side_name(s->kind), argv[0], status);
        side_print_lines(said);
    }
    close(in);
    close(out);
    return !status;
}

/* Run a command that reads `text`, and free the text. */
static bool have_read(struct side *s, const char *const argv[], char *text, bool quiet)
{
    const bool done = side_command(s, argv, text, quiet);
    if (!done && !quiet) side_print_lines(text);
    free(text);
    return done;
}

static bool run_ip(struct side *s, const struct world *w, void (*words)(const struct world *, bool, FILE *), bool quiet)
{
    bool done = true;
    for (unsigned v6 = 2; v6-- > 0;) {
        char *text = NULL;
        size_t len;
        FILE *out = open_memstream(&text, &len);
        if (!out) abort();
        words(w, v6, out);
        fclose(out);
        const char *const argv[] = {
            "ip", v6 ? "-6" : "-4", quiet ? "-force" : "-batch", quiet ? "-batch" : "-", quiet ? "-" : NULL, NULL};
        done = have_read(s, argv, text, quiet) && done;
    }
    return done;
}

bool side_change(struct side *s, const struct world *w, const struct change *c)
{
    bool done = true;
    for (unsigned v6 = 2; v6-- > 0;) {
        char *text = NULL;
        size_t len;
        FILE *out = open_memstream(&text, &len);
        if (!out) abort();
        world_as_ip_change(w, c, v6, out);
        fclose(out);
        done =
            have_read(s, (const char *[]){"ip", v6 ? "-6" : "-4", "-force", "-batch", "-", NULL}, text, true) && done;
    }
    (void)done; /* a missing route can't be removed */
    return true;
}

static bool run_nft(struct side *s, const struct world *w)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    if (!out) abort();
    world_as_nft(w, out);
    fclose(out);
    return have_read(s, (const char *[]){"nft", "-f", "-", NULL}, text, false);
}

/* ---- namespaces ---- */

bool sides_begin(const char *dir)
{
    side_dir = dir;
    own_netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (own_netns < 0 || unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL) || mount("tmpfs", "/run", "tmpfs", 0, NULL) || mkdir(dir, 0700))
        return false;
    return true;
}

static void set_file(const char *path, const char *value)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return; /* older kernels have fewer */
    if (write(fd, value, strlen(value)) < 0) printf("# %s: %s\n", path, strerror(errno));
    close(fd);
}

static void set_kernel(void)
{
    static const char *const values[][2] = {
        {"ipv4/ip_forward", "1"},
        {"ipv4/conf/all/rp_filter", "0"},
        {"ipv4/conf/default/rp_filter", "0"},
        {"ipv4/conf/all/send_redirects", "0"},
        {"ipv4/conf/default/send_redirects", "0"},
        {"ipv4/icmp_ratelimit", "0"},
        {"ipv4/icmp_msgs_per_sec", "1000000"},
        {"ipv4/icmp_msgs_burst", "1000000"},
        {"ipv4/icmp_echo_ignore_broadcasts", "1"},
        {"ipv6/conf/all/forwarding", "1"},
        {"ipv6/conf/default/forwarding", "1"},
        {"ipv6/conf/all/accept_dad", "0"},
        {"ipv6/conf/default/accept_dad", "0"},
        {"ipv6/conf/default/accept_ra", "0"},
        {"ipv6/icmp/ratelimit", "0"},
        {"ipv4/fib_multipath_hash_seed", "1"},
        {"ipv6/auto_flowlabels", "0"},
    };
    char path[96];
    for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
        snprintf(path, sizeof path, "/proc/sys/net/%s", values[i][0]);
        set_file(path, values[i][1]);
    }
}

static int open_tap(unsigned iface, bool bare)
{
    struct ifreq r = {.ifr_flags = (short)((bare ? IFF_TUN : IFF_TAP) | IFF_NO_PI)};
    snprintf(r.ifr_name, sizeof r.ifr_name, "e%u", iface);
    const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &r)) return -1;
    return fd;
}

bool side_open(struct side *s, enum side_kind kind, const struct world *w)
{
    memset(s, 0, sizeof *s);
    s->kind = kind;
    if (unshare(CLONE_NEWNET)) return false;
    s->netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    set_kernel();
    for (unsigned i = 0; i < w->ifs; i++) {
        s->bare[i] = w->iface[i].bare;
        s->taps[i] = open_tap(i, s->bare[i]);
    }
    if (setns(own_netns, CLONE_NEWNET)) abort();
    for (unsigned i = 0; i < w->ifs; i++)
        if (s->taps[i] < 0) return false;
    return run_ip(s, w, world_as_ip_links, false);
}

void side_close(struct side *s, const struct world *w)
{
    side_end_prey(s);
    for (unsigned i = 0; i < w->ifs; i++) close(s->taps[i]);
    close(s->netns);
}

bool side_route(struct side *s, const struct world *w)
{
    run_ip(s, w, world_as_ip_forget, true);
    return run_ip(s, w, world_as_ip_routes, false);
}

/* Make the kernel forget all connections of the namespace. */
static bool forget_connections(const struct side *s)
{
    struct {
        struct nlmsghdr head;
        struct nfgenmsg about;
    } ask = {{sizeof ask, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, NLM_F_REQUEST | NLM_F_ACK, 1, 0},
             {AF_UNSPEC, NFNETLINK_V0, 0}};
    char answer[256];
    if (setns(s->netns, CLONE_NEWNET)) abort();
    const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    const bool done = send(fd, &ask, sizeof ask, 0) == sizeof ask && recv(fd, answer, sizeof answer, 0) > 0;
    close(fd);
    if (setns(own_netns, CLONE_NEWNET)) abort();
    return done;
}

bool side_set_nft(struct side *s, const struct world *w, bool anew)
{
    return run_nft(s, w) && (!anew || forget_connections(s));
}
