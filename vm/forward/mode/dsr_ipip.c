/* dsr ipip: the packet, with one hop less, inside another to the server (RFC 2003, RFC 2473, RFC 4213) */
#include "vm/forward/mode/mode.h"

const struct mode_ops mode_DSR_IPIP = {
    .recipe = RECIPE_IPIP,
    .send = mode_tunnel,
};
