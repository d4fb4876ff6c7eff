/* Sections in one map, one behind the other. The kernel's verifier wants memory as far as any mask reaches. An index
 * past its section, but within the mask, would read the next section; prey's verifier has proved that no such index
 * occurs. */
#include "runtime/kernel/maps/sections.h"

#include <string.h>

#include "runtime/kernel/object/refused.h"

struct span {
    const char *name;
    const void *bytes;
    uint64_t count, size;
};

static void spans(const struct program *p, struct span of[SECTION_COUNT])
{
#define X(ident, field, type, most)                                                                                    \
    of[PBC_##ident] = (struct span){.name = #field, .bytes = p->field, .count = p->field##_count, .size = sizeof(type)};
    PBC_SECTIONS(X)
#undef X
    of[SECTION_LOOKUP] = (struct span){.name = "lookup", .bytes = p->lookup, .count = p->lookup_bytes / 4, .size = 4};
    of[SECTION_VERDICTS] =
        (struct span){.name = "verdicts", .bytes = p->verdicts, .count = p->rules_count, .size = sizeof *p->verdicts};
    of[SECTION_WOULD_VERDICTS] = (struct span){.name = "would_verdicts",
                                               .bytes = p->would ? p->would->verdicts : NULL,
                                               .count = p->would ? p->would->rules_count : 0,
                                               .size = sizeof *p->verdicts};
}

/* Bytes that code may read past the masked index, as far as the kernel's verifier can tell: the largest entry, a
 * classifier's block, may have sixteen lines. */
enum { SLACK = PBC_LINES_MOST * sizeof(struct pbc_line) };
static_assert(PBC_LINES_MOST == 15, "a mask, and one less than what the verifier sees");

int sections_init(struct sections *s, const struct program *p, uint64_t wanted, char *err, size_t err_len)
{
    struct span of[SECTION_COUNT];
    uint64_t len = 0, reach = 0;
    *s = (struct sections){.map.fd = -1};
    spans(p, of);
    for (unsigned i = 0; i < SECTION_COUNT; i++) {
        if (!(wanted >> i & 1)) continue;
        s->at[i] = len;
        s->mask[i] = map_power(of[i].count) - 1;
        const uint64_t masked = len + (s->mask[i] + 1) * of[i].size + SLACK;
        reach = masked > reach ? masked : reach;
        len += ((of[i].count ? of[i].count : 1) * of[i].size + 63) & ~63ull; /* an empty section has an entry of 0 */
    }
    if (!reach) return 0;
    const int failed = map_flat(&s->map, "tables", reach > len ? reach : len);
    if (failed) return refused_map("the program's tables", s->map.len, failed, err, err_len);
    for (unsigned i = 0; i < SECTION_COUNT; i++)
        if (wanted >> i & 1 && of[i].count)
            memcpy((uint8_t *)s->map.memory + s->at[i], of[i].bytes, of[i].count * of[i].size);
    return 0;
}

void sections_fini(struct sections *s) { map_fini(&s->map); }

unsigned section_of(const char *symbol)
{
    static const char *const fields[] = {
#define X(ident, field, type, most) #field,
        PBC_SECTIONS(X)
#undef X
            "lookup",
        "verdicts", "would_verdicts"};
    if (strncmp(symbol, "table_", 6) && strncmp(symbol, "mask_", 5)) return SECTION_COUNT;
    const char *name = strchr(symbol, '_') + 1;
    unsigned i = 0;
    while (i < SECTION_COUNT && strcmp(fields[i], name)) i++;
    return i;
}

bool sections_value(const struct sections *s, const char *symbol, struct link_value *v)
{
    const unsigned i = section_of(symbol);
    if (i == SECTION_COUNT || s->map.fd < 0) return false;
    *v = *symbol == 't' ? (struct link_value){.kind = LINK_ADDRESS, .map = s->map.fd, .number = s->at[i]}
                        : (struct link_value){.kind = LINK_NUMBER, .number = s->mask[i]};
    return true;
}
