/* Words for refusals. */
#include "runtime/kernel/refused.h"

#include <bpf/bpf.h>
#include <cap-ng.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* ---- the machine ---- */

static int try_program(const struct bpf_insn *insns, uint32_t count)
{
    const int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "probe", "Dual BSD/GPL", insns, count, NULL);
    if (fd < 0) return -errno;
    close(fd);
    return 0;
}

static const struct bpf_insn zero = {.code = BPF_ALU64 | BPF_MOV | BPF_K}, leave = {.code = BPF_JMP | BPF_EXIT};

/* Nothing but `return 0`. */
static int try_any(void) { return try_program((const struct bpf_insn[]){zero, leave}, 2); }

/* A loop that ends by may_goto, which is what the stages' loops are made of. */
static int try_may_goto(void)
{
    enum { JUMP_MAY = BPF_JMP | 0xe0 /* BPF_JCOND, which older headers lack */ };
    return try_program(
        (const struct bpf_insn[]){zero, {.code = JUMP_MAY, .off = 1}, {.code = BPF_JMP, .off = -2}, leave}, 4);
}

static bool has_rights(void)
{
    static const unsigned wanted[] = {CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON};
    if (capng_get_caps_process()) return true;                              /* not known */
    if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN)) return true; /* it stands for them */
    for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!capng_have_capability(CAPNG_EFFECTIVE, wanted[i])) return false;
    return true;
}

int refused_here(char *err, size_t err_len)
{
    struct utsname u;
    int failed = try_any();
    if (failed == -EPERM || failed == -EACCES || !has_rights()) {
        snprintf(err, err_len,
                 "programs may not be loaded into the kernel: that takes root, or the capabilities BPF, NET_ADMIN and "
                 "PERFMON; --exec user does without");
        return -EPERM;
    }
    if (failed == -ENOSYS) {
        snprintf(err, err_len, "this kernel runs no programs (it was built without BPF): --exec user");
        return failed;
    }
    if (failed || !try_may_goto()) return 0; /* something else, which speaks for itself */
    snprintf(
        err, err_len,
        "Linux %s is too old for the executor in the kernel, which takes 6.9 (may_goto): a newer one (Debian 12 has it "
        "in backports), or --exec user",
        uname(&u) ? "here" : u.release);
    return -ENOTSUP;
}

/* ---- maps ---- */

int refused_map(const char *name, uint64_t bytes, int failed, char *err, size_t err_len)
{
    const uint64_t mb = (bytes >> 20) + 1;
    if (failed == -E2BIG)
        snprintf(err, err_len,
                 "%s would take %" PRIu64
                 " MB in the kernel, whose programs reach 512: smaller `limits`, smaller sets, or "
                 "--exec user",
                 name, mb);
    else if (failed == -ENOMEM)
        snprintf(err, err_len,
                 "the kernel has no memory for %s, %" PRIu64
                 " MB: more of it (MemoryMax= of a service), smaller `limits`, or "
                 "--exec user",
                 name, mb);
    else
        snprintf(err, err_len, "%s, %" PRIu64 " MB in the kernel: %s", name, mb, strerror(-failed));
    return failed;
}

/* ---- programs ---- */

/* The instruction that a line of the log is about ("12: (85) call …"), or -1. */
static long said_of(const char *line)
{
    char *end;
    const long insn = strtol(line, &end, 10);
    return isdigit((unsigned char)*line) && !strncmp(end, ": (", 3) ? insn : -1;
}

/* "; k->out = KERNEL_PASS; @ act.bpf.c:12": where its instructions come from; NULL: nobody wrote them. */
static const char *source_of(const char *line)
{
    const char *at = strstr(line, " @ ");
    return at && at[3] != ':' ? at + 3 : NULL;
}

/* Does the line say only how much work it was? */
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
    for (char *line = strtok(log, "\n"); line; line = strtok(NULL, "\n")) {
        if (said_of(line) >= 0) insn = said_of(line);
        if (*line == ';')
            source = source_of(line);
        else if (!is_sum(line))
            last = line;
    }
    if (!last && failed == -E2BIG)
        snprintf(err, err_len,
                 "%s is too long for the kernel: %" PRIu32 " instructions, and it takes 1,000,000: --exec user", name,
                 l->count);
    else if (!last)
        snprintf(err, err_len, "the kernel does not take %s, %" PRIu32 " instructions: %s: --exec user", name, l->count,
                 strerror(-failed));
    else if (strstr(last, "too large"))
        snprintf(err, err_len,
                 "the kernel's verifier gives up on %s, %" PRIu32
                 " instructions: it walks through a million at most: --exec user",
                 name, l->count);
    else
        snprintf(err, err_len, "the kernel's verifier refuses %s, in %s%s%s%s: %s: --exec user", name,
                 insn >= 0 ? linked_name(l, (uint32_t)insn) : name, source ? " (" : "", source ? source : "",
                 source ? ")" : "", last);
}
