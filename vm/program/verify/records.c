/* The verifier's part for single fields of records, by their rows (vm/program/fields/). */
#include "vm/program/fields/fields.h"
#include "vm/program/verify/verify_priv.h"

/* Write the fault of the field of entry i; `wrong` has a place for the value. */
static bool wrong_field(const struct verifier *v, const char *what, uint32_t i, const char *wrong, uint64_t value)
{
    char text[96];
    snprintf(text, sizeof text, wrong, (unsigned)value);
    return fault(v, "%s %u: %s", what, i, text);
}

static bool verify_run(const struct verifier *v, const struct field *f, const void *entry, const char *what, uint32_t i)
{
    const struct program *p = v->p;
    const struct {
        const char *name;
        uint32_t count;
    } sections[] = {[FIELD_SETS] = {"sets", p->sets_count},
                    [FIELD_RANGES] = {"ranges", p->ranges_count},
                    [FIELD_CONDS] = {"conds", p->conds_count}};
    const uint32_t first = (uint32_t)field_number(f, entry), count = field_count(f, entry);
    if (!inside(first, count, sections[f->type].count))
        return fault(v, "%s %u: its part of section `%s` goes past the section's end", what, i, sections[f->type].name);
    return f->type != FIELD_SETS || !v->live_before || v->live_before[first] == v->live_before[first + count] ||
           fault(v, "%s %u has a live set, which isn't possible here", what, i);
}

static bool all_zero(const uint8_t *bytes, size_t size)
{
    uint8_t all = 0;
    for (size_t i = 0; i < size; i++) all |= bytes[i];
    return !all;
}

static bool verify_field(const struct verifier *v, const struct field *f, const void *entry, const char *what,
                         uint32_t i)
{
    const uint64_t n = field_number(f, entry);
    switch ((enum field_type)f->type) {
    case FIELD_TEXT:
    case FIELD_PLACE: return verify_string(v, (uint32_t)n, what, i); /* a place begins with its file */
    case FIELD_PATH: return verify_text(v, (uint32_t)n, what, i);
    case FIELD_SETS:
    case FIELD_RANGES:
    case FIELD_CONDS: return verify_run(v, f, entry, what, i);
    case FIELD_CHECK: return n == PBC_NONE || n < v->p->checks_count || fault(v, "%s %u: check doesn't exist", what, i);
    case FIELD_IFACE:
        return n == PBC_NONE || n < v->p->ifaces_count || n < v->devices ||
               fault(v, "%s %u: interface doesn't exist", what, i);
    case FIELD_METER: return n <= v->p->meters_count || wrong_field(v, what, i, "meter %u doesn't exist", n - 1);
    case FIELD_FAMILY: return n == 4 || n == 6 || (!n && !f->least) || wrong_field(v, what, i, "unknown family %u", n);
    case FIELD_RESERVED:
        return all_zero((const uint8_t *)entry + f->at, f->size) ||
               fault(v, "%s %u: reserved bytes aren't zero", what, i);
    case FIELD_NUMBER:
    case FIELD_CHOICE:
    case FIELD_MILLISECONDS:
        return (n >= f->least && (!f->most || n <= f->most)) || wrong_field(v, what, i, f->wrong, n);
    case FIELD_FLAG: /* checked with the member that has the flag */
    case FIELD_TIME: /* any value is valid */
    case FIELD_SIZE:
    case FIELD_MSS:
    case FIELD_MAC: return true;
    case FIELD_ADDRESS: /* checked by hand, with related fields */
    case FIELD_CERTS:
    case FIELD_STEPS:
    case FIELD_PROXY:
    case FIELD_LINK: return true;
    }
    return false;
}

bool verify_fields(const struct verifier *v, enum fields_of of, uint32_t i)
{
    const struct record_fields *r = &record_fields[of];
    const void *entry = fields_entry(v->p, of, i);
    for (uint32_t f = 0; f < r->count; f++)
        if (!verify_field(v, &r->rows[f], entry, r->what, i)) return false;
    return true;
}
