/* Words about the causes of unknown ways (why.def), and their counters. */
#include "vm/judge/why.h"

#include "vm/verdict.h"

const struct way_words *way_why_words(enum way_why why)
{
    static const struct way_words all[] = {
#define WHY(ident, name, doc, next) {#name, doc, next},
#include "vm/judge/why.def"
        {"", "", ""},
    };
    return &all[why < WAY_WHYS ? why : WAY_WHYS];
}

uint64_t *way_why_counter(struct nat_counters *c, enum way_why why)
{
    uint64_t *const of[WAY_WHYS] = {[WAY_NO_ROUTES] = &c->way_no_routes, [WAY_SEVERAL] = &c->way_several,
                                    [WAY_MARK] = &c->way_mark,           [WAY_ENCAPSULATED] = &c->way_encapsulated,
                                    [WAY_TOO_MANY] = &c->way_too_many,   [WAY_ARRIVAL] = &c->way_arrival,
                                    [WAY_OTHER] = &c->way_other,         [WAY_IPSEC] = &c->way_ipsec};
    return of[why];
}

uint64_t way_why_packets(const struct nat_counters *c, enum way_why why)
{
    return *way_why_counter((struct nat_counters *)(uintptr_t)c, why);
}
