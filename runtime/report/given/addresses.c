/* A file gives neither the order in which an interface has its addresses nor which of them are deprecated. If
 * several would do, the first of --self counts, or else the first in the file. */
#include "runtime/report/given/addresses.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/grown.h"
#include "runtime/base/self.h"
#include "runtime/report/text.h"
#include "vm/forward/service.h"
#include "vm/packet/key.h"
#include "vm/packet/parse/read.h"
#include "vm/words/words.h"

enum { OWN_BITS_LEAST = 16, OWN_IDS_MOST = 256, DOUBTS_SHOWN = 8, LINE_MOST = 400 };

/* True for a loopback address, or a link-local one in IPv6. They are not kept, because forwarded packets never go
 * there. */
static bool stays(uint8_t family, const uint32_t addr[4])
{
    if (family == 4) return addr[0] >> 24 == 127;
    return addr[0] >> 22 == 0xfe80 >> 6 || (!(addr[0] | addr[1] | addr[2]) && addr[3] == 1);
}

int addresses_add(struct given_addresses *g, const char *device, uint8_t family, const uint32_t addr[4], bool secondary)
{
    if (stays(family, addr)) return 0;
    if (!grow(&g->all, g->count, &g->room, 16, sizeof *g->all)) return -ENOMEM;
    struct given_address *a = &g->all[g->count];
    *a = (struct given_address){.place = g->count++, .family = family, .secondary = secondary};
    memcpy(a->device, device, strnlen(device, IFACE_NAME_MOST));
    memcpy(a->addr, addr, sizeof a->addr);
    return 0;
}

int addresses_own(struct given_addresses *g, uint8_t family, const uint32_t to[4], unsigned bits)
{
    if (family == 4) {
        if ((bits < 32 && to[0] >> 24 == 127) || bits < OWN_BITS_LEAST) return 0;
        return self_put4(&g->own, to[0], 1u << (32 - bits));
    }
    const uint64_t hi = (uint64_t)to[0] << 32 | to[1], lo = (uint64_t)to[2] << 32 | to[3];
    const uint64_t hi_free = bits >= 64 ? 0 : UINT64_MAX >> bits;
    const uint64_t lo_free = bits >= 128 ? 0 : bits <= 64 ? UINT64_MAX : UINT64_MAX >> (bits - 64);
    return self_put6(&g->own, &(struct pbc_range6){hi, lo, hi | hi_free, lo | lo_free});
}

void addresses_are_self(const struct given_addresses *g, struct facts *facts)
{
    const struct facts own = self_facts(&g->own);
    if (!facts->self4_count) facts->self4 = own.self4, facts->self4_count = own.self4_count;
    if (!facts->self6_count) facts->self6 = own.self6, facts->self6_count = own.self6_count;
}

static int compare_ends(const struct given_address *x, const struct given_address *y)
{
    const int device = strcmp(x->device, y->device), addr = memcmp(x->addr, y->addr, sizeof x->addr);
    return device ? device : x->family != y->family ? x->family - y->family : addr;
}

static int given_compare(const void *a, const void *b)
{
    const struct given_address *x = a, *y = b;
    const int ends = compare_ends(x, y);
    return ends ? ends : (x->place > y->place) - (x->place < y->place);
}

/* Give an interface its ids. *own: number of ids above the program's that are in use. */
static void iface_number(struct given_addresses *g, struct given_iface *i, uint32_t *own)
{
    const struct program *p = g->program;
    const struct iface_table t = program_ifaces(p);
    const char *device = g->all[i->first].device;
    const uint32_t known = iface_match(&t, device);
    i->id = i->as = known == PBC_NONE ? IFACE_OTHER : (uint16_t)known;
    if (known != PBC_NONE && !strcmp(program_str(p, p->ifaces[known].device), device)) return;
    if (*own == OWN_IDS_MOST || p->ifaces_count + *own >= IFACE_SEVERAL) {
        g->left_out++;
        i->id = IFACE_NONE;
        return;
    }
    g->patterns |= known != PBC_NONE;
    i->id = (uint16_t)(p->ifaces_count + (*own)++);
}

int addresses_settle(struct given_addresses *g, const struct program *p, bool files)
{
    uint32_t own = 0;
    g->program = p;
    g->files = files;
    self_sort(&g->own);
    /* Sort the addresses by device, and drop repeated ones, which come with a subnet's route or from another file. */
    uint32_t kept = 0;
    if (g->count) qsort(g->all, g->count, sizeof *g->all, given_compare);
    for (uint32_t i = 0; i < g->count; i++)
        if (kept && !compare_ends(&g->all[kept - 1], &g->all[i]))
            g->all[kept - 1].secondary |= g->all[i].secondary;
        else
            g->all[kept++] = g->all[i];
    g->count = kept;
    if (!g->count) return 0;
    g->ifaces = calloc(g->count, sizeof *g->ifaces);
    for (uint32_t i = 0; g->ifaces && i < g->count; i++) {
        const bool begins = !i || strcmp(g->all[i - 1].device, g->all[i].device) != 0;
        if (begins) g->ifaces[g->ifaces_count++] = (struct given_iface){.first = i};
        g->ifaces[g->ifaces_count - 1].count++;
    }
    for (uint32_t i = 0; i < g->ifaces_count; i++) iface_number(g, &g->ifaces[i], &own);
    g->facts = calloc(p->ifaces_count + own + 1u, sizeof *g->facts);
    if (!g->ifaces || !g->facts) return -ENOMEM;
    g->facts_count = p->ifaces_count + own;
    return 0;
}

/* Return the interface of that device; NULL: it has no known address. */
static const struct given_iface *iface_named(const struct given_addresses *g, const char *device)
{
    uint32_t lo = 0, hi = g->ifaces_count;
    while (lo < hi) {
        const uint32_t at = lo + (hi - lo) / 2;
        const int order = strcmp(device, g->all[g->ifaces[at].first].device);
        if (!order) return &g->ifaces[at];
        if (order < 0) hi = at;
        if (order > 0) lo = at + 1;
    }
    return NULL;
}

uint16_t addresses_iface(const struct given_addresses *g, const char *device, uint16_t as)
{
    const struct given_iface *i = iface_named(g, device);
    return i && i->as == as && i->id != IFACE_NONE ? i->id : as;
}

static bool is_self_addr(const struct facts *f, const struct given_address *a)
{
    const uint32_t sides = a->family == 4 ? sides_of4(f, a->addr[0], a->addr[0]) : sides_of6(f, a->addr, a->addr);
    return sides & KIND_SRC_SELF;
}

static bool is_first(const struct facts *f, const struct given_address *a)
{
    return a->family == 4 ? a->addr[0] == f->addr4 : !memcmp(a->addr, f->addr6, sizeof a->addr);
}

/* Return the preference as the source of packets that leave by the address's interface. A file does not give the
 * scope of 169.254.0.0/16, which mostly is the link (RFC 3927). */
static unsigned preference(const struct given_address *a)
{
    const bool link = a->family == 4 && a->addr[0] >> 16 == 0xa9fe;
    return source_preference(&(struct source_candidate){.here = true, .wide = !link, .secondary = a->secondary});
}

/* Choose the interface's address of that family; NULL if it has none, or --self differs. */
static const struct given_address *address_choose(const struct given_addresses *g, struct given_iface *i,
                                                  uint8_t family, const struct facts *f, bool said)
{
    const struct given_address *best = NULL;
    uint32_t alike = 0, others = 0;
    for (const struct given_address *a = g->all + i->first, *end = a + i->count; a < end; a++) {
        if (a->family != family) continue;
        const unsigned better = best ? preference(best) : 0, is = preference(a);
        if (said && !is_self_addr(f, a)) {
            others++;
            continue;
        }
        alike = is > better ? 1 : alike + (is == better);
        if (is > better || (is == better && (is_first(f, a) || (!is_first(f, best) && a->place < best->place))))
            best = a;
    }
    const bool doubtful = best && alike > 1 && !(said && is_first(f, best));
    i->doubt[family == 6] = !best && others ? GIVEN_OTHERWISE : doubtful ? GIVEN_SEVERAL : GIVEN_SURE;
    return best;
}

void addresses_tell(struct given_addresses *g, struct facts *facts, bool said)
{
    if (!g->facts_count) return;
    for (uint32_t i = 0; i < g->facts_count; i++) g->facts[i] = (struct facts_iface){.peer = IFACE_NONE};
    for (uint32_t i = 0; i < g->ifaces_count; i++) {
        struct given_iface *one = &g->ifaces[i];
        const struct given_address *four = address_choose(g, one, 4, facts, said && facts->self4_count),
                                   *six = address_choose(g, one, 6, facts, said && facts->self6_count);
        if (one->id >= g->facts_count) continue;
        struct facts_iface *f = &g->facts[one->id];
        if (one->id != one->as && one->as != IFACE_OTHER) f->as = (uint16_t)(one->as + 1);
        if (four) f->addr4 = four->addr[0];
        if (six) memcpy(f->addr6, six->addr, sizeof f->addr6);
    }
    facts->ifaces = g->facts;
    facts->ifaces_count = g->facts_count;
    facts->patterns = g->patterns;
}

/* Lines to report; all but the first few are counted. */
struct telling {
    addresses_tell_fn *tell;
    void *arg;
    uint32_t count;
};

static void tell_line(struct telling *t, const char *line)
{
    if (t->count++ < DOUBTS_SHOWN) t->tell(t->arg, line);
}

/* Write the address that represents an unknown one: the first of --self. */
static void text_first(const struct facts *f, uint8_t family, char text[INET6_ADDRSTRLEN + 32])
{
    uint32_t addr[4];
    char shown[INET6_ADDRSTRLEN];
    if (facts_address(f, IFACE_NONE, family == 6, addr))
        snprintf(text, INET6_ADDRSTRLEN + 32, "takes %s", address_text(family, addr, shown));
    else
        snprintf(text, INET6_ADDRSTRLEN + 32, "has no address");
}

static void doubt_of(const struct given_addresses *g, const struct given_iface *i, uint8_t family,
                     const struct facts *f, struct telling *to)
{
    const struct given_address *a = &g->all[i->first];
    char line[LINE_MOST], first[INET6_ADDRSTRLEN + 32], shown[INET6_ADDRSTRLEN];
    uint32_t addr[4];
    while (a->family != family) a++;
    if (i->doubt[family == 6] == GIVEN_SEVERAL) {
        facts_address(f, i->id, family == 6, addr);
        snprintf(line, sizeof line,
                 "--routes gives %s several addresses: `masquerade` takes %s there; to choose another address, list it "
                 "first in --self",
                 a->device, address_text(family, addr, shown));
    } else {
        text_first(f, family, first);
        snprintf(line, sizeof line, "--routes gives %s an address that --self doesn't list, %s: `masquerade` %s there",
                 a->device, address_text(family, a->addr, shown), first);
    }
    tell_line(to, line);
}

/* Report which of the rules' interfaces have no address, though routes came from files. */
static void doubt_unknown(const struct given_addresses *g, uint32_t iface, const struct facts *f, struct telling *to)
{
    const struct program *p = g->program;
    const char *device = program_str(p, p->ifaces[iface].device);
    char line[LINE_MOST], first[INET6_ADDRSTRLEN + 32];
    if (iface_is_pattern(device) || iface_named(g, device)) return;
    text_first(f, f->addr4 ? 4 : 6, first);
    snprintf(line, sizeof line,
             "--routes gives %s no address (`ip route show table all` prints them): `masquerade` %s there", device,
             first);
    tell_line(to, line);
}

void addresses_doubts(const struct given_addresses *g, const struct facts *facts, addresses_tell_fn *tell, void *arg)
{
    struct telling to = {tell, arg, 0};
    char line[LINE_MOST], n[TEXT_NUMBER];
    const struct program *p = g->program;
    if (!p || !g->files) return;
    for (uint32_t i = 0; i < g->ifaces_count; i++)
        for (uint8_t family = 4; family <= 6 && program_masquerades(p, g->ifaces[i].as); family += 2)
            if (g->ifaces[i].doubt[family == 6] != GIVEN_SURE) doubt_of(g, &g->ifaces[i], family, facts, &to);
    for (uint32_t i = 0; i < p->ifaces_count; i++)
        if (program_masquerades(p, (uint16_t)i)) doubt_unknown(g, i, facts, &to);
    if (to.count > DOUBTS_SHOWN) {
        snprintf(line, sizeof line, "and %s more such lines about addresses of --routes",
                 text_number(to.count - DOUBTS_SHOWN, n));
        tell(arg, line);
    }
    if (!g->left_out) return;
    snprintf(line, sizeof line,
             "--routes gives addresses to more than %u devices that no rule names: for %s of them, prey uses the first "
             "address of --self",
             OWN_IDS_MOST, text_number(g->left_out, n));
    tell(arg, line);
}

void addresses_fini(struct given_addresses *g)
{
    self_fini(&g->own);
    free(g->all);
    free(g->ifaces);
    free(g->facts);
    *g = (struct given_addresses){0};
}
