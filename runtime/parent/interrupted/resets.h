/* A process that answers segments of interrupted inline connections, after the service was killed. It ends by itself,
 * by SIGTERM, or by the next start of the instance. */
#pragma once

#include "runtime/base/options/run_options.h"
#include "runtime/exchange/begun/tuples.h"

#define RESETS_NAME "prey-resets" /* name of the process */

struct resets;

struct kernel;
/* Take the open connections and open the sockets. kernel: the executor whose programs go on judging, or NULL. Return
 * NULL if no connection was open, or if it is not possible. */
struct resets *resets_open(const struct options *o, const struct tuples *tuples, const struct kernel *kernel);
/* Start the process, once the caller holds no descriptors that it must not have. Frees r; NULL is accepted. */
void resets_start(struct resets *r);

/* End the process that an earlier service of this name left, if there is one */
void resets_end(const char *name);
