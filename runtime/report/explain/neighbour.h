/* --explain of an ARP request or a neighbour solicitation: who answers it. */
#pragma once

#include <stdio.h>

#include "runtime/report/explain/look.h"
#include "runtime/report/subject.h"

/* Nothing of what asks for no neighbour. v: what became of it. */
void explain_neighbour_text(FILE *out, const struct subject *r, const struct explain_look *k, const struct verdict *v);
/* A member of an object, a comma before it. */
void explain_neighbour_json(FILE *out, const struct subject *r, const struct explain_look *k, const struct verdict *v);
