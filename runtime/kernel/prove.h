/* The proof at load: before a judge in the kernel judges packets, it and the user-space executor's judge are asked
 * about the same frames. */
#pragma once

#include "runtime/kernel/asker.h"
#include "vm/program/program.h"

struct proof {
    uint64_t frames; /* frames that both were asked about */
    uint64_t ns;     /* duration of the proof */
};

/* Compare rule, verdict and service's branch on thousands of frames drawn from the conditions of the program's rules
 * (vm/judge/draw.h), for half a second at most. `asker` has the judge of p. Return 0; -EILSEQ: they differ on a frame,
 * which err describes in one line; or another negative errno. */
int kernel_prove(struct asker *asker, const struct program *p, struct proof *proof, char *err, size_t err_len);
/* Prove a prepared judge in the same way, with an asker that no other process has. */
int kernel_prove_prepared(struct kernel *k, const struct judge *j, const struct program *p, struct proof *proof,
                          char *err, size_t err_len);
