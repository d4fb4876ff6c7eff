/* The loaded dealing program, for deal.c and its test. */
#pragma once

#include "runtime/io/steer/deal.bpf.h"
#include "runtime/io/steer/deal.h"

struct deal {
    struct bpf_object *object; /* NULL: the program is another process's */
    int program, memory;       /* descriptors, owned by the object, if any */
};
