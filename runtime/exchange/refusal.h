/* Notice to the main thread that a server whose check is `passive` takes no new connection. */
#pragma once

#include <stdint.h>

struct refusal {
    uint64_t program; /* serial of the program to which `server` belongs; during a reload, not the running one */
    uint32_t server;
};
