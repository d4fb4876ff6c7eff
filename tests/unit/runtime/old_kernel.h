/* Simulates a kernel before Linux 6.6 for a test program's attachments: it accepts no link of traffic control. */
#ifndef TESTS_UNIT_RUNTIME_OLD_KERNEL_H
#define TESTS_UNIT_RUNTIME_OLD_KERNEL_H

#include <bpf/bpf.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>

#include "runtime/host/hook/clsact.h"
#include "tests/unit/runtime/netns.h"

static bool kernel_is_old;
static void (*before_arrives)(void); /* called before a program for arriving packets is attached by a link */

/* Replaces libbpf's function. */
__attribute__((used)) int bpf_link_create(int program, int target, enum bpf_attach_type type,
                                          const struct bpf_link_create_opts *opts)
{
    enum { TCX_INGRESS = 46, TCX_EGRESS = 47 };
    int (*libbpfs)(int, int, enum bpf_attach_type, const struct bpf_link_create_opts *);
    *(void **)&libbpfs = dlsym(RTLD_NEXT, "bpf_link_create");
    if (before_arrives && (type == BPF_XDP || ((int)type == TCX_INGRESS && !kernel_is_old))) before_arrives();
    if (!kernel_is_old || ((int)type != TCX_INGRESS && (int)type != TCX_EGRESS))
        return libbpfs(program, target, type, opts);
    errno = EINVAL;
    return -EINVAL;
}

/* Prepare a test of netns.h: from here on, the kernel is unchanged, or old for the test's process. */
static inline int as_is_setup(void **state)
{
    kernel_is_old = clsact_needed();
    return netns_setup(state);
}
static inline int old_setup(void **state)
{
    kernel_is_old = true;
    return netns_setup(state);
}
#define as_is_test(f) cmocka_unit_test_setup(f, as_is_setup)
#define old_test(f)   cmocka_unit_test_setup(f, old_setup)

#endif
