/* Interface of the normal form for the code made from it, and between its parts. */
#pragma once

#include "compiler/compiler.h"
#include "compiler/normal/ir.h"

/* Frames that a function judges: ARP has its own functions, so the others need not test for it. */
enum variant { FRAMES, ARP, VARIANTS };

/* True if the product holds some frames of the variant. True if it holds all of them (second function). */
bool product_judges(const struct ir *ir, const struct ir_product *p, enum variant v);
bool product_is_everything(const struct ir *ir, const struct ir_product *p, enum variant v);

/* Return states as masks, bit i for value i of IR_STATE (states.c): the states possible for packets of the product;
 * the states that it asks for; true if it asks for fewer than are possible; the states of a protocol, a value of
 * IR_WHAT, except for later fragments. */
unsigned states_possible(const struct ir *ir, const struct ir_product *p);
unsigned states_asked(const struct ir *ir, const struct ir_product *p);
bool asks_state(const struct ir *ir, const struct ir_product *p);
unsigned states_of_protocol(uint32_t what);
/* Return the states of one header: a value of IR_WHAT, of IR_FRAGMENT with IP, and TCP flags or ICMP type if there. */
unsigned states_of_header(const struct ir *ir, uint32_t what, uint32_t fragment, uint32_t flags, uint32_t type);

/* Keep the product's packets that are whole, established, and not SYNs without ACK; false: none (normal.c). */
bool normal_established(struct compile *c, const struct ir_product *p, struct ir_product *out);

/* Print at most `most` values of a field, "80-90, 443" or "10.0.0.0/8", and the number of the others; for MASK and ANY,
 * names of the bits. False: some are left out (ir_dump.c). */
bool ir_print_value(const struct compile *c, enum ir_field f, uint32_t id, unsigned most, FILE *out);
/* Print "NAME" or "LIST:LINE" (ir_dump.c). */
void print_rule_name(const struct compile *c, uint32_t rule, FILE *out);

/* True if an IR_IMPOSSIBLE rule is impossible only because its conditions exclude each other in a way that the front
 * end does not see (normal.c). */
bool normal_contradicts(struct compile *c, uint32_t rule);
/* Make the product of the conditions of a `when`: frames but ARP (normal.c). */
void normal_when(struct compile *c, uint32_t conds, uint32_t count, struct ir_product *out);
/* Make the same product for conditions of another image, without sets, meters and patterns. */
void normal_beside(struct compile *c, const struct image *img, uint32_t conds, uint32_t count, struct ir_product *out);
/* Write implications between the fields of a product into them; all become IR_EMPTY if no frame is in it (normal.c). */
void normal_settle(struct ir *ir, struct ir_product *p);

/* Return the intersection, without frames outside either. Loose: it holds more, and *loose is set (product.c). */
uint32_t field_and(struct ir *ir, enum ir_field f, uint32_t a, uint32_t b, bool *loose);
/* normal_settle, plus steps that only parts of products need; false: no frame is in it (product.c). */
bool product_settle(struct ir *ir, struct ir_product *p);

/* MACs as sets (mac_ranges.c), by numbers in which the group bit comes first. Frames without MACs have a number,
 * too. */
#define MAC_NONE UINT64_MAX
uint32_t macs_and(struct ir *ir, uint32_t a, uint32_t b);
uint32_t macs_minus(struct ir *ir, uint32_t a, uint32_t b);
bool macs_have(const struct ir *ir, uint32_t id, uint64_t mac); /* mac: MAC_NONE for frames without a MAC */
bool macs_some(const struct ir *ir, uint32_t id);               /* true if the set has a frame with a MAC */
bool macs_pick(const struct ir *ir, uint32_t id, uint64_t seed, uint64_t *mac); /* pick a MAC; false: none was found */
double macs_part(const struct ir *ir, uint32_t id);                             /* return the set's share of all MACs */
uint64_t mac_number(uint64_t mac);
uint64_t mac_of_number(uint64_t number);

void warn_closed_services(struct compile *c); /* closed_services.c: warn about services that no rule lets in */
/* Return the frames that open a connection to the endpoint, not settled (closed_services.c). */
struct ir_product endpoint_opened(struct compile *c, const struct pbc_endpoint *e);
void warn_idle_branches(struct compile *c); /* idle_branches.c: warn about a `when` that takes nothing */
