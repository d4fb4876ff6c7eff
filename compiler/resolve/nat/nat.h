/* Translation: the statements of a nat. */
#pragma once

#include "compiler/resolve/services/service.h"

/* Statements into the image. */
void resolve_nats(struct compile *c);
/* Statements that meet or cover each other; after all nats (nat_checks.c). */
void check_nats(struct compile *c);
bool check_maps(struct compile *c); /* none meets another, or a `source`; false after a report */
