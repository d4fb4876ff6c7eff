/* Output of `ipset save` (ipset(8)): `create NAME TYPE ...` and `add NAME ENTRY ...`, one per line. */
#include <stddef.h>

#include "vm/words/words_priv.h"

struct ipset {
    struct addr_scan *s;
    struct addr_word other; /* last reported set of another type: its entries are not reported */
    struct addr_word told;  /* last second set of a family that was reported */
};

static void read_create(struct ipset *f, const struct addr_word *name, const struct addr_word *type)
{
    static const char *const of_addresses[] = {"hash:ip", "hash:net", "bitmap:ip", NULL};
    if (addr_word_in(type, of_addresses)) return;
    f->other = *name;
    addr_bad(f->s, type, ADDR_KIND);
}

/* Read the options behind an entry. False: the entry is not a member, and the fault was reported. */
static bool good_options(struct ipset *f, const struct addr_word *line, size_t at)
{
    static const char *const with_value[] = {"timeout", "packets", "bytes", "skbmark", "skbprio", "skbqueue", NULL};
    static const char *const alone[] = {"-exist", "-!", NULL};
    struct addr_word w, value;
    while (addr_next_word(line, &at, &w)) {
        if (*w.s == '#' || addr_word_is(&w, "comment")) return true;
        if (addr_word_in(&w, alone)) continue;
        if (addr_word_in(&w, with_value) && addr_next_word(line, &at, &value)) continue;
        addr_bad(f->s, &w, addr_word_is(&w, "nomatch") ? ADDR_NOMATCH : ADDR_OPTION);
        return false;
    }
    return true;
}

static void read_add(struct ipset *f, const struct addr_word *line, size_t at, const struct addr_word *name)
{
    struct addr_word entry;
    if (addr_same_word(name, &f->other)) return;
    if (!addr_next_word(line, &at, &entry)) {
        addr_bad(f->s, name, ADDR_NONE);
        return;
    }
    if (!good_options(f, line, at)) return;
    bool refused = addr_same_word(name, &f->told);
    addr_take(f->s, &entry, &(struct addr_set_name){.name = *name}, &refused);
    if (refused) f->told = *name;
}

static void read_command(struct ipset *f, const struct addr_word *line)
{
    static const char *const create[] = {"create", "-N", NULL}, *const add[] = {"add", "-A", NULL};
    static const char *const flush[] = {"flush", "-F", NULL};
    struct addr_word command, name, type;
    size_t at = 0;
    if (!addr_next_word(line, &at, &command) || *command.s == '#' || *command.s == ';') return;
    if (addr_word_in(&command, flush)) return;
    const bool adds = addr_word_in(&command, add);
    if ((!adds && !addr_word_in(&command, create)) || !addr_next_word(line, &at, &name))
        addr_bad(f->s, &command, ADDR_COMMAND);
    else if (adds)
        read_add(f, line, at, &name);
    else if (addr_next_word(line, &at, &type))
        read_create(f, &name, &type);
    else
        addr_bad(f->s, &name, ADDR_COMMAND);
}

void addr_read_ipset(struct addr_scan *s)
{
    struct ipset f = {.s = s};
    struct addr_word line;
    while (addr_next_line(s, &line)) read_command(&f, &line);
}
