/* Packet notation: a frame as one line of text that can be read aloud, and back (tests/packets/README.md).
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
    enum pkt_link link;         /* by the first layer: ethernet, linux-cooked …; raw for one that begins with IP */
    uint32_t cap_len, wire_len; /* `cut N` and `wire N`; else both the frame's */
    uint8_t tag_count;          /* `taken VID`: tags that the kernel took off, outermost first */
    struct {
        uint16_t tpid, tci;
    } tags[2];
    uint8_t bytes[NOTE_MAX];
};

/* Text to frame. Returns 0, or -EINVAL with one line in err that quotes the word it stopped at. */
int note_parse(const char *text, struct note *n, char *err, size_t err_len);

/* Frame to text, such that note_parse gives the same bytes again; bytes that the notation cannot express are `raw
 * x".."`. buf: at least 256 bytes; the text is cut where it does not fit. */
void note_print(const uint8_t *bytes, size_t len, enum pkt_link link, char *buf, size_t buf_len);

/* A view of the frame, as an executor would make it. The note must outlive it. iface: IFACE_NONE or an id. */
void note_view(struct note *n, uint16_t iface, struct pkt *pkt);

/* 16 bytes per line, offsets in front. */
void note_hexdump(const uint8_t *bytes, size_t len, FILE *out);

#endif
