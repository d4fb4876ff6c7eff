/* Replacement of load.c and adopt.c in a build without clang (make KERNEL=0); no struct kernel is ever made. */
#include <errno.h>

#include "runtime/kernel/adopt.h"

struct judge *kernel_prepare(struct kernel *k, const struct program *p, char *err, size_t err_len) { return NULL; }

void kernel_discard(struct judge *j) {}

int kernel_swap(struct kernel *k, struct judge *j, char *err, size_t err_len) { return -ENOTSUP; }

void kernel_ready(void) {}

unsigned kernel_fds(const struct kernel *k, int fds[KERNEL_FDS_MOST]) { return 0; }

unsigned kernel_hooks(const struct kernel *k) { return 0; }

struct kernel *kernel_adopt(const struct program *p, unsigned hooks, const int fds[], unsigned count)
{
    errno = ENOTSUP;
    return NULL;
}

unsigned judge_fds(const struct judge *j, int fds[JUDGE_FDS_MOST]) { return 0; }

struct judge *judge_adopt(const struct kernel *k, const struct program *p, const int fds[], unsigned count)
{
    return NULL;
}

void kernel_took(struct kernel *k, struct judge *j) {}
