/* Notice to the main thread that a server whose check is `passive` takes no new connection. */
#pragma once

#include <stdint.h>

struct refusal {
    uint64_t program; /* serial of the one whose server it is: at a reload another than the one that runs */
    uint32_t server;
};
