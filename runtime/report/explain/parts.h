/* The parts of an explanation. */
#pragma once

#include <stdio.h>

#include "runtime/report/explain/look.h"
#include "runtime/report/subject.h"
#include "vm/vm.h"

struct said;

/* The service that takes the packet, and the server. */
void explain_service_text(FILE *out, const struct subject *r, const struct served *s, const struct key *key,
                          const struct pkt *pkt, const struct verdict *v);
void explain_service_json(FILE *out, const struct subject *r, const struct served *s, const struct verdict *v);

/* The same of a service whose connections end at a proxy. c: as they stand behind the packet; NULL: nobody follows
 * them. */
void explain_said_text(FILE *out, const struct subject *r, const struct said *c, const struct verdict *v);
void explain_said_json(FILE *out, const struct subject *r, const struct said *c, const struct verdict *v);

/* What `state` says of a frame, and the flow that it belongs to or quotes. Nothing where the
 * program keeps no flows. */
void explain_flow_text(FILE *out, const struct subject *r, const struct explain_look *k);
void explain_flow_json(FILE *out, const struct subject *r, const struct explain_look *k);

/* Who answers an ARP request or a neighbour solicitation; nothing of what is neither. v: what became of it. */
void explain_neighbour_text(FILE *out, const struct subject *r, const struct explain_look *k, const struct verdict *v);
/* A member of an object, a comma before it. */
void explain_neighbour_json(FILE *out, const struct subject *r, const struct explain_look *k, const struct verdict *v);

/* What was asked of a worker, of a packet that it does not judge, and that would get this
 * verdict. JSON: an object without its end. */
void explain_print(const struct subject *r, const struct explain_look *k, uint64_t time_ns, const struct verdict *v,
                   FILE *out);
