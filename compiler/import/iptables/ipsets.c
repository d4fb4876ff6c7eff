/* `create` and `add` lines of sets that hold addresses; other types are refused by name */
#include "compiler/import/iptables/ipsets.h"

#include <stdio.h>
#include <string.h>

bool ipset_line(const struct words *w)
{
    return w->count > 1 && (!strcmp(w->of[0], "create") || !strcmp(w->of[0], "add"));
}

/* Return the index of an option, from the fourth word on; 0 if there is none. */
static uint32_t word_at(const struct words *w, const char *word)
{
    for (uint32_t i = 3; i < w->count; i++)
        if (!strcmp(w->of[i], word)) return i;
    return 0;
}

bool ipset_take(struct ruleset *s, const struct words *w, struct import_fault *f)
{
    if (!strcmp(w->of[0], "create")) {
        if (w->count < 3) {
            snprintf(f->text, sizeof(f->text), "`create` needs a name and a type");
            return false;
        }
        if (!strcmp(w->of[2], "hash:ip") || !strcmp(w->of[2], "hash:net") || !strcmp(w->of[2], "bitmap:ip")) {
            struct set *set = ruleset_set(s, "ipset", w->of[1], ABOUT_ADDRESSES);
            const uint32_t family = word_at(w, "family");
            set->changes |= word_at(w, "timeout") != 0;
            set->family = family && family + 1 < w->count && !strcmp(w->of[family + 1], "inet6") ? 6 : 4;
        } else {
            ruleset_remark(s, "the set `%.60s` holds `%.60s`, and prey has only sets of addresses", w->of[1], w->of[2]);
        }
        return true;
    }
    struct set *set = ruleset_find_set(s, "ipset", w->of[1]);
    if (!set) return true;
    if (w->count < 3 || !list_address(&set->members, w->of[2], strlen(w->of[2]), s->arena)) {
        snprintf(f->text, sizeof(f->text), "`%.60s` is not an address, prefix or range", w->count < 3 ? "" : w->of[2]);
        return false;
    }
    if (word_at(w, "nomatch")) {
        snprintf(f->text, sizeof(f->text), "the entry `%.60s` removes addresses (`nomatch`), which can't be imported",
                 w->of[2]);
        return false;
    }
    return true;
}
