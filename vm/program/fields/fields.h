/* The fields of checks, pools, servers, services, proxies, certificates, nats and observe services: one row each, in
 * vm/pbc/fields.def. The verifier checks a field by its row, texts print it, and a reload learns which state
 * survives. Relations between fields are checked by hand, in verify/. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/pbc/records.h"
#include "vm/program/program.h"

/* Types of values, with the verifier's check of each */
enum field_type {
    FIELD_NUMBER,       /* from `least` to `most` */
    FIELD_MILLISECONDS, /* from `least` to `most`, in ms */
    FIELD_CHOICE,       /* one of `names` */
    FIELD_FLAG,         /* the bits `bits` of a NUMBER, with a separate row */
    FIELD_TIME,         /* any number of ns */
    FIELD_SIZE,         /* any number of bytes */
    FIELD_MSS,          /* any clamp, as in struct pbc_service */
    FIELD_MAC,          /* any MAC address */
    FIELD_FAMILY,       /* 4 or 6; also 0 if `least` is 0 */
    FIELD_ADDRESS,      /* as in struct key; unchecked here, because it depends on the family, which is at `if_at` */
    FIELD_TEXT,         /* a string of at most PBC_NAME_MAX bytes */
    FIELD_PATH,         /* any string */
    FIELD_PLACE,        /* struct pbc_place, whose file is a text */
    FIELD_CHECK,        /* number of a check; PBC_NONE: none */
    FIELD_IFACE,
    FIELD_METER,    /* 1 + number of a meter; 0: none */
    FIELD_RESERVED, /* must be 0 */
    FIELD_PROXY,    /* 1 + a number; unchecked here, like all links between records */
    FIELD_LINK,     /* number of another record, or a run of them; unchecked here */
    /* Runs: number of the first entry, and count */
    FIELD_SETS, /* are inside the section */
    FIELD_RANGES,
    FIELD_CONDS,
    FIELD_CERTS, /* follow one another; unchecked here */
    FIELD_STEPS,
};

/* Values with which a text leaves a field out */
enum field_shown {
    SHOWN_UNUSUAL, /* the usual value */
    SHOWN_LISTED,  /* the usual value, except in a listing */
    SHOWN_ALWAYS,  /* no value */
};

/* State that survives a reload only if the field is unchanged (remap_priv.h) */
enum field_keeps { KEEPS_NOTHING, KEEPS_BALANCE, KEEPS_SOURCES, KEEPS_SERVICE, KEEPS_CLIENTS, KEEPS_NAT };

struct field {
    const char *words;        /* words before its value, as in the language; NULL: a text has it by other means */
    const char *behind;       /* words behind its value */
    const char *otherwise;    /* FLAG: words if the flag is not set, only in modes with the traits `modes` */
    const char *wrong;        /* text of the fault if the value is out of bounds, with a place for the value */
    const char *const *names; /* CHOICE: names of the values */
    uint64_t least, most;     /* bounds of the value; most 0: any value */
    uint32_t usual, bits;     /* bits of a FLAG, and of the member at `if_at`; 0: all bits */
    uint16_t modes;           /* traits of the service's mode (vm/tables.h) */
    uint8_t type, at, size;   /* enum field_type; place of the member in the record, and its bytes */
    uint8_t if_at, if_size;   /* member that must not be 0 if the text has the field; size 0: the field itself */
    uint8_t shown, keeps;     /* enum field_shown, enum field_keeps */
    uint8_t part;             /* texts may have other parts in between */
    bool joined;              /* in one statement with the field before */
};

struct record_fields {
    const char *what; /* name of a record in faults */
    const struct field *rows;
    size_t section, size; /* place of the entries' pointer in struct program; bytes of an entry */
    uint32_t count;       /* number of rows */
};
extern const struct record_fields record_fields[FIELDS_KINDS];

/* Return entry i of the section. */
static inline const void *fields_entry(const struct program *p, enum fields_of of, uint32_t i)
{
    return *(const char *const *)((const char *)p + record_fields[of].section) + i * record_fields[of].size;
}

static inline bool field_is_run(const struct field *f) { return f->type >= FIELD_SETS; }
/* Return the field's value (for a run, the number of its first entry), or the count of a run (second function). */
uint64_t field_number(const struct field *f, const void *entry);
uint32_t field_count(const struct field *f, const void *entry);
/* True if a text has the field. */
bool field_shows(const struct field *f, const void *entry, bool listed);
