/* The proof at load: before a judge in the kernel judges a packet, it and this process's own are asked the same. */
#pragma once

#include "runtime/kernel/ask.h"
#include "vm/program/program.h"

struct proof {
    uint64_t frames; /* that both were asked about */
    uint64_t ns;     /* that it took */
};

/* Frames drawn from the conditions of the program's rules (vm/judge/draw.h), thousands of them, for half a second at
 * most: rule, verdict and service's branch are equal. `asker` has the judge of p. 0; -EILSEQ: of a frame they are
 * not, which err describes in one line; or another negative errno. */
int kernel_prove(struct asker *asker, const struct program *p, struct proof *proof, char *err, size_t err_len);
/* Likewise of one that is prepared, as the last of who may ask. */
int kernel_prove_prepared(struct kernel *k, const struct judge *j, const struct program *p, struct proof *proof,
                          char *err, size_t err_len);
