/* Packet notation: a frame as one line of text that can be read aloud, and the reverse (tests/packets/README.md).
 *
 *   eth / vlan 5 / ip4 198.18.0.1 > 203.0.113.10 ttl 64 / tcp 1000 > 80 syn / payload "GET"
 *
 * Lengths, next protocols and checksums are computed unless written. */
#ifndef TESTS_LIB_NOTE_H
#define TESTS_LIB_NOTE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "vm/packet/pkt.h"

enum { NOTE_MAX = 66000, NOTE_TEXT_MAX = 4 * NOTE_MAX };

struct note {
    enum pkt_link link;         /* chosen by the first layer: ethernet, linux-cooked …; raw if it begins with IP */
    uint32_t cap_len, wire_len; /* from `cut N` and `wire N`; without them the frame's length */
    uint8_t tag_count;          /* `taken VID`: number of tags that the kernel took off, outermost first */
    struct {
        uint16_t tpid, tci;
    } tags[2];
    uint8_t bytes[NOTE_MAX];
};

/* Parse text to a frame. Returns 0, or -EINVAL with one line in err that quotes the word where parsing stopped. */
int note_parse(const char *text, struct note *n, char *err, size_t err_len);

/* Print a frame as text from which note_parse makes the same bytes; bytes that the notation can't express are `raw
 * x".."`. buf: at least 256 bytes; text that doesn't fit is cut. */
void note_print(const uint8_t *bytes, size_t len, enum pkt_link link, char *buf, size_t buf_len);

/* Make a view of the frame like an executor's. The note must outlive it. iface: IFACE_NONE or an id. */
void note_view(struct note *n, uint16_t iface, struct pkt *pkt);

/* Print 16 bytes per line with offsets in front. */
void note_hexdump(const uint8_t *bytes, size_t len, FILE *out);

#endif
