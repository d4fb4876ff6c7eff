/* Frames and addresses in the notation of tests */
#pragma once

#include <stdio.h>

#include "vm/packet/reply/frame.h"
#include "vm/words/words.h"

struct compile;
struct facts;

/* frame_spec.notes: parts that were written */
enum frame_note {
    NOTE_ON = 1 << 0,       /* the interface */
    NOTE_TTL = 1 << 1,      /* the TTL */
    NOTE_ANY_PORT = 1 << 2, /* `repeat`: each packet has its own port */
    NOTE_SRC_SELF = 1 << 3, /* an address, as `self` */
    NOTE_DST_SELF = 1 << 4,
};

/* Return the word of a form: "tcp"; for FORM_COUNT, the word of a bare reply. */
const char *form_word(unsigned form);
/* Print the frame as a test writes it: "tcp 192.0.2.9:50000 -> 203.0.113.10:22 syn on eth0". Parts without notation
 * follow in a comment, like conditions of a rule: " # with options any". */
void frame_print(const struct compile *c, const struct frame_spec *f, FILE *out);

bool address_is_group(uint8_t family, const uint32_t addr[4]); /* true for multicast and broadcast addresses */
/* Find the address that `self` represents. False: it has no address of the family. */
bool own_address(const struct facts *own, uint8_t family, uint32_t addr[4]);
/* Return the default addresses of a test's machine: 192.0.0.8 and 2001:db8:ffff::1. */
const struct facts *own_default(void);
/* Return a state's name: "new"; "none" without a state (enum flow_mark). */
const char *state_name(uint32_t marks);
