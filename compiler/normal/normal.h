/* What the normal form offers to the code made from it, and its parts to one another. */
#pragma once

#include "compiler/compiler.h"
#include "compiler/normal/ir.h"

/* Which frames a function judges: ARP has functions of its own, so the others need not ask. */
enum variant { FRAMES, ARP, VARIANTS };

/* Does the product hold any frame of the variant? All of them? */
bool product_judges(const struct ir *ir, const struct ir_product *p, enum variant v);
bool product_is_everything(const struct ir *ir, const struct ir_product *p, enum variant v);

/* States as masks, bit i for value i of IR_STATE (states.c): those that packets of the product can have; those it asks
 * for; whether it asks for fewer than they can have. And those of a protocol, a value of IR_WHAT, where not a later
 * fragment. */
unsigned states_possible(const struct ir *ir, const struct ir_product *p);
unsigned states_asked(const struct ir *ir, const struct ir_product *p);
bool asks_state(const struct ir *ir, const struct ir_product *p);
unsigned states_of_protocol(uint32_t what);
/* Of one header: a value of IR_WHAT, of IR_FRAGMENT where it is IP, and TCP flags or ICMP type where it has such. */
unsigned states_of_header(const struct ir *ir, uint32_t what, uint32_t fragment, uint32_t flags, uint32_t type);

/* The product's whole packets that are established; false: there are none (normal.c). */
bool normal_established(struct compile *c, const struct ir_product *p, struct ir_product *out);

/* The values of a field, "80-90, 443" or "10.0.0.0/8", cut where they are many; MASK and ANY: what their bits stand for
 * (ir_dump.c). */
void ir_print_value(const struct compile *c, enum ir_field f, uint32_t id, FILE *out);
/* "NAME", "LIST:LINE" (ir_dump.c). */
void print_rule_name(const struct compile *c, uint32_t rule, FILE *out);

/* Of a rule that is IR_IMPOSSIBLE: is it so only because its conditions exclude each other, in a way that the front end
 * does not see? (normal.c) */
bool normal_contradicts(struct compile *c, uint32_t rule);
/* The product of the conditions of a `when`: frames but ARP (normal.c). */
void normal_when(struct compile *c, uint32_t conds, uint32_t count, struct ir_product *out);
/* The same of conditions without sets, meters and patterns that stand in another image. */
void normal_beside(struct compile *c, const struct image *img, uint32_t conds, uint32_t count, struct ir_product *out);
/* What the fields of a product say of one another, written into them; all of them IR_EMPTY if no frame is in it
 * (normal.c). */
void normal_settle(struct ir *ir, struct ir_product *p);

/* The two, and no frame that they do not share: what is settled is not asked. Loose: *loose is set (product.c). */
uint32_t field_and(struct ir *ir, enum ir_field f, uint32_t a, uint32_t b, bool *loose);
/* normal_settle, and what only pieces of products need; false: no frame is in it (product.c). */
bool product_settle(struct ir *ir, struct ir_product *p);

/* MACs as sets (mac_ranges.c). Numbers in which the group bit comes first; frames without MACs have one too. */
#define MAC_NONE UINT64_MAX
uint32_t macs_and(struct ir *ir, uint32_t a, uint32_t b);
uint32_t macs_minus(struct ir *ir, uint32_t a, uint32_t b);
bool macs_have(const struct ir *ir, uint32_t id, uint64_t mac);                 /* MAC_NONE: frames that have none */
bool macs_some(const struct ir *ir, uint32_t id);                               /* any frame that has one? */
bool macs_pick(const struct ir *ir, uint32_t id, uint64_t seed, uint64_t *mac); /* one of them; false: none was found */
double macs_part(const struct ir *ir, uint32_t id);                             /* of all there are */
uint64_t mac_number(uint64_t mac);
uint64_t mac_of_number(uint64_t number);

void warn_neighbours(struct compile *c);      /* neighbours.c */
void warn_closed_services(struct compile *c); /* closed_services.c */
/* Frames that open a connection to the endpoint, not settled (closed_services.c). */
struct ir_product endpoint_opened(struct compile *c, const struct pbc_endpoint *e);
void warn_idle_branches(struct compile *c); /* idle_branches.c */
