/* passthrough keep source: the server sees the client's address, and its route back leads through prey */
#include "vm/forward/mode/mode.h"

const struct mode_ops mode_KEEP_SOURCE = {
    .recipe = RECIPE_REWRITE,
    .send = mode_route,
};
