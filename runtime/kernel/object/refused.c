/* Trials of small programs find features that the kernel lacks; else the verifier's log gives the line of the source */
#include "runtime/kernel/object/refused.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <cap-ng.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "runtime/host/hook/jit.h"

static const struct bpf_insn zero = {.code = BPF_ALU64 | BPF_MOV | BPF_K}, leave = {.code = BPF_JMP | BPF_EXIT};

/* Load a program of `return 0`. *interpreted: it was not compiled. */
static int try_any(bool *interpreted)
{
    const int fd =
        bpf_prog_load(BPF_PROG_TYPE_XDP, "probe", "Dual BSD/GPL", (const struct bpf_insn[]){zero, leave}, 2, NULL);
    *interpreted = false;
    if (fd < 0) return -errno;
    *interpreted = jit_is_off(fd);
    close(fd);
    return 0;
}

/* Load the types that a program with a callback needs. Return a descriptor or a negative errno. */
static int types_of_callback(uint32_t type[2])
{
    uint32_t size;
    struct btf *b = btf__new_empty();
    if (!b) return -ENOMEM;
    const int number = btf__add_int(b, "int", 4, BTF_INT_SIGNED);
    const int entry = btf__add_func_proto(b, number);
    type[0] = (uint32_t)btf__add_func(b, "probe", BTF_FUNC_GLOBAL, entry);
    const int turn = btf__add_func_proto(b, number);
    const int failed = btf__add_func_param(b, "i", number) | btf__add_func_param(b, "arg", number);
    type[1] = (uint32_t)btf__add_func(b, "turn", BTF_FUNC_STATIC, turn);
    const void *raw = failed ? NULL : btf__raw_data(b, &size);
    const int fd = raw ? bpf_btf_load(raw, size, NULL) : -ENOMEM;
    btf__free(b);
    return fd;
}

/* Load a loop of bpf_loop, which calls a function for each turn: the basis of the stages' loops on older kernels. */
static int try_loop(void)
{
    enum { TURN = 8, LOOP = 181 /* bpf_loop, which older headers lack */ };
    const struct bpf_insn code[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1, .imm = 1},
        {.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_2, .src_reg = BPF_PSEUDO_FUNC, .imm = TURN - 2},
        {.code = 0},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_4},
        {.code = BPF_JMP | BPF_CALL, .imm = LOOP},
        zero,
        leave,
        zero,
        leave};
    uint32_t type[2];
    const int types = types_of_callback(type);
    if (types < 0) return 0; /* the kernel refuses the types, not the loop */
    const struct bpf_func_info functions[] = {{0, type[0]}, {TURN, type[1]}};
    LIBBPF_OPTS(bpf_prog_load_opts, with, .prog_btf_fd = (uint32_t)types, .func_info = functions, .func_info_cnt = 2,
                .func_info_rec_size = sizeof *functions);
    const int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "probe", "Dual BSD/GPL", code, 10, &with);
    const int failed = fd < 0 ? -errno : 0;
    if (fd >= 0) close(fd);
    close(types);
    return failed;
}

/* True in another user namespace than the machine's own, where privileges have no effect. */
static bool in_other_namespace(void)
{
    enum { FIRST_USER_NAMESPACE = 0xEFFFFFFDU };
    struct stat ns;
    return !stat("/proc/self/ns/user", &ns) && ns.st_ino != FIRST_USER_NAMESPACE;
}

static bool has_rights(void)
{
    static const unsigned wanted[] = {CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON};
    if (capng_get_caps_process()) return true;                              /* the capabilities are unknown */
    if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN)) return true; /* this capability implies the others */
    for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!capng_have_capability(CAPNG_EFFECTIVE, wanted[i])) return false;
    return true;
}

/* Describe why the kernel has no loops. */
static void say_loops(bool interpreted, struct obstacle *o)
{
    struct utsname u;
    if (interpreted) {
        *o = (struct obstacle){"the kernel interprets eBPF programs, but the kernel executor needs compiled ones",
                               JIT_ON};
        return;
    }
    *o = (struct obstacle){.mend = "install a newer kernel (on Ubuntu 22.04: linux-generic-hwe-22.04)"};
    snprintf(o->why, sizeof o->why,
             "Linux %s is too old for the kernel executor, which needs bpf_loop (Linux 5.17) and is tested from 6.1 on",
             uname(&u) ? "here" : u.release);
}

int refused_here(struct obstacle *o)
{
    bool interpreted;
    const int failed = try_any(&interpreted);
    if (!has_rights() || (failed == -EPERM && in_other_namespace())) {
        *o = (struct obstacle){"preyrun may not load eBPF programs",
                               "run preyrun as root, or with the capabilities BPF, NET_ADMIN and PERFMON"};
        return -EPERM;
    }
    if (failed == -EPERM || failed == -EACCES) {
        *o = (struct obstacle){"a security module, lockdown or a container's rules forbid eBPF programs, even to root",
                               "dmesg or the audit log shows which"};
        return failed;
    }
    if (failed == -ENOSYS) {
        *o = (struct obstacle){.why = "this kernel can't run eBPF programs (it was built without BPF)"};
        return failed;
    }
    const int loops = failed ? 0 : try_loop();
    const bool lacks = interpreted || loops == -EINVAL || loops == -ENOTSUP || loops == -EOPNOTSUPP || loops == -524;
    if (!loops || !lacks) return 0; /* another fault has its own message */
    say_loops(interpreted, o);
    return -ENOTSUP;
}

int refused_map(const char *name, uint64_t bytes, int failed, char *err, size_t err_len)
{
    const uint64_t mb = (bytes >> 20) + 1;
    if (failed == -E2BIG)
        snprintf(err, err_len,
                 "%s would take %" PRIu64
                 " MB, but eBPF programs can use at most 512 MB: use smaller `limits`, smaller sets or --exec user",
                 name, mb);
    else if (failed == -ENOMEM)
        snprintf(err, err_len,
                 "the kernel has no memory for %s, %" PRIu64
                 " MB: raise MemoryMax= of the service, or use smaller `limits` or --exec user",
                 name, mb);
    else
        snprintf(err, err_len, "%s, %" PRIu64 " MB in the kernel: %s", name, mb, strerror(-failed));
    return failed;
}

int refused_flows(uint64_t flows, uint64_t most, uint64_t bytes, char *err, size_t err_len)
{
    snprintf(err, err_len,
             "a table of %" PRIu64 " connections would take %" PRIu64
             " MB, but eBPF programs can use at most 512 MB: use `limits { flows %" PRIu64 " }` or --exec user",
             flows, (bytes >> 20) + 1, most);
    return -E2BIG;
}

enum { INSNS_MOST = 1000000 };

/* Return the instruction that a line of the log is about ("12: (85) call …"), or -1. */
static long said_of(const char *line)
{
    char *end;
    const long insn = strtol(line, &end, 10);
    return isdigit((unsigned char)*line) && !strncmp(end, ": (", 3) ? insn : -1;
}

/* Return the source of the following instructions in "; k->out = KERNEL_PASS; @ act.bpf.c:12", or NULL if generated. */
static const char *line_source(const char *line)
{
    const char *at = strstr(line, " @ ");
    return at && at[3] != ':' ? at + 3 : NULL;
}

/* True if the line only gives the amount of work. */
static bool is_sum(const char *line)
{
    static const char *const begins[] = {"processed ", "verification time", "stack depth"};
    for (unsigned i = 0; i < sizeof begins / sizeof *begins; i++)
        if (!strncmp(line, begins[i], strlen(begins[i]))) return true;
    return false;
}

void refused_program(const struct linked *l, const char *name, int failed, char *log, char *err, size_t err_len)
{
    long insn = -1;
    const char *last = NULL, *source = NULL;
    for (char *at, *line = strtok_r(log, "\n", &at); line; line = strtok_r(NULL, "\n", &at)) {
        if (said_of(line) >= 0) insn = said_of(line);
        if (*line == ';')
            source = line_source(line);
        else if (!is_sum(line))
            last = line;
    }
    if (!last && failed == -E2BIG && l->count > INSNS_MOST)
        snprintf(err, err_len,
                 "the eBPF program `%s` is too long for the kernel: it has %" PRIu32
                 " instructions, but the limit is 1,000,000; use --exec user",
                 name, l->count);
    else if ((!last && failed == -E2BIG) || (last && strstr(last, "too large")))
        snprintf(err, err_len,
                 "the kernel's verifier gives up on the eBPF program `%s` (%" PRIu32
                 " instructions), because the check would take more than a million steps, the limit; use --exec user",
                 name, l->count);
    else if (!last)
        snprintf(err, err_len, "the kernel rejects %s, %" PRIu32 " instructions: %s; use --exec user", name, l->count,
                 failed == -ENOMEM ? "out of memory (raise MemoryMax= of the service)" : strerror(-failed));
    else
        snprintf(err, err_len, "the kernel's verifier rejects %s, in %s%s%s%s: %s; use --exec user", name,
                 insn >= 0 ? linked_name(l, (uint32_t)insn) : name, source ? " (" : "", source ? source : "",
                 source ? ")" : "", last);
}
