/* One program, judged by every way there is to run it: the code and the rule list in batches, and explain. A test asks
 * for a verdict and is told when the ways do not agree. */
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

/* What became of one packet. */
struct judged {
    struct verdict verdict;
    unsigned sent, logs, matched;
    struct judged_frame out[JUDGED_SENT_MAX], /* what was sent, in order; a next hop's MAC is made of its address:
                                               * 02:00, last four bytes
                                               */
        inner,                                /* what was inside and went to the host; len 0: nothing */
        host; /* what went there for a proxy, the packet itself before what it released */
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
 * warnings alone are not printed. name: what the text calls itself; files are looked up beside it. */
struct judge *judge_new(const char *name, const char *text, size_t len, FILE *err);
void judge_free(struct judge *j);
struct program *judge_program(const struct judge *j);

/* The interface of that name or device, IFACE_OTHER where the program names none. */
uint16_t judge_iface(const struct judge *j, const char *name);

/* Judge one frame. True when all ways agree; else false and one line in why. */
bool judge_run(struct judge *j, struct note *n, uint16_t iface, const struct vm_in *in, struct judged *out, char *why,
               size_t why_len);

/* Time goes by up to in->mono_ns: what leaves without a packet. True when all ways agree. */
bool judge_tick(struct judge *j, const struct vm_in *in, struct judged *out, char *why, size_t why_len);

/* The number of the last packet. */
uint64_t judge_packets(const struct judge *j);

/* The rule column of a verdict line: a name, LIST:LINE, `default` or `-`. Returns buf. */
const char *judge_rule(const struct judge *j, const struct verdict *v, char *buf, size_t len);

/* Packets that the rule of that name (or LIST:LINE) has matched; UINT64_MAX where there is no such rule. */
uint64_t judge_count(const struct judge *j, const char *rule);

#endif
