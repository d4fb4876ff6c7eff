/* dsr gue: the packet, with one hop less, in UDP and GUE to the server (draft-ietf-intarea-gue-09, variant 0 or 1) */
#include "vm/forward/mode/mode.h"

const struct mode_ops mode_DSR_GUE = {
    .recipe = RECIPE_GUE,
    .send = mode_tunnel,
};
