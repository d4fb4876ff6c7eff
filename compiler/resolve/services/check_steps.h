/* Steps of a check, from its options */
#pragma once

#include "compiler/resolve/services/service_work.h"

struct step_work {
    struct compile *c;
    const struct node *options; /* the parent of the check's options */
    const struct node *kind;    /* the node that names the check's kind, for messages */
    struct pbc_check *check;    /* the check; it counts its steps, at the end of STEPS */
};

/* Append the steps of a check of that kind; report mistakes. */
void steps_of_tcp(struct step_work *w);
void steps_of_udp(struct step_work *w);
void steps_of_http(struct step_work *w);
