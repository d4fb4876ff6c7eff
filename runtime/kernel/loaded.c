/* Loads the kernel executor for a start: stages, then the judge of the program, then the proof; all or none. */
#include "runtime/kernel/loaded.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

uint64_t loaded_seed(uint64_t said)
{
    uint64_t seed = said;
    if (!seed) (void)!getrandom(&seed, sizeof seed, 0);
    return seed;
}

int loaded_begin(struct loaded *l, const struct program *p, const struct kernel_cfg *cfg, char *err, size_t err_len)
{
    struct kernel_cfg its = *cfg;
    its.seed = loaded_seed(cfg->seed);
    *l = (struct loaded){.kernel = kernel_new(p, &its, err, err_len)};
    l->judge = l->kernel ? kernel_prepare(l->kernel, p, err, err_len) : NULL;
    memcpy(l->digest, p->file_digest, sizeof l->digest);
    const int failed = l->judge ? kernel_prove_prepared(l->kernel, l->judge, p, &l->proof, err, err_len) : -EINVAL;
    if (failed) loaded_free(l);
    return failed;
}

void loaded_free(struct loaded *l)
{
    kernel_discard(l->judge);
    kernel_free(l->kernel);
    *l = (struct loaded){0};
}
