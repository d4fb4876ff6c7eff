/* Lists of five-field rules and headers to ask them with: ClassBench's of the corpus, or made here from a seed, IPv4 or
 * IPv6. For measurements and tests of classifiers, which want the same list as boxes, as prey rules, and as what their
 * rivals read. */
#ifndef TESTS_LIB_RULESET_H
#define TESTS_LIB_RULESET_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "compiler/classify/boxes/boxes.h"
#include "vm/packet/key.h"

/* Addresses as in struct key: most significant word first, IPv4 in word 0. */
struct flat_rule {
    uint32_t src[4], dst[4]; /* bits past the length are 0 */
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
enum { FLAT_NONE = UINT32_MAX }; /* no rule holds */

struct ruleset {
    char name[32];
    bool v6;
    uint32_t count;
    struct flat_rule *rules;
};
struct headers {
    uint32_t count;
    struct flat_header *v;
    uint32_t *expect; /* the first rule that holds, FLAT_NONE; NULL: not known */
};

/* The set "acl1_10k_s1" of the corpus, and its headers: "trace" or "mut_trace". False: they are not there. */
bool ruleset_classbench(struct ruleset *rs, const char *set);
bool headers_classbench(struct headers *h, const char *set, const char *kind);

/* Rules as such lists are: nested prefixes from few networks, well-known ports, ranges, wildcards; no two equal. ACL:
 * long destinations, destination ports. FW: one side or the other left open, ranges. IPC: pairs of prefixes of all
 * lengths. PAIRS: prefixes on both sides that share nothing but one of 64 networks, of every length alike, so that
 * nothing is nested or named twice; three in five with a destination port. IPv6: prefixes of /32 to /128 on both sides.
 */
enum ruleset_kind { RULES_ACL, RULES_FW, RULES_IPC, RULES_PAIRS };
void ruleset_make(struct ruleset *rs, enum ruleset_kind kind, bool v6, uint32_t count, uint64_t seed);
void ruleset_fini(struct ruleset *rs);

/* As ClassBench's traces: headers of the rules, some rules more often than others, corners of each as often as
 * values between. Mutated: one thing of such a header changed. Random: every bit drawn, protocols that rules name. */
void headers_trace(struct headers *h, const struct ruleset *rs, uint32_t count, uint64_t seed);
void headers_mutated(struct headers *h, const struct ruleset *rs, uint32_t count, uint64_t seed);
void headers_random(struct headers *h, const struct ruleset *rs, uint32_t count, uint64_t seed);
void headers_fini(struct headers *h);

bool flat_holds(const struct flat_rule *r, const struct flat_header *h);
/* The first rule that holds, by looking at one after the other; FLAT_NONE. */
uint32_t ruleset_first(const struct ruleset *rs, const struct flat_header *h);

/* A box a rule; false: memory is out. */
bool ruleset_boxes(const struct ruleset *rs, struct boxes *b);
/* The key of a plain packet with the header. It always has ports, as rules of such lists do. */
void header_key(const struct ruleset *rs, const struct flat_header *h, struct key *key);
/* The same from a key that some search came upon. */
void header_of_key(const struct key *key, struct flat_header *h);
/* True if some header's key has these bits of kind, as kind_possible() decides for the compiler. */
bool header_possible(uint32_t mask, uint32_t value);
/* `firewall f default drop { accept …; }`, a rule a line, named R0, R1, …; as prey reads it, rules that name ports
 * hold for TCP, UDP and SCTP only. */
void ruleset_print(const struct ruleset *rs, FILE *out);
/* The same for nft, as a table with one chain at that hook. */
void ruleset_print_nft(const struct ruleset *rs, const char *hook, FILE *out);
/* An Ethernet frame with the header: its ports where the protocol has some. Returns its length. */
enum { FLAT_FRAME_MOST = 80 };
unsigned header_frame(const struct ruleset *rs, const struct flat_header *h, uint8_t out[FLAT_FRAME_MOST]);

#endif
