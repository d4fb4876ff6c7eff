/* One program, judged in every way: the code and the rule list in batches, and explain. A test asks for a verdict
 * and learns when the ways do not agree. */
#ifndef TESTS_LIB_JUDGE_H
#define TESTS_LIB_JUDGE_H

#include <stdbool.h>
#include <stdio.h>

#include "tests/lib/note.h"
#include "vm/vm.h"

enum { JUDGED_SENT_MAX = 10, JUDGED_LOGS_MAX = 64, JUDGED_FRAME_MAX = 2048, JUDGED_MATCHED_MAX = 128 };
enum { JUDGED_LEFT_MAX = 64 };

struct judged_frame {
    uint32_t len, wire_len; /* len: of the bytes that are there */
    uint8_t bytes[JUDGED_FRAME_MAX];
};

/* The fate of one packet. */
struct judged {
    struct verdict verdict;
    unsigned sent, logs, matched;
    struct judged_frame out[JUDGED_SENT_MAX], /* packets that were sent, in order; a next hop's MAC is made of its
                                               * address: 02:00, last four bytes */
        inner,                                /* the inner packet that went to the host; len 0: none */
        host; /* packets that went there for a proxy, the packet itself before those that it released */
    uint32_t log_rules[JUDGED_LOGS_MAX];
    uint32_t matched_rules[JUDGED_MATCHED_MAX]; /* that counted it, by index */
    unsigned left;
    struct {
        uint64_t packet; /* number of the one that was held, counted from 1 by judge_run */
        struct verdict verdict;
    } leaves[JUDGED_LEFT_MAX]; /* held packets that left, in order */
};

struct judge;

/* Compile rules text and load the result. NULL after printing the diagnostics, or the loader's complaint, to `err`;
 * a text with only warnings prints none. name: the text's name; files are looked up beside it. */
struct judge *judge_new(const char *name, const char *text, size_t len, FILE *err);
void judge_free(struct judge *j);
struct program *judge_program(const struct judge *j);

/* The interface of that name or device, IFACE_OTHER where the program names none. */
uint16_t judge_iface(const struct judge *j, const char *name);

/* Judge one frame. True when all ways agree; else false and one line in why. */
bool judge_run(struct judge *j, struct note *n, uint16_t iface, const struct vm_in *in, struct judged *out, char *why,
               size_t why_len);

/* Time passes up to in->mono_ns; out: packets that leave without an arriving one. True when all ways agree. */
bool judge_tick(struct judge *j, const struct vm_in *in, struct judged *out, char *why, size_t why_len);

/* The number of the last packet. */
uint64_t judge_packets(const struct judge *j);

/* The rule column of a verdict line: a name, LIST:LINE, `default` or `-`. Returns buf. */
const char *judge_rule(const struct judge *j, const struct verdict *v, char *buf, size_t len);

/* Packets that the rule of that name (or LIST:LINE) has matched; UINT64_MAX if there is no such rule. */
uint64_t judge_count(const struct judge *j, const char *rule);

#endif
