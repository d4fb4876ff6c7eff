/* dsr rewrite: the destination is rewritten; the server translates its replies itself and sends them to the client. */
#include "vm/forward/mode/mode.h"

const struct mode_ops mode_DSR_REWRITE = {
    .recipe = RECIPE_REWRITE,
    .send = mode_route,
};
