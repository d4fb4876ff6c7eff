/* A segment between reading and writing */
#pragma once

#include "vm/forward/splice/splice.h"
#include "vm/packet/parse/header.h"

enum { SACK_BLOCKS = 4 };

/* The options that a splice handles */
struct options {
    bool has_stamps;
    uint32_t stamp, echo;
    unsigned blocks;
    uint32_t sack[SACK_BLOCKS][2];
};

/* Read the options from `len` bytes; an option with a false length ends the list. */
void splice_options_read(const uint8_t *bytes, uint32_t len, struct options *o);
/* Write the options, with as many SACK blocks as fit. Return the length, a multiple of 4, at most TCP_OPTIONS_MOST. */
uint32_t splice_options_write(const struct options *o, uint8_t bytes[TCP_OPTIONS_MOST]);

/* Cut the payload of a segment with right offsets into segments of at most `most` bytes, each with its headers; the
 * packet becomes the first segment. */
enum splice_fate segments_cut(struct pkt *pkt, uint32_t most, struct pool *pool, struct splice_out *out);
