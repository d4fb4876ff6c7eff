/* Parts of an explanation. */
#pragma once

#include <stdio.h>

#include "runtime/report/explain/explain_look.h"
#include "runtime/report/subject.h"
#include "vm/vm.h"

struct said;

/* Write the service that takes the packet, and the server. */
void explain_service_text(FILE *out, const struct subject *r, const struct served *s, const struct key *key,
                          const struct pkt *pkt, const struct verdict *v);
void explain_service_json(FILE *out, const struct subject *r, const struct served *s, const struct verdict *v);

/* Write the same for a service whose connections end at a proxy. c: the connection after the packet; NULL: connections
 * are not followed. */
void explain_said_text(FILE *out, const struct subject *r, const struct said *c, const struct verdict *v);
void explain_said_json(FILE *out, const struct subject *r, const struct said *c, const struct verdict *v);

/* Write the way of a packet of a service's connection: to sockets, or rewritten to the peer. JSON: a member with a
 * comma before it. */
void explain_goes_text(FILE *out, const struct subject *r, const struct inline_goes *goes);
void explain_goes_json(FILE *out, const struct subject *r, const struct inline_goes *goes);

/* Write the observe service that watches the packet's connection, its branch, and since when; nothing if none
 * watches it.
 * JSON: a member with a comma before it. */
void explain_observe_text(FILE *out, const struct subject *r, const struct explain_look *k, const struct verdict *v);
void explain_observe_json(FILE *out, const struct subject *r, const struct explain_look *k, const struct verdict *v);

/* Write the answer to `state` for a frame, and the flow that it belongs to or quotes. Nothing if the program keeps no
 * flows. */
void explain_flow_text(FILE *out, const struct subject *r, const struct explain_look *k);
void explain_flow_json(FILE *out, const struct subject *r, const struct explain_look *k);

/* Write which machine answers an ARP request or a neighbour solicitation; nothing for other packets. v: verdict on
 * the packet. */
void explain_neighbour_text(FILE *out, const struct subject *r, const struct explain_look *k, const struct verdict *v);
/* Write the same as a member of an object, with a comma before it. */
void explain_neighbour_json(FILE *out, const struct subject *r, const struct explain_look *k, const struct verdict *v);

/* Write why the outgoing interface of a packet for a nat can't be known, and the packet's fate; also the interface
 * by which rules reject it, if they accept it by another. Nothing if the way is known. JSON: members with a comma
 * before each. */
void explain_way_text(FILE *out, const struct subject *r, const struct explain_look *k, const struct verdict *v);
void explain_way_json(FILE *out, const struct subject *r, const struct explain_look *k, const struct verdict *v);

/* Write a worker's answers about a packet that is not judged, with its possible verdict. JSON: an object without its
 * end. */
void explain_print(const struct subject *r, const struct explain_look *k, uint64_t time_ns, const struct verdict *v,
                   FILE *out);
