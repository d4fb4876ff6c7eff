/* passthrough: the server sees an address and a port of prey's, so its replies come back to prey */
#include "vm/forward/mode/mode.h"

const struct mode_ops mode_PASSTHROUGH = {
    .recipe = RECIPE_REWRITE,
    .send = mode_route,
};
