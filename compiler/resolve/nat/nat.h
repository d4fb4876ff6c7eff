/* Translation: the statements of a nat */
#pragma once

#include "compiler/resolve/services/service_work.h"

/* Enter the statements in the image. */
void resolve_nats(struct compile *c);
/* Check for statements that meet or cover each other, after all nats (nat_checks.c). */
void check_nats(struct compile *c);
bool check_maps(struct compile *c); /* true if no map shares an address with another map or a `source`; else report */
