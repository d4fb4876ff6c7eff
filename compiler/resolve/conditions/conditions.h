/* Conditions of rules, branches and claims, and the meters and schedules that they name */
#pragma once

#include "compiler/resolve/values/values.h"

struct rule_work {
    struct compile *c;
    const struct node *node;
    bool bad;                         /* an error was reported: skip checks between conditions */
    bool never;                       /* a warning reported that the rule never matches */
    bool not_due;                     /* E0900 was reported for the rule */
    bool answers;                     /* the verdict is reject */
    const struct node *seen[N_COUNT]; /* the first condition of each kind */
    uint32_t families;                /* families that can match: KIND_IP4, KIND_IP6, KIND_ARP, OTHER_FRAMES */
    uint32_t protocols;               /* protocols that can match: KIND_TCP, …, OTHER_PROTOCOLS */
    const struct node *family_node, *protocol_node; /* nodes that name a family, a protocol; NULL: none */
    const struct node *no_port_protocol;            /* a protocol without ports, named beside others */
    const struct node *families_end;                /* the condition that left no family */
    uint32_t named_families;                        /* families named by words, `not` applied */
    uint32_t proto_family;                          /* family of all named protocols, KIND_IP4 or KIND_IP6; 0: both */
    struct number_set single_protocols;             /* single numbers of `proto`, not ranges */
    bool names_arp;                                 /* `arp` or `ether 0x0806` */
    bool only_arp;
    bool single_type;          /* `type` has one number */
    uint32_t reach;            /* bytes of a frame that the conditions may read */
    const struct node *opener; /* the verdict, if it opens a tunnel */
    uint32_t gue_port;         /* port of GUE; 0: IP in IP, or reported */
};
enum { OTHER_FRAMES = 1u << 30, OTHER_PROTOCOLS = 1u << 31 };

void conditions_resolve(struct rule_work *w);
/* Append a condition; NULL after reporting that the image is full. */
struct pbc_cond *cond_add(struct rule_work *w, uint8_t kind, const struct node *n);
bool cond_ranges(struct rule_work *w, struct pbc_cond *cond, const struct number_set *numbers);
void check_together(struct rule_work *w);
bool says_not(const struct node *n); /* true if `not` is on the condition or on its list */
void warn_never(struct rule_work *w, const struct node *n, const char *why);

void cond_protocols(struct rule_work *w, const struct node *n);
/* Return the protocol of a number or name; PBC_NONE after a report. */
uint32_t protocol_of(struct compile *c, const struct node *n);
void cond_proto_numbers(struct rule_work *w, const struct node *n);
void cond_ether(struct rule_work *w, const struct node *n);
void cond_icmp_type(struct rule_work *w, const struct node *n);
void cond_icmp_code(struct rule_work *w, const struct node *n);
void cond_addresses(struct rule_work *w, const struct node *n);
/* Reduce the families to those of a `from` or `to`; warn if none is left. */
void narrow_by_addresses(struct rule_work *w, const struct node *n, const struct addr_list *l);
void cond_ports(struct rule_work *w, const struct node *n);
void cond_on(struct rule_work *w, const struct node *n);
void cond_vlan(struct rule_work *w, const struct node *n);
void cond_inner(struct rule_work *w, const struct node *n);
void cond_macs(struct rule_work *w, const struct node *n);
void cond_flags(struct rule_work *w, const struct node *n);
void cond_state(struct rule_work *w, const struct node *n);
void cond_flows(struct rule_work *w, const struct node *n);
void cond_fragment(struct rule_work *w, const struct node *n);
void cond_numbers(struct rule_work *w, const struct node *n);
void cond_out_on(struct rule_work *w, const struct node *n);
void cond_urpf(struct rule_work *w, const struct node *n);
void cond_options(struct rule_work *w, const struct node *n);
void cond_bytes(struct rule_work *w, const struct node *n);
void cond_meter(struct rule_work *w, const struct node *n); /* meters_declared.c: add a condition on a meter */
/* For a rule that opens a tunnel (decap.c): add the conditions that its verdict implies; check that it has a `from`;
 * return the verdict in the image. */
void opener_conditions(struct rule_work *w);
void check_opener(const struct rule_work *w);
void check_no_opener(struct compile *c, const struct pbc_firewall *out); /* report outbound rules that open tunnels */
uint8_t opener_verdict(const struct node *verdict);
void cond_during(struct rule_work *w, const struct node *n); /* schedules.c: add a condition `during` */

/* Return the id of the device, new or known; PBC_NONE after a report. n: NAME or STRING. */
uint32_t interface_of(struct compile *c, const struct node *n, const struct symbol **name);
/* Return the id of the device in the same way; a pattern is reported. */
uint32_t interface_alone(struct compile *c, const struct node *n, const struct symbol **name);
/* Return the device or pattern of an interface in a test, without adding it to the program. NULL after a report. */
const char *device_known(struct compile *c, const struct image *program, const struct node *n);
void declare_interfaces(struct compile *c);

/* Kinds that rules and packets of tests share (cond_proto.c): protocols; ICMP types, then those of ICMPv6 */
extern const struct number_kind protocol_kind, icmp_type_kinds[2];
/* Return the text of a PROTO_WORD. */
const char *proto_word_name(const struct node *word);

/* Return the prefix lengths of `per source/24,/56`. One length holds for the family that the rules match
 * (check_meters). */
struct pbc_grain per_lengths(const struct node *per);
/* Enter the declaration in the image; s->index is PBC_NONE after a report. */
void meter_declare(struct compile *c, struct symbol *s);
void schedule_declare(struct compile *c, struct symbol *s);
/* Return the day of the week (0: Monday) with that name of `len` bytes; -1 after a report, which offers the nearest. */
int weekday_of(struct compile *c, const struct node *at, const char *word, size_t len);
/* Return 1 + the meter that limits a rule's log; 0 after a report. */
uint32_t log_meter_of(struct compile *c, const struct node *rate);
/* Return the same for copies, whose rate may be a bandwidth. */
uint32_t mirror_meter_of(struct compile *c, const struct node *rate);
