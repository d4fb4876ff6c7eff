/* A .pbc made by hand, for tests of the loader, the verifier and the executors: any section, any value, right or wrong.
 * The compiler's image.h makes only good ones. Memory is the builder's; a failed allocation ends the test program. */
#ifndef TESTS_LIB_IMGBUILD_H
#define TESTS_LIB_IMGBUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/program/program.h"
#include "vm/vm.h"

struct imgbuild {
#define X(ident, field, type, most)                                                                                    \
    type *field;                                                                                                       \
    uint32_t field##_count;
    PBC_SECTIONS(X)
#undef X
    bool keep_path;  /* leave meta.longest_path as it is */
    bool keep_needs; /* leave meta.flags as they are */
};

/* An empty image: one string "", one meta of edition 1, no code. */
void img_init(struct imgbuild *b);
void img_fini(struct imgbuild *b);

/* Append a copy; returns its index: img_add_rules(b, (struct pbc_rule){...}). */
#define X(ident, field, type, most) uint32_t img_add_##field(struct imgbuild *b, type entry);
PBC_SECTIONS(X)
#undef X

uint32_t img_string(struct imgbuild *b, const char *s);
/* The next function is these instructions. */
void img_function(struct imgbuild *b, const char *name, const struct insn *code, uint32_t count);

/* The file; free() it. The longest path is put right unless keep_path; the flags that follow from
 * conditions and services unless keep_needs, or where operands are not there. */
uint8_t *img_emit(struct imgbuild *b, size_t *len);
/* Put the digest right after a change; files too short for one are left alone. */
void img_seal(uint8_t *bytes, size_t len);
/* Emit and load; NULL with the fault in err. */
struct program *img_load(struct imgbuild *b, char *err, size_t err_len);

/* A block of a leaf (pbc.h), all lanes unused; returns its first line's number. Formats, and ranks where there are any,
 * come before. */
uint32_t img_block(struct imgbuild *b, uint32_t format);
/* Its column, eight lanes. */
uint32_t *img_column(struct imgbuild *b, uint32_t block, unsigned column);
/* Take a lane for an entry: it asks nothing yet. */
void img_lane(struct imgbuild *b, uint32_t block, unsigned lane, uint32_t entry);
/* Questions that a column may ask of a half. */
static inline uint32_t img_range(uint32_t lo, uint32_t hi) { return lo | (65535 - hi) << 16; }
static inline uint32_t img_masked(uint32_t value, uint32_t mask) { return value | mask << 16; }
/* The word of a run that begins with the block. */
uint64_t img_leaf(const struct imgbuild *b, uint32_t block, uint32_t format);
/* A function that classifies with cut, fork, two formats of blocks and code behind two of its entries, rules 0, 1
 * and 2.
 */
void img_sample_classifier(struct imgbuild *b);
/* A program whose only firewall is a list of `count` rules that accept, found by one classifier; the entries of `coded`
 * (NULL: none) have code that only asks again. Formats, tree and blocks are the caller's to add. */
void img_list(struct imgbuild *b, uint32_t count, const bool *coded);
/* Load it, with the classifier's figures put right. */
struct program *img_load_list(struct imgbuild *b, char *err, size_t err_len);
void img_no_classifiers(struct imgbuild *b);

/* One of everything: sets, MAC sets, a map, patterns, interfaces, two firewalls, two chains, every verdict, every kind
 * of condition, every instruction. It loads. */
void img_sample(struct imgbuild *b);
/* A proxy service at 192.0.2.1, TCP port 80, that asks for a method, a header field, bytes and an instruction, with a
 * certificate and a function of the first bytes. It loads. */
void img_sample_proxies(struct imgbuild *b);
/* The same service in the wire; its last branches lead to a program and to the original destination. */
void img_sample_wire(struct imgbuild *b);
/* Two observe services: of 192.0.2.1, TCP port 80, with branches on a method, on the server's first bytes and on the
 * client's address; and of TCP ports 80-90 in VLANs 7-9. It loads. */
void img_sample_observe(struct imgbuild *b);

#endif
