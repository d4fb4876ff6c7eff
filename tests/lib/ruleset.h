/* Lists of five-field rules, and headers to look up in them: ClassBench's from the corpus, or generated from a seed,
 * IPv4 or IPv6. Measurements and tests of classifiers use the same list as boxes, as prey rules, and in the formats
 * of their rivals. */
#ifndef TESTS_LIB_RULESET_H
#define TESTS_LIB_RULESET_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "compiler/classify/boxes/boxes.h"
#include "vm/packet/key.h"

/* Addresses as in struct key: most significant word first, IPv4 in word 0. */
struct flat_rule {
    uint32_t src[4], dst[4]; /* bits beyond the prefix length are 0 */
    uint8_t src_len, dst_len;
    uint8_t proto;
    bool any_proto;
    struct port_range sport, dport;
};
struct flat_header {
    uint32_t src[4], dst[4];
    uint16_t sport, dport;
    uint8_t proto;
};
enum { FLAT_NONE = UINT32_MAX }; /* no rule matches */

struct ruleset {
    char name[32];
    bool v6;
    uint32_t count;
    struct flat_rule *rules;
};
struct headers {
    uint32_t count;
    struct flat_header *v;
    uint32_t *expect; /* the first rule that matches, or FLAT_NONE; NULL: unknown */
};

/* Read the set `set` ("acl1_10k_s1") of the corpus, and its headers: "trace" or "mut_trace". False if they don't
 * exist. */
bool ruleset_classbench(struct ruleset *rs, const char *set);
bool headers_classbench(struct headers *h, const char *set, const char *kind);

/* Kinds of generated rules, with nested prefixes from few networks, well-known ports, ranges and wildcards; no two
 * equal.
 * ACL: long destinations, destination ports.
 * FW: one side left open, ranges.
 * IPC: pairs of prefixes of all lengths.
 * PAIRS: prefixes on both sides that share nothing but one of 64 networks, with every length equally frequent, so
 * that none is nested or named twice; three in five have a destination port.
 * IPv6: prefixes of /32 to /128 on both sides. */
enum ruleset_kind { RULES_ACL, RULES_FW, RULES_IPC, RULES_PAIRS };
void ruleset_make(struct ruleset *rs, enum ruleset_kind kind, bool v6, uint32_t count, uint64_t seed);
void ruleset_fini(struct ruleset *rs);

/* Generate headers. Trace: like ClassBench's, headers that match rules, some rules more often than others, corners
 * of each as often as values between. Mutated: the same with one field changed. Random: every bit drawn, with
 * protocols that rules name. */
void headers_trace(struct headers *h, const struct ruleset *rs, uint32_t count, uint64_t seed);
void headers_mutated(struct headers *h, const struct ruleset *rs, uint32_t count, uint64_t seed);
void headers_random(struct headers *h, const struct ruleset *rs, uint32_t count, uint64_t seed);
void headers_fini(struct headers *h);

bool flat_holds(const struct flat_rule *r, const struct flat_header *h);
/* Return the first rule that matches, or FLAT_NONE, by trying one after the other. */
uint32_t ruleset_first(const struct ruleset *rs, const struct flat_header *h);

/* Make one box per rule; false: out of memory. */
bool ruleset_boxes(const struct ruleset *rs, struct boxes *b);
/* Make the key of a plain packet with the header. It always has ports, like the rules of such lists. */
void header_key(const struct ruleset *rs, const struct flat_header *h, struct key *key);
/* Make the header from a key that a search found. */
void header_of_key(const struct key *key, struct flat_header *h);
/* True if a header's key can have these bits of kind; kind_possible() decides the same for the compiler. */
bool header_possible(uint32_t mask, uint32_t value);
/* Print `firewall f default drop { accept …; }`, one rule per line, named R0, R1, …. In prey, rules that name ports
 * match only TCP, UDP and SCTP. */
void ruleset_print(const struct ruleset *rs, FILE *out);
/* Print the same for nft, as a table with one chain at that hook. */
void ruleset_print_nft(const struct ruleset *rs, const char *hook, FILE *out);
/* Build an Ethernet frame with the header, and with its ports if the protocol has them. Returns its length. */
enum { FLAT_FRAME_MOST = 80 };
unsigned header_frame(const struct ruleset *rs, const struct flat_header *h, uint8_t out[FLAT_FRAME_MOST]);

#endif
