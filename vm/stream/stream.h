/* Shared types of all readers of a connection's bytes.
 *
 * A reader is given all bytes that have come so far in one piece, and is called again when more have come. It keeps no
 * pointer between calls: the buffer may move. It allocates nothing, writes only into its own struct, and returns one of
 * four results. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Most bytes looked at in one piece: offsets have 16 bits. */
enum { STREAM_MAX = UINT16_MAX };

enum stream_read {
    READ_MORE,  /* not decided yet: call again with more bytes */
    READ_WHOLE, /* completely read */
    READ_OTHER, /* these bytes can't begin this protocol */
    READ_BAD,   /* this protocol, but malformed: a reason is given */
};

enum stream_reason {
#define STREAM_REASON(ident, name, status, doc) STREAM_##ident,
#include "vm/stream/reason.def"
    STREAM_REASON_COUNT
};

/* Return a reason's name for output and counters (`http-bare-lf`), its description for people, or its status for an
 * HTTP client (0: none). */
const char *stream_reason_name(enum stream_reason r);
const char *stream_reason_doc(enum stream_reason r);
unsigned stream_reason_status(enum stream_reason r);

/* Bytes that another object owns; `at` is NULL if absent. */
struct view {
    const uint8_t *at;
    uint32_t len;
};

/* A stretch of the bytes that a reader was given. */
struct view_span {
    uint16_t at, len;
};

static inline struct view view_of(const uint8_t *bytes, struct view_span s)
{
    return (struct view){.at = bytes + s.at, .len = s.len};
}

/* True if the view is this text. `view_is_word` ignores ASCII case; `word` is in lower case. */
static inline bool view_is(struct view v, const char *text)
{
    return v.len == strlen(text) && memcmp(v.at, text, v.len) == 0;
}
bool view_is_word_of_its_length(struct view v, const char *word);
static inline bool view_is_word(struct view v, const char *word)
{
    return v.len == strlen(word) && view_is_word_of_its_length(v, word);
}

/* An address and a port, as keys hold them: four words in host order, most significant first; a v4 address is word 0
 * (vm/packet/key.h). */
struct stream_addr {
    uint32_t addr[4];
    uint16_t port;
    bool v6;
};

/* Read an address of the family from `len` characters: no leading zeros, no zone. False: not an address. */
bool stream_addr_read(struct stream_addr *a, bool v6, const uint8_t *text, uint32_t len);
/* Read a port, 1 to 65535 (with `least` 0 also 0), without leading zeros. False: not a port. */
bool stream_port_read(uint16_t *port, unsigned least, const uint8_t *text, uint32_t len);
