/* Builds a .pbc by hand, for tests of the loader, the verifier and the executors: any section and any value, right
 * or wrong. The compiler's image.h makes only good ones. The builder owns its memory; a failed allocation ends the
 * test program. */
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

/* Append a copy and return its index: img_add_rules(b, (struct pbc_rule){...}). */
#define X(ident, field, type, most) uint32_t img_add_##field(struct imgbuild *b, type entry);
PBC_SECTIONS(X)
#undef X

uint32_t img_string(struct imgbuild *b, const char *s);
/* Append a function of these instructions. */
void img_function(struct imgbuild *b, const char *name, const struct insn *code, uint32_t count);

/* Build the file, which the caller frees. Computes the longest path unless keep_path is set. Computes the flags that
 * follow from conditions and services unless keep_needs is set or operands are missing. */
uint8_t *img_emit(struct imgbuild *b, size_t *len);
/* Correct the digest after a change. Files too short for a digest stay as they are. */
void img_seal(uint8_t *bytes, size_t len);
/* Emit and load. Returns NULL with the fault in err. */
struct program *img_load(struct imgbuild *b, char *err, size_t err_len);

/* Add a block of a leaf (pbc.h) with all lanes unused, and return its first line's number. Formats and ranks must be
 * added before. */
uint32_t img_block(struct imgbuild *b, uint32_t format);
/* Return the block's column, eight lanes. */
uint32_t *img_column(struct imgbuild *b, uint32_t block, unsigned column);
/* Give a lane to an entry, with no conditions yet. */
void img_lane(struct imgbuild *b, uint32_t block, unsigned lane, uint32_t entry);
/* Tests that a column may apply to a half. */
static inline uint32_t img_range(uint32_t lo, uint32_t hi) { return lo | (65535 - hi) << 16; }
static inline uint32_t img_masked(uint32_t value, uint32_t mask) { return value | mask << 16; }
/* Return the word of a run that begins with the block. */
uint64_t img_leaf(const struct imgbuild *b, uint32_t block, uint32_t format);
/* Add a function that classifies with cut, fork and two formats of blocks. It has code behind two of its entries,
 * and rules 0, 1 and 2. */
void img_sample_classifier(struct imgbuild *b);
/* Begin a program whose only firewall is a list of `count` rules that accept, found by one classifier. Entries in
 * `coded` (NULL: none) have code that only repeats the tests. The caller adds formats, tree and blocks. */
void img_list(struct imgbuild *b, uint32_t count, const bool *coded);
/* Load it after correcting the classifier's figures. */
struct program *img_load_list(struct imgbuild *b, char *err, size_t err_len);
void img_no_classifiers(struct imgbuild *b);

/* Build an image with one of everything: sets, MAC sets, a map, patterns, interfaces, two firewalls, two chains,
 * every verdict, every kind of condition, every instruction. It loads. */
void img_sample(struct imgbuild *b);
/* Build a proxy service at 192.0.2.1, TCP port 80, that tests a method, a header field, bytes and an instruction. It
 * has a certificate and a function of the first bytes. It loads. */
void img_sample_proxies(struct imgbuild *b);
/* Build the same service as a wire; its last branches lead to a program and to the original destination. */
void img_sample_wire(struct imgbuild *b);
/* Build two observe services. One is at 192.0.2.1, TCP port 80, with branches on a method, the server's first bytes
 * and the client's address. The other takes TCP ports 80-90 in VLANs 7-9. It loads. */
void img_sample_observe(struct imgbuild *b);

#endif
