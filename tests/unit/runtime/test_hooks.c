/* The kernel executor's programs on an interface. They outlive their process, the next start removes them, and
 * others' programs stay or are reported. All this works with links and, on an older kernel, with filters of traffic
 * control, whether XDP or traffic control takes arriving packets. The programs of this test accept or drop
 * everything. */
#include <bpf/libbpf.h>
#include <glob.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "runtime/host/change_priv.h"
#include "runtime/host/hook/hooks.h"
#include "runtime/host/state.h"
#include "runtime/host/hook/xdp.h"
#include "tests/unit/runtime/old_kernel.h"

enum { XDP_LETS = 2, XDP_DROPS = 1, TC_LETS = -1, TC_DROPS = 2 };

static char run[64];

static void say(void *arg, const char *line)
{
    (void)arg;
    print_message("# %s\n", line);
}

static int program(enum bpf_prog_type type, int result)
{
    const struct bpf_insn code[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = result}, {.code = BPF_JMP | BPF_EXIT}};
    const int fd = bpf_prog_load(type, "test", "GPL", code, 2, NULL);
    if (fd < 0) print_message("no programs may be loaded here: %s\n", strerror(errno));
    if (fd < 0) skip();
    return fd;
}

/* Make two ends of a cable, a file system for pins if wanted, and no state of others. */
static void scene(bool files)
{
    assert_int_equal(unshare(CLONE_NEWNS), 0);
    assert_int_equal(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    if (mount("bpf", HOOKS_FILES, files ? "bpf" : "tmpfs", 0, NULL)) skip();
    libbpf_set_print(NULL);
    sh(NETNS_PAIR " && ip addr add 192.0.2.1/24 dev here && "
                  "ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:02 dev here");
    strcpy(run, "/tmp/prey-test-XXXXXX");
    assert_non_null(mkdtemp(run));
}

static void scene_end(void)
{
    assert_int_equal(state_cleanup(run, NULL, say, NULL), 0);
    assert_int_equal(rmdir(run), 0);
}

static struct state *begin(bool takes)
{
    char err[300] = "";
    const char *const here[] = {"here"};
    struct state *s =
        state_open(run, "here", takes ? &(struct state_handed){here, 1, false} : NULL, say, NULL, err, sizeof err);
    if (!s) print_error("%s\n", err);
    assert_non_null(s);
    return s;
}

/* Traffic control takes arriving packets. Set before the programs are. */
static bool by_tc;

static int arriving(int xdp)
{
    if (by_tc) return program(BPF_PROG_TYPE_SCHED_CLS, xdp == XDP_LETS ? TC_LETS : TC_DROPS);
    return program(BPF_PROG_TYPE_XDP, xdp);
}

/* Make hooks. The map isn't an array of programs, because the kernel never frees one that somebody opens by its id
 * while it is emptied (prog_array_map_clear, Linux 6.18). */
static struct hooks hooks_of(int arrives, int leaves)
{
    return (struct hooks){.arrives = arriving(arrives),
                          .by_tc = by_tc,
                          .leaves = program(BPF_PROG_TYPE_SCHED_CLS, leaves),
                          .kept = {{"a_map", bpf_map_create(BPF_MAP_TYPE_ARRAY, "m", 4, 4, 2, NULL)}},
                          .kept_count = 1};
}

static void hooks_close(const struct hooks *h)
{
    close(h->arrives);
    close(h->leaves);
    close(h->kept[0].map);
}

static int set(struct state *s, int arrives, int leaves, bool replace, struct hooked *on, const char *complaint)
{
    char err[300] = "";
    const struct hooks h = hooks_of(arrives, leaves);
    const struct hooks_where where = {.name = "here", .device = "here", .ifindex = if_nametoindex("here")};
    const int failed = hooks_set(s, &where, &h, replace, on, err, sizeof err);
    hooks_close(&h);
    if (*complaint ? !strstr(err, complaint) : *err) print_error("said: %s\n", err);
    assert_true(*complaint ? strstr(err, complaint) != NULL : !*err);
    return failed;
}

/* Return the number of packets that have come to the other end. */
static unsigned long arrived(void)
{
    char line[300];
    unsigned long n = 0;
    FILE *f = fopen("/proc/net/dev", "r");
    while (f && fgets(line, sizeof line, f)) (void)sscanf(line, " there: %*u %lu", &n);
    if (f) fclose(f);
    return n;
}

/* True if packets that the host sends by `here` leave it. */
static bool leaves(void)
{
    const struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = 9, .sin_addr.s_addr = htonl(0xc0000209)};
    const unsigned long before = arrived();
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    (void)!sendto(fd, "", 1, 0, (const void *)&to, sizeof to);
    close(fd);
    return arrived() > before;
}

static unsigned xdp_on(void)
{
    struct bpf_xdp_query_opts on = {.sz = sizeof on};
    assert_int_equal(bpf_xdp_query((int)if_nametoindex("here"), 0, &on), 0);
    return on.prog_id;
}

/* Count traffic control's filters on `here`: for leaving packets, for arriving ones, and the hooks that they are in. */
static unsigned said(const char *command)
{
    char line[400];
    unsigned n = 0;
    FILE *f = popen(command, "r");
    while (f && fgets(line, sizeof line, f)) n++;
    if (f) pclose(f);
    return n;
}
static unsigned filters(void) { return said("tc filter show dev here egress | grep handle"); }
static unsigned filters_in(void) { return said("tc filter show dev here ingress | grep handle"); }
static unsigned clsacts(void) { return said("tc qdisc show dev here | grep clsact"); }

/* Count traffic control's programs for arriving packets on `here`: links and filters. */
static unsigned tc_on(void)
{
    uint32_t ids[8];
    LIBBPF_OPTS(bpf_prog_query_opts, on, .prog_ids = ids, .prog_cnt = 8);
    const int failed = bpf_prog_query_opts((int)if_nametoindex("here"), (enum bpf_attach_type)46, &on);
    return filters_in() + (failed ? 0 : on.prog_cnt);
}

/* True if one program judges arriving packets, and it is the requested one. */
static bool is_judged(void) { return (xdp_on() != 0) == !by_tc && tc_on() == by_tc; }

/* True if another program judged arriving packets while one was attached for them. */
static bool attached_beside;
static void look_beside(void) { attached_beside |= xdp_on() || tc_on(); }

static void outlives(void **state)
{
    struct hooked on;
    (void)state;
    scene(true);
    struct state *s = begin(false);
    assert_true(hooks_last());
    assert_int_equal(set(s, XDP_LETS, TC_DROPS, false, &on, ""), 0);
    assert_true(on.pinned && !on.generic);
    assert_false(leaves());
    assert_int_equal(filters(), kernel_is_old);
    hooks_leave(&on); /* as after a kill */
    assert_int_equal(state_undo(s, STATE_CLOSED, say, NULL), 0);
    state_close(s);
    assert_false(leaves());
    assert_int_not_equal(xdp_on(), 0);
    assert_true(hooks_left("here", "here", xdp_on()));
    assert_false(hooks_left("other", "here", xdp_on()));
    s = begin(true); /* the next start takes them over */
    assert_false(leaves());
    const unsigned before = xdp_on();
    assert_int_equal(set(s, XDP_LETS, TC_DROPS, false, &on, ""), 0);
    assert_true(on.pinned && !on.generic);
    assert_false(leaves());
    assert_int_not_equal(xdp_on(), before);
    assert_int_equal(filters(), kernel_is_old);
    hooks_leave(&on);
    state_close(s);
    s = begin(false); /* one that does not */
    assert_int_equal(filters() + clsacts(), 0);
    assert_true(leaves());
    assert_int_equal(xdp_on(), 0);
    assert_int_equal(set(s, XDP_LETS, TC_LETS, false, &on, ""), 0);
    assert_true(leaves());
    assert_int_equal(state_undo(s, STATE_OPEN, say, NULL), 0); /* while its descriptors are open */
    assert_int_equal(xdp_on(), 0);
    hooks_leave(&on);
    state_close(s);
    assert_int_equal(filters() + clsacts(), 0);
    sh("! ls " HOOKS_FILES "/prey/*/* 2>/dev/null");
    scene_end();
}

/* Put another's filter with a later priority. */
static void put_filter(int fd)
{
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex("here"), .attach_point = BPF_TC_EGRESS);
    LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 9, .priority = 7, .prog_fd = fd);
    assert_int_equal(bpf_tc_attach(&hook, &opts), 0);
}

static void others_stay(void **state)
{
    struct hooked on;
    bool generic;
    char err[200];
    (void)state;
    scene(true);
    if (kernel_is_old) sh("tc qdisc add dev here clsact");
    struct state *s = begin(false);
    const int other = xdp_attach(program(BPF_PROG_TYPE_XDP, XDP_LETS), if_nametoindex("here"), false, &generic, "other",
                                 err, sizeof err);
    assert_true(other >= 0);
    const unsigned before = xdp_on();
    assert_int_equal(set(s, XDP_LETS, TC_LETS, false, &on, "the interface has another XDP program"), -EBUSY);
    assert_int_equal(xdp_on(), before);
    int others = -1;
    if (kernel_is_old)
        put_filter(program(BPF_PROG_TYPE_SCHED_CLS, TC_DROPS));
    else
        others = bpf_link_create(program(BPF_PROG_TYPE_SCHED_CLS, TC_DROPS), (int)if_nametoindex("here"),
                                 (enum bpf_attach_type)47, NULL);
    assert_int_equal(others >= 0, !kernel_is_old);
    assert_int_equal(set(s, XDP_LETS, TC_LETS, true, &on, ""), 0);
    assert_int_not_equal(xdp_on(), before);
    assert_false(leaves()); /* the other's still drops it */
    if (kernel_is_old) sh("tc filter del dev here egress prio 7");
    close(others);
    assert_true(leaves());
    assert_int_equal(state_undo(s, STATE_OPEN, say, NULL), 0);
    assert_int_equal(filters(), 0);
    assert_int_equal(clsacts(), kernel_is_old); /* which existed before */
    hooks_leave(&on);
    state_close(s);
    close(other);
    scene_end();
}

/* The first place among filters has one kind; another's program there is reported, and stays. */
static void first_place_is_taken(void **state)
{
    struct hooked on;
    (void)state;
    scene(true);
    struct state *s = begin(false);
    sh("tc qdisc add dev here clsact && tc filter add dev here egress protocol ip prio 1 bpf bytecode '1,6 0 0 0'");
    assert_true(set(s, XDP_LETS, TC_DROPS, false, &on,
                    "another program has a filter of another type at priority 1 for leaving packets of here") < 0);
    assert_int_equal(xdp_on(), 0);
    assert_int_equal(filters(), 1);
    assert_int_equal(state_undo(s, STATE_OPEN, say, NULL), 0);
    assert_int_equal(filters(), 1);
    hooks_leave(&on);
    state_close(s);
    scene_end();
}

/* The older hook has one list, where a filter for leaving packets would see arriving ones. */
static void older_ingress(void **state)
{
    struct hooked on;
    (void)state;
    scene(true);
    struct state *s = begin(false);
    sh("tc qdisc add dev here ingress");
    assert_true(set(s, XDP_LETS, TC_DROPS, false, &on, "here has another program's queueing discipline `ingress`") < 0);
    assert_int_equal(said("tc filter show dev here parent ffff:"), 0);
    assert_int_equal(state_undo(s, STATE_OPEN, say, NULL), 0);
    assert_int_equal(said("tc qdisc show dev here | grep ingress"), 1);
    hooks_leave(&on);
    state_close(s);
    scene_end();
}

/* Check the hook again: returns 1 if it was set again; 0 if it was in place. */
static int keep(struct state *s, struct hooked *on, const char *complaint)
{
    char err[300] = "";
    const struct hooks h = hooks_of(XDP_LETS, TC_DROPS);
    const struct hooks_where where = {.name = "here", .device = "here", .ifindex = if_nametoindex("here")};
    const int kept = hooks_keep(s, &where, &h, on, err, sizeof err);
    hooks_close(&h);
    if (*complaint ? !strstr(err, complaint) : *err) fail_msg("said: %s", err);
    return kept;
}

/* Put another's filter of the same priority before it. */
static void put_before(int fd)
{
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex("here"), .attach_point = BPF_TC_EGRESS);
    LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 9, .priority = 1, .prog_fd = fd);
    assert_int_equal(bpf_tc_attach(&hook, &opts), 0);
    close(fd);
}

/* Changes by another program are undone: the filter is deleted, its hooks are deleted too, another filter is before
 * it, or in its place. */
static void is_kept(bool files)
{
    enum { TC_TAKES = 0 /* accept, without asking later filters */ };
    struct hooked on;
    scene(files);
    struct state *s = begin(false);
    assert_int_equal(set(s, XDP_LETS, TC_DROPS, false, &on, ""), 0);
    assert_int_equal(keep(s, &on, ""), 0);
    sh("tc filter del dev here egress");
    assert_true(leaves());
    assert_int_equal(keep(s, &on, ""), 1);
    assert_int_equal(keep(s, &on, ""), 0);
    assert_false(leaves());
    put_before(program(BPF_PROG_TYPE_SCHED_CLS, TC_TAKES));
    assert_true(leaves());
    assert_int_equal(keep(s, &on, ""), 1);
    assert_false(leaves());
    assert_int_equal(keep(s, &on, ""), 0);
    assert_int_equal(filters(), 2);
    sh("tc filter del dev here egress; tc filter add dev here egress protocol ip prio 1 bpf bytecode '1,6 0 0 0'");
    assert_true(keep(s, &on, "another program has a filter of another type at priority 1") < 0);
    sh("ip link set here down; tc qdisc del dev here clsact");
    assert_int_equal(keep(s, &on, ""), 1); /* also on a link that is down */
    sh("ip link set here up && ip neigh replace 192.0.2.9 lladdr 02:00:00:00:00:02 dev here");
    assert_false(leaves());
    hooks_leave(&on);
    assert_int_equal(state_undo(s, STATE_OPEN, say, NULL), 0);
    assert_int_equal(filters() + clsacts(), 0);
    state_close(s);
    scene_end();
}
static void kept(void **state)
{
    (void)state;
    is_kept(true);
}
static void kept_without_files(void **state)
{
    (void)state;
    is_kept(false);
}

/* The hooks were another's, and are deleted with it: prey removes those that replace them. */
static void kept_in_hooks_of_others(void **state)
{
    struct hooked on;
    (void)state;
    scene(true);
    sh("tc qdisc add dev here clsact");
    struct state *s = begin(false);
    assert_int_equal(set(s, XDP_LETS, TC_DROPS, false, &on, ""), 0);
    sh("tc qdisc del dev here clsact");
    assert_int_equal(keep(s, &on, ""), 1);
    hooks_leave(&on);
    assert_int_equal(state_undo(s, STATE_OPEN, say, NULL), 0);
    assert_int_equal(clsacts(), 0);
    state_close(s);
    scene_end();
}

/* A move that a kill interrupts leaves two; both are removed. */
static void cut_off(void **state)
{
    struct hooked on;
    (void)state;
    scene(true);
    struct state *s = begin(false);
    assert_int_equal(set(s, XDP_LETS, TC_DROPS, false, &on, ""), 0);
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex("here"), .attach_point = BPF_TC_EGRESS);
    LIBBPF_OPTS(bpf_tc_opts, opts, .handle = hooks_handle("here") ^ 1u << 30, .priority = 1,
                .prog_fd = program(BPF_PROG_TYPE_SCHED_CLS, TC_DROPS));
    assert_int_equal(bpf_tc_attach(&hook, &opts), 0);
    hooks_leave(&on);
    assert_int_equal(state_undo(s, STATE_OPEN, say, NULL), 0);
    assert_int_equal(filters() + clsacts(), 0);
    state_close(s);
    scene_end();
}

/* Several interfaces share their filters: prey's has no place there. */
static void shared_filters(void **state)
{
    struct hooked on;
    char err[300] = "";
    (void)state;
    scene(true);
    struct state *s = begin(false);
    sh("tc qdisc add dev here egress_block 22 clsact");
    assert_true(set(s, XDP_LETS, TC_DROPS, false, &on, "the filters for leaving packets of here are shared") < 0);
    const struct hooks_where where = {.name = "here", .device = "here", .ifindex = if_nametoindex("here")};
    assert_true(hooks_lack(&where, 1, err, sizeof err) < 0);
    assert_non_null(
        strstr(err, "the filters for leaving packets of here are shared with other interfaces (egress_block)"));
    assert_int_equal(state_undo(s, STATE_OPEN, say, NULL), 0);
    assert_int_equal(clsacts(), 1);
    hooks_leave(&on);
    state_close(s);
    scene_end();
}

/* An interface that comes again and again doesn't fill the record, which is rewritten each time. */
static void record_is_bounded(void **state)
{
    struct hooked on;
    struct stat file;
    off_t size = 0;
    unsigned anew = 0;
    (void)state;
    scene(true);
    char words[8192];
    struct state *s = begin(false);
    assert_int_equal(state_works(s, 4242), 0);
    for (unsigned rounds = 0; anew < 2; rounds++) {
        assert_true(rounds < 200);
        assert_int_equal(set(s, XDP_LETS, TC_DROPS, false, &on, ""), 0);
        hooks_leave(&on);
        sh("ip link del here && ip link add here type veth peer name there && ip link set here up");
        assert_int_equal(stat(state_path(s), &file), 0);
        assert_true(file.st_size < 6000);
        anew += file.st_size < size;
        size = file.st_size;
    }
    assert_int_equal(set(s, XDP_LETS, TC_DROPS, false, &on, ""), 0);
    assert_int_equal(state_owner(run, "here"), getpid()); /* the file is a new one, and locked */
    snprintf(words, sizeof words, "grep -q '^works.4242$' %s", state_path(s));
    sh(words);
    hooks_leave(&on);
    assert_int_equal(state_undo(s, STATE_OPEN, say, NULL), 0);
    assert_int_equal(filters() + clsacts(), 0);
    state_close(s);
    scene_end();
}

/* The kernel's report in a separate namespace comes back complete. */
static int attach_says;
__attribute__((used)) int bpf_tc_attach(const struct bpf_tc_hook *hook, struct bpf_tc_opts *opts)
{
    int (*libbpfs)(const struct bpf_tc_hook *, struct bpf_tc_opts *);
    if (before_arrives && hook->attach_point == BPF_TC_INGRESS) before_arrives();
    *(void **)&libbpfs = dlsym(RTLD_NEXT, "bpf_tc_attach");
    return attach_says ? attach_says : libbpfs(hook, opts);
}
static void any_error(void **state)
{
    char err[300] = "";
    (void)state;
    scene(true);
    attach_says = -524; /* ENOTSUPP, a kernel-internal errno */
    assert_int_equal(hooks_lack(NULL, 0, err, sizeof err), -524);
    attach_says = -512;
    assert_int_equal(hooks_lack(NULL, 0, err, sizeof err), -512);
    attach_says = 0;
    assert_int_equal(hooks_lack(NULL, 0, err, sizeof err), 0);
    scene_end();
}

/* A filter is found by the number of its interface. */
static void renamed(void **state)
{
    struct hooked on;
    (void)state;
    scene(true);
    struct state *s = begin(false);
    assert_int_equal(set(s, XDP_LETS, TC_DROPS, false, &on, ""), 0);
    sh("ip link set here down && ip link set here name other");
    hooks_leave(&on);
    assert_int_equal(state_undo(s, STATE_OPEN, say, NULL), 0);
    assert_int_equal(said("tc qdisc show dev other | grep clsact"), 0);
    state_close(s);
    scene_end();
}

static void without_files(void **state)
{
    struct hooked on;
    (void)state;
    scene(false);
    struct state *s = begin(false);
    assert_false(hooks_last());
    assert_int_equal(set(s, XDP_LETS, TC_DROPS, false, &on, ""), 0);
    assert_false(on.pinned);
    assert_false(leaves());
    hooks_leave(&on);
    for (int i = 0; i < 2000 && !leaves(); i++) usleep(10000); /* the kernel frees programs a little later */
    assert_true(leaves());
    assert_int_equal(xdp_on(), 0);
    assert_int_equal(filters(), kernel_is_old); /* which lets pass */
    state_close(s);
    s = begin(true);
    assert_int_equal(set(s, XDP_LETS, TC_DROPS, false, &on, ""), 0);
    assert_false(leaves());
    assert_int_equal(filters(), kernel_is_old);
    assert_int_equal(state_undo(s, STATE_OPEN, say, NULL), 0);
    assert_int_equal(filters() + clsacts(), 0);
    hooks_leave(&on);
    state_close(s);
    scene_end();
}

static void by_tc_outlives(void **state)
{
    struct hooked on;
    (void)state;
    by_tc = true;
    scene(true);
    struct state *s = begin(false);
    assert_int_equal(set(s, XDP_LETS, TC_DROPS, false, &on, ""), 0);
    assert_true(on.pinned && !on.generic && is_judged());
    assert_int_equal(filters() + filters_in(), 2 * kernel_is_old);
    hooks_leave(&on); /* as after a kill */
    assert_int_equal(state_undo(s, STATE_CLOSED, say, NULL), 0);
    state_close(s);
    assert_true(is_judged() && !leaves());
    assert_false(hooks_left("here", "here", 0));
    s = begin(true); /* the next start takes them over */
    assert_int_equal(set(s, XDP_LETS, TC_LETS, false, &on, ""), 0);
    assert_true(on.pinned && is_judged() && leaves());
    assert_int_equal(filters() + filters_in(), 2 * kernel_is_old);
    hooks_leave(&on);
    state_close(s);
    s = begin(false); /* one that does not */
    assert_int_equal(tc_on() + filters() + clsacts(), 0);
    sh("! ls " HOOKS_FILES "/prey/*/* 2>/dev/null");
    state_close(s);
    scene_end();
}

/* A start whose programs are for the other hook adds them before the old ones go, and leaves nothing of those. */
static void changes_hook(bool files)
{
    struct hooked on;
    before_arrives = look_beside;
    scene(files);
    struct state *s = begin(false);
    for (unsigned i = 0; i < 4; i++) {
        by_tc = i & 1;
        attached_beside = false;
        assert_int_equal(set(s, XDP_LETS, TC_DROPS, false, &on, ""), 0);
        assert_true(on.pinned == files && is_judged() && !leaves());
        assert_int_equal(filters() + filters_in(), kernel_is_old * (1 + by_tc));
        if (files) assert_int_equal(attached_beside, i > 0);
        hooks_leave(&on);
        if (!files) /* the kernel frees programs a little later */
            for (int n = 0; n < 2000 && xdp_on(); n++) usleep(10000);
        state_close(s);
        s = begin(true);
    }
    assert_int_equal(state_undo(s, STATE_OPEN, say, NULL), 0);
    assert_int_equal(xdp_on() + tc_on() + filters() + clsacts(), 0);
    sh("! ls " HOOKS_FILES "/prey/*/* 2>/dev/null");
    state_close(s);
    scene_end();
}
static void changes(void **state)
{
    (void)state;
    changes_hook(true);
}
static void changes_without_files(void **state)
{
    (void)state;
    changes_hook(false);
}

/* Others' programs for arriving packets run after it, and stay; another's changes to its filter are undone. */
static void by_tc_beside_others(void **state)
{
    struct hooked on;
    (void)state;
    by_tc = true;
    scene(true);
    struct state *s = begin(false);
    sh("tc qdisc add dev here clsact && tc filter add dev here ingress protocol ip prio 7 bpf bytecode '1,6 0 0 0'");
    assert_int_equal(set(s, XDP_LETS, TC_DROPS, false, &on, ""), 0);
    assert_int_equal(tc_on(), 2);
    assert_int_equal(keep(s, &on, ""), 0);
    if (kernel_is_old) {
        sh("tc filter del dev here ingress prio 1");
        assert_int_equal(keep(s, &on, ""), 1);
        sh("tc filter del dev here ingress prio 1 && tc filter del dev here egress");
        assert_int_equal(keep(s, &on, ""), 2);
        assert_int_equal(keep(s, &on, ""), 0);
        sh("tc filter del dev here ingress prio 1 && "
           "tc filter add dev here ingress protocol ip prio 1 bpf bytecode '1,6 0 0 0'");
        assert_true(keep(s, &on, "filter of another type at priority 1 for arriving packets of here") < 0);
        sh("tc filter del dev here ingress prio 1");
        assert_int_equal(keep(s, &on, ""), 1);
    }
    assert_int_equal(tc_on(), 2);
    hooks_leave(&on);
    assert_int_equal(state_undo(s, STATE_OPEN, say, NULL), 0);
    assert_int_equal(filters_in(), 1);
    assert_int_equal(tc_on(), 1);
    assert_int_equal(clsacts(), 1);
    state_close(s);
    scene_end();
}

/* A program in the place of a filter for arriving packets is reported. */
static void by_tc_is_in_the_way(void **state)
{
    struct hooked on;
    char err[300] = "";
    (void)state;
    by_tc = true;
    scene(true);
    struct state *s = begin(false);
    sh("tc qdisc add dev here clsact && tc filter add dev here ingress protocol ip prio 1 bpf bytecode '1,6 0 0 0'");
    struct hooks_where where = {.name = "here", .device = "here", .ifindex = if_nametoindex("here")};
    assert_int_equal(hooks_lack(&where, 1, err, sizeof err), 0);
    where.by_tc = true;
    assert_true(hooks_lack(&where, 1, err, sizeof err) < 0);
    assert_non_null(strstr(err, "priority 1 for arriving packets of here"));
    assert_true(set(s, XDP_LETS, TC_DROPS, false, &on, "the eBPF program for arriving packets can't be attached") < 0);
    assert_int_equal(state_undo(s, STATE_OPEN, say, NULL), 0);
    assert_int_equal(filters_in(), 1);
    hooks_leave(&on);
    state_close(s);
    scene_end();
}

static void set_at(struct state *s, const char *device, const struct hooks *h, struct hooked *on)
{
    char err[300] = "";
    const struct hooks_where where = {.name = "here", .device = device, .ifindex = if_nametoindex(device)};
    if (hooks_set(s, &where, h, false, on, err, sizeof err)) fail_msg("%s: %s", device, err);
}

static uint32_t map_of(const struct hooks *h)
{
    struct bpf_map_info info = {0};
    uint32_t len = sizeof info;
    assert_int_equal(bpf_obj_get_info_by_fd(h->kept[0].map, &info, &len), 0);
    return info.id;
}

/* True if a pin holds the map after this process has closed it. */
static bool is_held(uint32_t map)
{
    const int fd = bpf_map_get_fd_by_id(map);
    if (fd >= 0) close(fd);
    return fd >= 0;
}

/* Each interface has pins of the maps by which its programs call each other, until it has no programs. */
static void maps_outlive_one(void **state)
{
    struct hooked on[2];
    char before[CLSACT_TEXT];
    const char *const devices[] = {"here", "there"};
    glob_t folder;
    (void)state;
    by_tc = true;
    scene(true);
    struct state *s = begin(false);
    const struct hooks h = hooks_of(XDP_LETS, TC_LETS);
    const uint32_t map = map_of(&h);
    for (unsigned i = 0; i < 2; i++) set_at(s, devices[i], &h, &on[i]);
    hooks_close(&h);
    assert_int_equal(glob(HOOKS_FILES "/prey/*/here", 0, NULL, &folder), 0);
    snprintf(before, sizeof before, "-");
    if (kernel_is_old) clsact_before(if_nametoindex("here"), true, before);
    assert_int_equal(hooks_undo("here", before, folder.gl_pathv[0]), 0);
    globfree(&folder);
    assert_true(is_held(map));
    sh("! ls " HOOKS_FILES "/prey/*/here/a_map:here 2>/dev/null");
    for (unsigned i = 0; i < 2; i++) hooks_leave(&on[i]);
    assert_int_equal(state_undo(s, STATE_OPEN, say, NULL), 0);
    sh("! ls " HOOKS_FILES "/prey/*/* 2>/dev/null");
    state_close(s);
    scene_end();
}

/* Of two interfaces with any names, one is taken over first. The other keeps the old programs until its turn, and
 * these keep their maps, even if both interfaces share one pin of them, as in older versions. */
static void maps_go_in_turn(bool shared)
{
    struct hooked on[2];
    const char *const devices[] = {"here", "th-e.re"};
    scene(true);
    sh("ip link set there down && ip link set there name th-e.re");
    struct state *s = begin(false);
    const struct hooks first = hooks_of(XDP_LETS, TC_LETS);
    const uint32_t former = map_of(&first);
    for (unsigned i = 0; i < 2; i++) set_at(s, devices[i], &first, &on[i]);
    if (shared) sh("cd " HOOKS_FILES "/prey/*/here && rm a_map:here && mv a_map:th+e:re a_map");
    hooks_close(&first);
    for (unsigned i = 0; i < 2; i++) hooks_leave(&on[i]);
    const struct hooks next = hooks_of(XDP_LETS, TC_LETS);
    const uint32_t map = map_of(&next);
    set_at(s, "here", &next, &on[0]);
    assert_true(on[0].pinned && is_held(former));
    set_at(s, "th-e.re", &next, &on[1]);
    hooks_close(&next);
    for (int n = 0; n < 2000 && is_held(former); n++) usleep(10000); /* the kernel frees it a little later */
    assert_true(on[1].pinned && !is_held(former) && is_held(map));
    sh("! ls " HOOKS_FILES "/prey/*/here/a_map 2>/dev/null");
    for (unsigned i = 0; i < 2; i++) hooks_leave(&on[i]);
    assert_int_equal(state_undo(s, STATE_OPEN, say, NULL), 0);
    sh("! ls " HOOKS_FILES "/prey/*/* 2>/dev/null");
    state_close(s);
    scene_end();
}
static void maps_in_turn(void **state)
{
    (void)state;
    maps_go_in_turn(false);
}
static void maps_in_turn_of_older(void **state)
{
    (void)state;
    maps_go_in_turn(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {as_is_test(outlives),
                                       as_is_test(others_stay),
                                       as_is_test(without_files),
                                       as_is_test(renamed),
                                       as_is_test(by_tc_outlives),
                                       as_is_test(changes),
                                       as_is_test(changes_without_files),
                                       as_is_test(by_tc_beside_others),
                                       as_is_test(maps_outlive_one),
                                       as_is_test(maps_in_turn),
                                       as_is_test(maps_in_turn_of_older),
                                       old_test(by_tc_outlives),
                                       old_test(changes),
                                       old_test(changes_without_files),
                                       old_test(by_tc_beside_others),
                                       old_test(by_tc_is_in_the_way),
                                       old_test(maps_outlive_one),
                                       old_test(maps_in_turn),
                                       old_test(maps_in_turn_of_older),
                                       old_test(outlives),
                                       old_test(others_stay),
                                       old_test(without_files),
                                       old_test(renamed),
                                       old_test(first_place_is_taken),
                                       old_test(older_ingress),
                                       old_test(kept),
                                       old_test(kept_without_files),
                                       old_test(kept_in_hooks_of_others),
                                       old_test(cut_off),
                                       old_test(shared_filters),
                                       old_test(record_is_bounded),
                                       old_test(any_error)};
    return netns_run(tests, sizeof tests / sizeof tests[0]);
}
