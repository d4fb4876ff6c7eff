/* Notice to the main thread that a server whose check is `passive` takes no new connection. */
#pragma once

#include <stdint.h>

struct refusal {
    uint64_t program; /* serial of the program that `server` belongs to; not the running one during a reload */
    uint32_t server;
};
