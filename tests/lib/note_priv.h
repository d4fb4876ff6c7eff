/* Shared by the two directions of the packet notation: the tables of note.def, fields as bits, checksums. */
#ifndef TESTS_LIB_NOTE_PRIV_H
#define TESTS_LIB_NOTE_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum layer_id {
#define LAYER(ident, name, bytes, places, ether, proto, tail) L_##ident,
#include "tests/lib/note.def"
    L_COUNT
};

enum field_kind { F_NUM, F_FLAG, F_UNITS, F_MAC, F_IP4, F_IP6, F_TYPE, F_NEXT, F_LEN, F_WORDS, F_CSUM };

struct layer_desc {
    const char *name;
    unsigned bytes;   /* size of the fixed header */
    unsigned places;  /* number of leading fields written without their names */
    unsigned ether;   /* Ethernet type that leads here; 0: none */
    int proto;        /* IP protocol that leads here; -1: none */
    const char *tail; /* hex of the bytes after the header if no `opt` is written */
};
struct field_desc {
    enum layer_id layer;
    const char *name;
    enum field_kind kind;
    unsigned bit, bits;
    uint64_t usual;
};
struct icmp_name {
    enum layer_id layer;
    uint8_t type;
    const char *name;
};

extern const struct layer_desc note_layers[L_COUNT];
extern const struct field_desc note_fields[]; /* ends with a NULL name; a layer's fields are adjacent */
extern const struct icmp_name note_icmp[];    /* ends with a NULL name */

static inline bool layer_is_link(enum layer_id id) { return id <= L_LOOP; }
static inline bool layer_is_data(enum layer_id id) { return id >= L_PAYLOAD; }

/* Read or write at most 64 bits at any bit offset of a header, in wire order. */
uint64_t bits_get(const uint8_t *header, unsigned bit, unsigned bits);
void bits_set(uint8_t *header, unsigned bit, unsigned bits, uint64_t v);

/* Read or write one field of a header like bits_*, except that BSD's family is in the byte order of a little-endian
 * host. */
uint64_t field_get(const struct field_desc *f, const uint8_t *header);
void field_set(const struct field_desc *f, uint8_t *header, uint64_t v);

/* Return the value that leads from one layer to the next: an Ethernet type, a family or an IP protocol. If there is
 * none, return `usual`. */
uint64_t next_number(enum layer_id from, enum layer_id to, uint64_t usual);
/* Return the layer that `number` names after `from`, or PAYLOAD. */
enum layer_id next_layer(enum layer_id from, uint64_t number);

/* Convert between a header's bytes and the unit of its own length field. */
unsigned words_from_bytes(enum layer_id id, unsigned bytes);
unsigned bytes_from_words(enum layer_id id, unsigned words);

/* Compute the checksum of the header at `at`, whose bytes end at `end`. `ip`: offset of the IP header before it, or
 * -1. */
uint32_t note_csum(const uint8_t *bytes, enum layer_id id, size_t at, size_t end, enum layer_id ip_id, long ip);

#endif
