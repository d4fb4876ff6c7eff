/* The loaded dealing program, for deal.c and its test. */
#ifndef RUNTIME_IO_STEER_DEAL_PRIV_H
#define RUNTIME_IO_STEER_DEAL_PRIV_H

#include "runtime/io/steer/deal.bpf.h"
#include "runtime/io/steer/deal.h"

struct deal {
    struct bpf_object *object;
    int program, memory; /* descriptors, the object's */
};

#endif
