/* The rows of all records (fields.h), and the proof that they leave out no byte. */
#include "vm/program/fields/fields.h"

#include <string.h>

#include "vm/tables.h"

static const char *const check_kinds[] = {"tcp", "http", "https", "icmp", "udp"};
static const char *const methods[] = {"GET", "HEAD", "OPTIONS"};
static const char *const downs[] = {"reset", "keep"};
static const char *const keeps[] = {"", "none"};
static const char *const headers[] = {"", "v1", "v2"};
static const char *const no_servers[] = {"reset", "drop", "pass"};
static const char *const overlaps[] = {"linux", "first", "last"};
static const char *const balances[] = {
#define LB(ident, name, doc) name,
#include "vm/lb.def"
};
static const char *const modes[] = {
#define MODE(ident, name, traits, doc) name,
#include "vm/mode.def"
};

#define SIZE(record, member) sizeof(((struct pbc_##record *)0)->member)
/* Members of struct field, for rows */
#define ALWAYS                     .shown = SHOWN_ALWAYS
#define LISTED                     .shown = SHOWN_LISTED
#define JOINED                     .joined = true
#define IF(record, member)         .if_at = offsetof(struct pbc_##record, member), .if_size = SIZE(record, member)
#define CHOICES(all, fault)        .names = all, .most = sizeof(all) / sizeof(*(all)) - 1, .wrong = fault
#define FLAGS(all)                 .most = all, .wrong = "unknown flags 0x%x"
#define WITHIN(lo, hi, fault)      .least = lo, .most = hi, .wrong = fault

#define RECORD(ident, record, ...) static const struct field record##_rows[] = {
#define END(record)                                                                                                    \
    }                                                                                                                  \
    ;
#define FIELD(record, member, kind, text, ...)                                                                         \
    {.type = FIELD_##kind,                                                                                             \
     .at = offsetof(struct pbc_##record, member),                                                                      \
     .size = SIZE(record, member),                                                                                     \
     .words = text,                                                                                                    \
     __VA_ARGS__},
#define RUN(record, first, count, kind, text, ...) FIELD(record, first, kind, text, __VA_ARGS__)
#define FLAG(record, member, flag, text, ...)      FIELD(record, member, FLAG, text, .bits = flag, __VA_ARGS__)
#include "vm/pbc/fields.def"

/* Check that the bytes of the rows, one bit each, are those of the record. */
#define BYTES(record, member, size) | ((((unsigned __int128)1 << (size)) - 1) << offsetof(struct pbc_##record, member))
#define RECORD(ident, record, ...)  static_assert((0
#define END(record)                                                                                                    \
    ) == ~(unsigned __int128)0 >> (128 - sizeof(struct pbc_##record)), "each byte of struct pbc_" #record " is in a row");
#define FIELD(record, member, ...)     BYTES(record, member, SIZE(record, member))
#define RUN(record, first, count, ...) BYTES(record, first, SIZE(record, first) + SIZE(record, count))
#define FLAG(...)
#include "vm/pbc/fields.def"

const struct record_fields record_fields[FIELDS_KINDS] = {
#define RECORD(ident, record, words, entries)                                                                          \
    [FIELDS_##ident] = {.what = words,                                                                                 \
                        .rows = record##_rows,                                                                         \
                        .count = sizeof record##_rows / sizeof *record##_rows,                                         \
                        .section = offsetof(struct program, entries),                                                  \
                        .size = sizeof(struct pbc_##record)},
#define END(...)
#define FIELD(...)
#define RUN(...)
#define FLAG(...)
#include "vm/pbc/fields.def"
};

/* Return the number in a member, or in its first eight bytes if it is longer. The file is little-endian, as the
 * machine is. */
static uint64_t number_at(const void *entry, size_t at, size_t size)
{
    const uint8_t *bytes = (const uint8_t *)entry + at;
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (size) { /* each number is one load, because a reload compares many */
    case 1: return *bytes;
    case 2: memcpy(&two, bytes, sizeof two); return two;
    case 4: memcpy(&four, bytes, sizeof four); return four;
    default: memcpy(&eight, bytes, sizeof eight); return eight;
    }
}

uint64_t field_number(const struct field *f, const void *entry)
{
    const uint64_t n = number_at(entry, f->at, f->size);
    return f->type == FIELD_FLAG ? n & f->bits : n;
}

uint32_t field_count(const struct field *f, const void *entry)
{
    return (uint32_t)number_at(entry, f->at + sizeof(uint32_t), sizeof(uint32_t));
}

bool field_shows(const struct field *f, const void *entry, bool listed)
{
    const uint64_t condition = f->if_size ? number_at(entry, f->if_at, f->if_size) : 1;
    if (!f->words || !(f->bits && f->if_size ? condition & f->bits : condition)) return false;
    if (f->shown == SHOWN_ALWAYS || (f->shown == SHOWN_LISTED && listed)) return true;
    if (field_is_run(f)) return field_count(f, entry);
    if (f->type == FIELD_CHECK || f->type == FIELD_IFACE) return field_number(f, entry) != PBC_NONE;
    return f->otherwise || field_number(f, entry) != f->usual;
}
