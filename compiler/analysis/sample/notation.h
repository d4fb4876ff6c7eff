/* A frame and its addresses in the notation of a rule file's tests. */
#pragma once

#include <stdio.h>

#include "vm/packet/reply/frame.h"

struct compile;
struct facts;

/* frame_spec.notes: what of it is written. */
enum frame_note {
    NOTE_ON = 1 << 0,       /* its interface */
    NOTE_TTL = 1 << 1,      /* its TTL */
    NOTE_ANY_PORT = 1 << 2, /* of `repeat`: each packet comes from a port of its own */
    NOTE_SRC_SELF = 1 << 3, /* its addresses, as `self` */
    NOTE_DST_SELF = 1 << 4,
};

/* "tcp"; also of the form of a bare reply, FORM_COUNT. */
const char *form_word(unsigned form);
/* As it would be written in a test: "tcp 192.0.2.9:50000 -> 203.0.113.10:22 syn on eth0". What the notation can't say
 * follows as a comment, as a rule would ask for it: " # with options any". */
void frame_print(const struct compile *c, const struct frame_spec *f, FILE *out);

/* Addresses as in struct key. */
void address_text(uint8_t family, const uint32_t addr[4], char buf[64]);
bool address_is_group(uint8_t family, const uint32_t addr[4]); /* multicast or broadcast */
/* What the word `self` stands for; false: this machine has no address of the family. */
bool own_address(const struct facts *own, uint8_t family, uint32_t addr[4]);
/* What a test's machine has unless it says otherwise: 192.0.0.8 and 2001:db8:ffff::1. */
const struct facts *own_default(void);
/* "new"; "none" where `state` says nothing: enum flow_mark. */
const char *state_name(uint32_t marks);
