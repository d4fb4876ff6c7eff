/* Replacement of load.c and adopt.c in a build without clang (make KERNEL=0); no struct kernel is ever made. */
#include <errno.h>
#include <unistd.h>

#include "runtime/kernel/adopt.h"
#include "runtime/kernel/pass/layout.h"
#include "runtime/kernel/pass/passed.h"

struct judge *kernel_prepare(struct kernel *k, const struct program *p, char *err, size_t err_len) { return NULL; }

void kernel_discard(struct judge *j) {}

int kernel_swap(struct kernel *k, struct judge *j, char *err, size_t err_len) { return -ENOTSUP; }

void kernel_ready(void) {}

unsigned kernel_fds(const struct kernel *k, int fds[KERNEL_FDS_MOST]) { return 0; }

unsigned kernel_hooks(const struct kernel *k) { return 0; }

struct kernel *kernel_adopt(const struct program *p, const struct kernel_sizes *sizes, unsigned hooks, const int fds[],
                            unsigned count)
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

unsigned kernel_pass(const struct kernel *k, unsigned asker, struct kernel_passed_says *says, int fds[PASSED_FDS])
{
    return 0;
}

int kernel_passed_look(const struct kernel_passed *from, const struct program *p, char *err, size_t err_len)
{
    return -ENOTSUP;
}

int kernel_passed_anew(struct kernel_passed *from, const struct program *p, uint32_t slots, bool bound, char *err,
                       size_t err_len)
{
    return 0;
}

void kernel_passed_close(struct kernel_passed *from)
{
    while (from->count) close(from->fds[--from->count]);
}

int kernel_world_copy(struct kernel *k) { return -ENOTSUP; }

void kernel_world_back(struct kernel *k) {}

bool kernel_layout(uint8_t digest[PBC_DIGEST_LEN]) { return false; }
