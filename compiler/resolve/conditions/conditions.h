/* Conditions of a rule, of a branch and of a claim; meters and schedules, which they name. */
#pragma once

#include "compiler/resolve/values/values.h"

struct rule_work {
    struct compile *c;
    const struct node *node;
    bool bad;                         /* something was reported: say no more about how its conditions go together */
    bool never;                       /* it was said that the rule never matches */
    bool not_due;                     /* E0900 was reported for it */
    bool answers;                     /* verdict reject */
    const struct node *seen[N_COUNT]; /* the first condition of each kind */
    uint32_t families;                /* KIND_IP4, KIND_IP6, KIND_ARP that it can match, and OTHER_FRAMES */
    uint32_t protocols;               /* KIND_TCP.. that it can match, and OTHER_PROTOCOLS */
    const struct node *family_node, *protocol_node; /* words of each; NULL: none */
    const struct node *no_port_protocol;            /* a protocol named beside others that has no ports */
    const struct node *families_end;                /* the condition that left no family */
    uint32_t named_families;                        /* by words, after `not` */
    uint32_t proto_family; /* KIND_IP4 or KIND_IP6 where all protocols that are named belong to it; else 0 */
    struct number_set single_protocols; /* of `proto`, those written one by one */
    bool names_arp;                     /* arp or ether 0x0806 */
    bool only_arp;
    bool single_type;          /* `type` with one number */
    uint32_t reach;            /* bytes of a frame that its conditions may test */
    const struct node *opener; /* its verdict, if that opens a tunnel */
    uint32_t gue_port;         /* of its packets; 0: they are IP in IP, or reported */
};
enum { OTHER_FRAMES = 1u << 30, OTHER_PROTOCOLS = 1u << 31 };

void conditions_resolve(struct rule_work *w);
/* Append a condition; NULL after reporting that the image is full. */
struct pbc_cond *cond_add(struct rule_work *w, uint8_t kind, const struct node *n);
bool cond_ranges(struct rule_work *w, struct pbc_cond *cond, const struct number_set *numbers);
void check_together(struct rule_work *w);
bool says_not(const struct node *n); /* on the condition or on its list */
void warn_never(struct rule_work *w, const struct node *n, const char *why);

void cond_protocols(struct rule_work *w, const struct node *n);
/* The one protocol that a number or name stands for; PBC_NONE after a report. */
uint32_t protocol_of(struct compile *c, const struct node *n);
void cond_proto_numbers(struct rule_work *w, const struct node *n);
void cond_ether(struct rule_work *w, const struct node *n);
void cond_icmp_type(struct rule_work *w, const struct node *n);
void cond_icmp_code(struct rule_work *w, const struct node *n);
void cond_addresses(struct rule_work *w, const struct node *n);
/* What the list of a `from` or `to` leaves of families; warns where that is nothing. */
void narrow_by_addresses(struct rule_work *w, const struct node *n, const struct addr_list *l);
void cond_ports(struct rule_work *w, const struct node *n);
void cond_on(struct rule_work *w, const struct node *n);
void cond_vlan(struct rule_work *w, const struct node *n);
void cond_inner(struct rule_work *w, const struct node *n);
void cond_macs(struct rule_work *w, const struct node *n);
void cond_flags(struct rule_work *w, const struct node *n);
/* The value of one of the words, or false after a report: "no WHAT is called ...". */
bool word_want(struct rule_work *w, const struct node *n, const struct word *words, const char *what, uint32_t *out);
void cond_state(struct rule_work *w, const struct node *n);
void cond_flows(struct rule_work *w, const struct node *n);
void cond_fragment(struct rule_work *w, const struct node *n);
void cond_numbers(struct rule_work *w, const struct node *n);
void cond_out_on(struct rule_work *w, const struct node *n);
void cond_urpf(struct rule_work *w, const struct node *n);
void cond_options(struct rule_work *w, const struct node *n);
void cond_bytes(struct rule_work *w, const struct node *n);
void cond_meter(struct rule_work *w, const struct node *n); /* meters.c */
/* Of a rule that opens a tunnel (decap.c): the conditions that its verdict stands for; that it has a `from`; what the
 * verdict is in the image. */
void opener_conditions(struct rule_work *w);
void check_opener(const struct rule_work *w);
void check_no_opener(struct compile *c, const struct pbc_firewall *out); /* error: an outbound rule opens a tunnel */
uint8_t opener_verdict(const struct node *verdict);
void cond_during(struct rule_work *w, const struct node *n); /* schedules.c */

/* The id of the device, made if it is new; PBC_NONE after a report. `n`: NAME or STRING. */
uint32_t interface_of(struct compile *c, const struct node *n, const struct symbol **name);
/* The same where no pattern may stand. */
uint32_t interface_alone(struct compile *c, const struct node *n, const struct symbol **name);
/* The device, or pattern, of an interface in a test, which adds none to the program. NULL after a report. */
const char *device_known(struct compile *c, const struct image *program, const struct node *n);
void declare_interfaces(struct compile *c);

/* Kinds that rules and the packets of tests share (cond_proto.c): protocols; ICMP types, then those of ICMPv6. */
extern const struct number_kind protocol_kind, icmp_type_kinds[2];
/* The word of a PROTO_WORD. */
const char *proto_word_name(const struct node *word);

/* Into the image; s->index is PBC_NONE after a report. */
/* How `per source/24,/56` cuts addresses: one length is for whichever family its rules can match (check_meters). */
struct pbc_grain per_lengths(const struct node *per);
void meter_declare(struct compile *c, struct symbol *s);
void schedule_declare(struct compile *c, struct symbol *s);
/* The day of the week (0: Monday) that a word of that length names; -1 after a report, which offers the nearest. */
int weekday_of(struct compile *c, const struct node *at, const char *word, size_t len);
/* 1 + the meter that limits a rule's log; 0 after a report. */
uint32_t log_meter_of(struct compile *c, const struct node *rate);
