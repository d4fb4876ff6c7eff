/* Judges packets with one program in every way: the code and the rule list in batches, and explain. A test gets a
 * verdict and learns if the ways differ. */
#ifndef TESTS_LIB_JUDGE_H
#define TESTS_LIB_JUDGE_H

#include <stdbool.h>
#include <stdio.h>

#include "tests/lib/note.h"
#include "vm/vm.h"

enum { JUDGED_SENT_MAX = 10, JUDGED_LOGS_MAX = 64, JUDGED_FRAME_MAX = 2048, JUDGED_MATCHED_MAX = 128 };
enum { JUDGED_LEFT_MAX = 64 };

struct judged_frame {
    uint32_t len, wire_len; /* len: number of captured bytes */
    uint8_t bytes[JUDGED_FRAME_MAX];
};

/* The fate of one packet. */
struct judged {
    struct verdict verdict;
    unsigned sent, logs, matched;
    struct judged_frame out[JUDGED_SENT_MAX], /* packets sent, in order; a next hop's MAC is 02:00 and the last four
                                               * bytes of its address */
        inner,                                /* inner packet delivered to the host; len 0: none */
        host; /* first packet delivered to the host for a proxy: the packet itself before those that it released */
    uint32_t log_rules[JUDGED_LOGS_MAX];
    uint32_t matched_rules[JUDGED_MATCHED_MAX]; /* indexes of the rules that counted it */
    unsigned left;
    struct {
        uint64_t packet; /* number of the held packet, counted from 1 by judge_run */
        struct verdict verdict;
    } leaves[JUDGED_LEFT_MAX]; /* held packets that left, in order */
};

struct judge;

/* Compile a rules text and load the result. On an error, print the diagnostics or the loader's fault to `err` and
 * return NULL; warnings alone print nothing. name: the text's name; files are looked up beside it. */
struct judge *judge_new(const char *name, const char *text, size_t len, FILE *err);
void judge_free(struct judge *j);
struct program *judge_program(const struct judge *j);

/* Return the id of the interface with that name or device, or IFACE_OTHER if the program names none. */
uint16_t judge_iface(const struct judge *j, const char *name);

/* Judge one frame. Returns true if all ways agree, else false with one line in why. */
bool judge_run(struct judge *j, struct note *n, uint16_t iface, const struct vm_in *in, struct judged *out, char *why,
               size_t why_len);

/* Advance the time to in->mono_ns; out: packets that leave without an arriving one. Returns true if all ways agree. */
bool judge_tick(struct judge *j, const struct vm_in *in, struct judged *out, char *why, size_t why_len);

/* Return the number of the last packet. */
uint64_t judge_packets(const struct judge *j);

/* Write the rule column of a verdict line: a name, LIST:LINE, `default` or `-`. Returns buf. */
const char *judge_rule(const struct judge *j, const struct verdict *v, char *buf, size_t len);

/* Return the number of packets that the rule with that name (or LIST:LINE) has matched, or UINT64_MAX if the rule
 * doesn't exist. */
uint64_t judge_count(const struct judge *j, const char *rule);

#endif
