/* Scalar values as the rule language writes them. A value knows nothing of its place; the compiler checks that. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An address of either family, in network order; v4 uses the first 4 bytes, the rest is zero. */
struct addr {
    uint8_t family; /* family: 4 or 6; 0: no address */
    uint8_t bytes[16];
};

struct addr_pair {
    struct addr lo, hi;
    uint16_t port; /* port of a range of endpoints; 0: none */
};

/* Bytes owned by the arena; NUL-terminated for convenience, but len counts and the text may hold NULs. */
struct str {
    const char *s;
    size_t len;
};

enum value_kind {
    VALUE_NONE,
    VALUE_INT,        /* i; also durations (ns), sizes (bytes), bandwidths (bit/s), percents, times (minutes) */
    VALUE_STR,        /* str */
    VALUE_ADDR,       /* addr */
    VALUE_PREFIX,     /* prefix */
    VALUE_ADDR_RANGE, /* addr_range */
    VALUE_RANGE,      /* range */
    VALUE_MAC,        /* mac */
    VALUE_ENDPOINT,   /* endpoint */
    VALUE_RATE,       /* rate */
};

struct value {
    enum value_kind kind;
    union {
        uint64_t i;
        struct str str;
        struct addr addr;
        struct {
            struct addr addr;
            uint8_t len;
        } prefix;
        const struct addr_pair *addr_range; /* a pointer, since ranges are rare and twice as large as all others */
        struct {
            uint64_t lo, hi;
            bool open_lo, open_hi;
        } range;
        uint8_t mac[6];
        struct {
            struct addr addr;
            bool is_self;
            uint16_t port;
        } endpoint; /* is_self: addr is unset */
        struct {
            uint64_t count;
            uint64_t per_ns;
        } rate; /* `count` events in each per_ns */
    };
};
