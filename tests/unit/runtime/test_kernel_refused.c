/* Messages if the kernel rejects everything. A thread loads the stages, and the test intercepts its calls of bpf(2)
 * and rejects some like another machine. Skipped if eBPF programs may not be loaded. */
#include <bpf/bpf.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "compiler/compiler.h"
#include "runtime/host/hook/programs.h"
#include "runtime/kernel/kernel.h"
#include "runtime/kernel/maps/maps.h"

static struct program *program;
static bool allowed;

/* True if the call is rejected. cmd: BPF_…. */
typedef bool hits_fn(uint32_t cmd, const union bpf_attr *attr);

struct loading {
    atomic_int calls; /* descriptor that reports them; -1: not yet, -2: unavailable */
    char err[400];
    int errnum; /* 0: loaded */
};

/* Report this thread's calls of bpf(2). Returns the descriptor, or -1. */
static int tell_calls(void)
{
    struct sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                                 BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 1),
                                 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
                                 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    const struct sock_fprog filter = {.len = sizeof code / sizeof *code, .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return -1;
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
}

static void *load(void *arg)
{
    struct loading *l = arg;
    const int calls = tell_calls();
    atomic_store(&l->calls, calls < 0 ? -2 : calls);
    struct kernel *k =
        calls >= 0 ? kernel_new(program, &(struct kernel_cfg){.hooks = KERNEL_XDP}, l->err, sizeof l->err) : NULL;
    l->errnum = k ? 0 : errno;
    kernel_free(k);
    return NULL;
}

/* Load the stages; each call that `hits` selects fails with that error. */
static void load_refused(struct loading *l, hits_fn *hits, int error)
{
    pthread_t thread;
    *l = (struct loading){.calls = -1};
    assert_int_equal(pthread_create(&thread, NULL, load, l), 0);
    while (atomic_load(&l->calls) == -1) sched_yield();
    const int calls = atomic_load(&l->calls);
    struct pollfd p = {.fd = calls, .events = POLLIN};
    while (calls >= 0 && poll(&p, 1, -1) > 0 && !(p.revents & POLLHUP)) {
        struct seccomp_notif asked = {0};
        if (ioctl(calls, SECCOMP_IOCTL_NOTIF_RECV, &asked)) continue; /* a signal, or the thread has ended */
        const bool hit = hits((uint32_t)asked.data.args[0], (const union bpf_attr *)(uintptr_t)asked.data.args[1]);
        struct seccomp_notif_resp answer = {
            .id = asked.id, .error = hit ? -error : 0, .flags = hit ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE};
        ioctl(calls, SECCOMP_IOCTL_NOTIF_SEND, &answer);
    }
    pthread_join(thread, NULL);
    if (calls < 0) skip(); /* another watcher prevents ours */
    close(calls);
}

static void assert_refused(hits_fn *hits, int error, int errnum, const char *words)
{
    struct loading l;
    if (!allowed) skip();
    load_refused(&l, hits, error);
    if (!strstr(l.err, words)) fail_msg("\"%s\" does not say \"%s\"", l.err, words);
    assert_int_equal(l.errnum, errnum);
}

/* ---- machines ---- */

enum { MAY_GOTO = BPF_JMP | 0xe0, CALL = BPF_JMP | BPF_CALL };

/* Match what kernels before Linux 6.9 lack: may_goto. */
static bool is_may_goto(uint32_t cmd, const union bpf_attr *attr)
{
    const struct bpf_insn *insns = (const struct bpf_insn *)(uintptr_t)attr->insns;
    if (cmd != BPF_PROG_LOAD) return false;
    for (uint32_t i = 0; i < attr->insn_cnt; i++)
        if (insns[i].code == MAY_GOTO) return true;
    return false;
}
static void test_an_older_kernel(void **state)
{
    struct loading l;
    (void)state;
    if (!allowed) skip();
    load_refused(&l, is_may_goto, EINVAL);
    assert_string_equal(l.err, ""); /* its loops are counted ones */
}

/* Match what kernels before 5.17 also lack: bpf_loop. */
static bool is_loop(uint32_t cmd, const union bpf_attr *attr)
{
    const struct bpf_insn *insns = (const struct bpf_insn *)(uintptr_t)attr->insns;
    if (cmd != BPF_PROG_LOAD) return false;
    for (uint32_t i = 0; i < attr->insn_cnt; i++)
        if (insns[i].code == CALL && !insns[i].src_reg && insns[i].imm == BPF_FUNC_loop) return true;
    return is_may_goto(cmd, attr);
}
static void test_an_old_kernel(void **state)
{
    (void)state;
    assert_refused(is_loop, EINVAL, ENOTSUP,
                   "is too old for the kernel executor, which needs bpf_loop (Linux 5.17) and is tested from 6.1 on");
}

/* Without memory no kernel is reported as old. */
static void test_no_memory_for_loops(void **state)
{
    (void)state;
    assert_refused(is_loop, ENOMEM, ENOMEM, "out of memory (raise MemoryMax= of the service); use --exec user");
}

/* The JIT compiler is off, wherever the setting is. */
static bool is_interpreted;
__attribute__((used)) int bpf_obj_get_info_by_fd(int fd, void *info, uint32_t *len)
{
    int (*libbpfs)(int, void *, uint32_t *);
    *(void **)&libbpfs = dlsym(RTLD_NEXT, "bpf_obj_get_info_by_fd");
    const int failed = libbpfs(fd, info, len);
    if (is_interpreted && !failed) ((struct bpf_prog_info *)info)->jited_prog_len = 0;
    return failed;
}
static void test_not_compiled(void **state)
{
    (void)state;
    is_interpreted = true;
    assert_refused(is_loop, EINVAL, ENOTSUP,
                   "the kernel interprets eBPF programs, but the kernel executor needs compiled ones");
    if (!strstr(programs_lack(-EINVAL), "the kernel interprets eBPF programs")) fail();
    is_interpreted = false;
}

/* A failure with another reason isn't blamed on the machine. */
static void test_what_a_machine_lacks(void **state)
{
    (void)state;
    assert_non_null(strstr(programs_lack(-ENOMEM), "out of memory"));
    assert_non_null(strstr(programs_lack(-E2BIG), "longer than the kernel allows"));
    assert_non_null(strstr(programs_lack(-EPERM), "the capability BPF, NET_ADMIN or PERFMON"));
}

static bool is_types(uint32_t cmd, const union bpf_attr *attr)
{
    (void)attr;
    return cmd == BPF_BTF_LOAD;
}
static void test_types_that_are_refused(void **state)
{
    (void)state;
    assert_refused(
        is_types, EINVAL, EINVAL,
        "the kernel rejects the type information of prey's eBPF programs: Invalid argument; use --exec user");
}

static bool is_any(uint32_t cmd, const union bpf_attr *attr)
{
    (void)cmd, (void)attr;
    return true;
}
static void test_no_right(void **state)
{
    (void)state;
    assert_refused(is_any, EPERM, EPERM, "a security module, lockdown or a container's rules forbid eBPF programs");
}
static void test_a_kernel_without(void **state)
{
    (void)state;
    assert_refused(is_any, ENOSYS, ENOSYS,
                   "this kernel can't run eBPF programs (it was built without BPF); use --exec user");
}

static bool is_world(uint32_t cmd, const union bpf_attr *attr)
{
    return cmd == BPF_MAP_CREATE && !strcmp(attr->map_name, "world");
}
static void test_no_memory(void **state)
{
    (void)state;
    assert_refused(is_world, ENOMEM, ENOMEM,
                   "the kernel has no memory for world, 1 MB: raise MemoryMax= of the service");
}

/* With more connections than the kernel's programs can have, their number is reported, and works. */
static struct program *of_flows(unsigned long long flows)
{
    char rules[200], err[400] = "";
    struct compile c;
    struct program *p = NULL;
    snprintf(rules, sizeof rules,
             "limits { flows %llu }\npool web { server one 10.2.0.9:80 }\n"
             "service shop on 10.1.0.100 tcp/80 { mode passthrough; -> web }",
             flows);
    compile_init(&c);
    if (!compile_text(&c, "test", rules, strlen(rules))) p = program_load(c.pbc, c.pbc_len, err, sizeof err);
    compile_fini(&c);
    assert_non_null(p);
    return p;
}

static void test_too_many_flows(void **state)
{
    (void)state;
    char err[400] = "";
    unsigned long long most = 0;
    struct maps m;
    if (!allowed) skip();
    struct program *p = of_flows(100000000);
    struct kernel_sizes s = kernel_sizes_of(p, 1);
    assert_int_equal(maps_init(&m, &s, err, sizeof err), -E2BIG);
    maps_fini(&m);
    program_put(p);
    const char *at = strstr(err, "limits { flows ");
    if (strncmp(err, "a table of 100000000 connections would take ", 44) || !at || sscanf(at + 15, "%llu", &most) != 1)
        fail_msg("%s", err);
    p = of_flows(most + 1);
    s = kernel_sizes_of(p, 1);
    assert_int_equal(maps_init(&m, &s, err, sizeof err), -E2BIG);
    maps_fini(&m);
    program_put(p);
    p = of_flows(most);
    s = kernel_sizes_of(p, 1);
    if (maps_init(&m, &s, err, sizeof err) == -E2BIG) fail_msg("%s", err); /* there may be no memory */
    maps_fini(&m);
    program_put(p);
}

static bool is_act(uint32_t cmd, const union bpf_attr *attr)
{
    return cmd == BPF_PROG_LOAD && !strcmp(attr->prog_name, "act_xdp");
}
static void test_a_stage_that_is_refused(void **state)
{
    (void)state;
    assert_refused(is_act, EINVAL, EINVAL, "the kernel rejects act_xdp, ");
}

int main(void)
{
    char err[400] = "";
    struct compile c;
    static const char rules[] = "firewall f default drop { accept tcp port 80 }";
    compile_init(&c);
    if (!compile_text(&c, "test", rules, sizeof rules - 1)) program = program_load(c.pbc, c.pbc_len, err, sizeof err);
    compile_fini(&c);
    if (!program) return print_error("# %s\n", err), 1;
    struct kernel *k = kernel_new(program, &(struct kernel_cfg){.hooks = KERNEL_XDP}, err, sizeof err);
    if (!k && errno != EPERM && errno != ENOTSUP) return print_error("# %s\n", err), 1;
    allowed = k;
    kernel_free(k);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_older_kernel),
        cmocka_unit_test(test_an_old_kernel),
        cmocka_unit_test(test_no_right),
        cmocka_unit_test(test_a_kernel_without),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_too_many_flows),
        cmocka_unit_test(test_a_stage_that_is_refused),
        cmocka_unit_test(test_no_memory_for_loops),
        cmocka_unit_test(test_not_compiled),
        cmocka_unit_test(test_what_a_machine_lacks),
        cmocka_unit_test(test_types_that_are_refused),
    };
    const int status = cmocka_run_group_tests(tests, NULL, NULL);
    program_put(program);
    return status;
}
