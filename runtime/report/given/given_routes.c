/* Lines of `ip route` and `ip rule` are cut into words; unreadable ones make ways unknown, or are a fault */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/files.h"
#include "runtime/report/given/iface.h"
#include "runtime/report/given/routes_priv.h"
#include "runtime/report/text.h"
#include "vm/judge/routes.h"
#include "vm/keyed/keyed.h"
#include "vm/words/words.h"

enum { LINE_MOST = 4096, WORDS_MOST = 256, FILE_MOST = 64 << 20 };

#define TABLE_NAMED (1u << 31) /* numbers of named tables begin here */

int routes_fault(struct reading *r, const char *what, const char *word)
{
    char shown[80];
    snprintf(shown, sizeof shown, "%.60s", word);
    text_clean(shown);
    if (r->file)
        snprintf(r->err, r->err_len, "--routes: %.200s:%u: %s%s%s%s", r->file, r->line, what, *word ? " `" : "", shown,
                 *word ? "`" : "");
    else
        snprintf(r->err, r->err_len, "--route: %s `%s`", what, shown);
    return -EINVAL;
}

static int route_add(struct reading *r, const struct route_entry *e, bool set)
{
    const int failed = set ? route_list_set(&r->list, e) : route_list_add(&r->list, e);
    if (failed == -ENOSPC) routes_fault(r, "there are more than 1,048,576 routes, or more than 65,535 devices", "");
    if (failed == -ENOMEM) snprintf(r->err, r->err_len, "out of memory");
    return failed;
}

static unsigned bits_alike(uint64_t a, uint64_t b) { return a == b ? 64 : (unsigned)__builtin_clzll(a ^ b); }

bool routes_prefix(const char *s, size_t len, uint8_t family, struct route *to)
{
    struct addr_member m;
    if (len == 7 && !memcmp(s, "default", 7)) {
        to->family = family;
        return true;
    }
    if (memchr(s, '-', len) || addr_text_member(s, len, &m) != ADDR_GOOD) return false;
    to->family = m.family;
    if (m.family == 4) {
        to->to[0] = m.v4.lo;
        to->bits = (uint8_t)(bits_alike(m.v4.lo, m.v4.hi) - 32);
        return true;
    }
    uint32_t last[4];
    range6_words(&m.v6, to->to, last);
    to->bits = (uint8_t)bits_alike(m.v6.lo_hi, m.v6.hi_hi);
    if (to->bits == 64) to->bits = (uint8_t)(64 + bits_alike(m.v6.lo_lo, m.v6.hi_lo));
    return true;
}

/* Return the device of an interface name of the rules, or the name itself. */
static const char *device_named(const struct program *p, const char *name)
{
    for (uint32_t i = 0; i < p->ifaces_count; i++)
        if (p->ifaces[i].name && !strcmp(program_str(p, p->ifaces[i].name), name))
            return program_str(p, p->ifaces[i].device);
    return name;
}

static int read_written(struct reading *r, const struct program *p, const char *text)
{
    const char *is = strrchr(text, '=');
    struct route_hop hop = {.weight = 1};
    struct route_entry e = {.route = {.table = ROUTE_LIST_FIRST}, .kind = ROUTE_VIA, .hops = 1, .hop = &hop};
    uint16_t id;
    char why[160];
    int failed = 0;
    if (!is || is == text || !is[1]) return routes_fault(r, "write PREFIX=IF, not", text);
    if (iface_find(p, is + 1, &id, why, sizeof why)) {
        snprintf(r->err, r->err_len, "--route: %s", why);
        return -EINVAL;
    }
    const char *device = device_named(p, is + 1);
    memcpy(hop.device, device, strnlen(device, sizeof hop.device - 1));
    if (!routes_prefix(text, (size_t)(is - text), 4, &e.route))
        return routes_fault(r, "no valid address or prefix is before the `=` of", text);
    failed = route_add(r, &e, true);
    if (failed || strncmp(text, "default=", 8)) return failed;
    e.route.family = 6;
    return route_add(r, &e, true);
}

static bool word_is(const char *word, const char *other) { return !strcmp(word, other); }

/* Kinds of routes, written before the prefix. */
static const struct {
    const char *word;
    uint8_t kind; /* enum route_kind, as for the kernel's routes (host/view/routing.c) */
} kinds[] = {
    {"unicast", ROUTE_VIA},       {"local", ROUTE_OWN},           {"anycast", ROUTE_OWN},
    {"blackhole", ROUTE_REFUSED}, {"unreachable", ROUTE_REFUSED}, {"prohibit", ROUTE_REFUSED},
    {"broadcast", ROUTE_REFUSED}, {"multicast", ROUTE_ASK},       {"throw", ROUTE_THROW},
};

bool routes_number(const char *word, uint32_t most, uint32_t *value)
{
    char *end;
    errno = 0;
    const unsigned long n = strtoul(word, &end, 10);
    if (errno || *end || *word < '0' || *word > '9' || n > most) return false;
    *value = (uint32_t)n;
    return true;
}

int routes_table(struct reading *r, const char *name, uint32_t *table)
{
    static const struct {
        const char *name;
        uint32_t number;
    } known[] = {{"local", ROUTE_TABLE_LOCAL}, {"main", ROUTE_TABLE_MAIN}, {"default", ROUTE_TABLE_DEFAULT}};
    for (unsigned i = 0; i < sizeof known / sizeof *known; i++)
        if (word_is(name, known[i].name)) *table = known[i].number;
    for (unsigned i = 0; i < sizeof known / sizeof *known; i++)
        if (word_is(name, known[i].name)) return 0;
    if (routes_number(name, TABLE_NAMED - 1, table) && *table) return 0;
    for (*table = TABLE_NAMED; *table - TABLE_NAMED < r->tables_count; ++*table)
        if (word_is(r->tables[*table - TABLE_NAMED], name)) return 0;
    if (strlen(name) >= sizeof *r->tables) return routes_fault(r, "the name of a table is too long:", name);
    if (r->tables_count == TABLES_MOST) return routes_fault(r, "there are more than 1,024 tables with names", "");
    if (!r->tables) r->tables = calloc(TABLES_MOST, sizeof *r->tables);
    if (!r->tables) return -ENOMEM;
    strcpy(r->tables[r->tables_count++], name);
    return 0;
}

static int be_unknown(struct reading *r, enum way_why why)
{
    r->entry.kind = ROUTE_ASK;
    r->entry.why = (uint8_t)why;
    return 0;
}

/* Read one word and its value. */
static int read_value(struct reading *r, const char *word, const char *value, struct route_hop *hop)
{
    if (word_is(word, "dev")) {
        if (strlen(value) >= sizeof hop->device) return routes_fault(r, "the name of a device is too long:", value);
        memset(hop->device, 0, sizeof hop->device);
        memcpy(hop->device, value, strlen(value));
    } else if (word_is(word, "metric")) {
        if (!routes_number(value, UINT32_MAX, &r->entry.route.metric))
            return routes_fault(r, "a metric must be a number, not", value);
    } else if (word_is(word, "weight")) {
        if (!routes_number(value, 256, &hop->weight) || !hop->weight)
            return routes_fault(r, "a weight must be a number from 1 to 256, not", value);
    } else if (word_is(word, "from")) {
        return be_unknown(r, WAY_OTHER); /* the source address decides the way, too */
    } else {
        return routes_table(r, value, &r->entry.route.table);
    }
    return 0;
}

/* Return the value of a word of a route's line; "" without that word. */
static const char *value_of(char *const words[], unsigned count, const char *word)
{
    for (unsigned i = 0; i + 1 < count; i++)
        if (word_is(words[i], word)) return words[i + 1];
    return "";
}

/* Note the address in the line. `local ADDR` is an address of the device; its `src` is another address if that one
 * comes first in the subnet. A route that came with an address has it as `src`. Any other route's `src` may be the
 * address of another device. */
static int note_address(struct reading *r, char *const words[], unsigned count)
{
    const char *device = value_of(words, count, "dev"), *src = value_of(words, count, "src"),
               *proto = value_of(words, count, "proto"), *scope = value_of(words, count, "scope");
    const bool local = word_is(words[0], "local");
    const bool came =
        (word_is(proto, "kernel") || word_is(proto, "2")) && (word_is(scope, "link") || word_is(scope, "253"));
    struct route at = {0}, first = {0};
    const bool has_src = routes_prefix(src, strlen(src), 0, &first);
    if (!*device || strlen(device) > IFACE_NAME_MOST || (!local && !(came && has_src))) return 0;
    if (local && !routes_prefix(words[1], strlen(words[1]), 0, &at)) return 0;
    if (!local) at = first;
    if (at.bits != (at.family == 4 ? 32 : 128)) return 0;
    const bool secondary = local && has_src && memcmp(at.to, first.to, sizeof at.to) != 0;
    return addresses_add(r->addresses, device, at.family, at.to, secondary);
}

/* Note the addresses of a line of the table `local` that are this machine's own, as in a live run (host_self). */
static int note_own(struct reading *r, char *const words[], unsigned count)
{
    const char *table = value_of(words, count, "table");
    const bool of_self = word_is(words[0], "local") || word_is(words[0], "anycast") || word_is(words[0], "broadcast");
    const struct route *to = &r->entry.route;
    if (!of_self || (*table && !word_is(table, "local") && !word_is(table, "255"))) return 0;
    if (word_is(words[0], "broadcast") && to->to[0] >> 24 == 127) return 0;
    return addresses_own(r->addresses, to->family, to->to, to->bits);
}

/* Read the words behind a prefix or a `nexthop`. */
static int read_rest(struct reading *r, char *const words[], unsigned count, struct route_hop *hop)
{
    static const char *const valued[] = {"dev", "metric", "weight", "from", "table"};
    bool wrapped = false; /* the encapsulating header has a TOS, too */
    for (unsigned i = 0; i < count; i++) {
        bool takes = false;
        if (word_is(words[i], "encap")) wrapped = !be_unknown(r, WAY_ENCAPSULATED);
        if (word_is(words[i], "tos") && !wrapped)
            r->left_out = r->has_tos = true; /* the route is for packets of one TOS */
        for (unsigned k = 0; k < sizeof valued / sizeof valued[0]; k++) takes |= word_is(words[i], valued[k]);
        if (word_is(words[i], "dead")) r->left_out = true;
        if (!takes) continue;
        if (++i == count) return routes_fault(r, "a value is missing after", words[i - 1]);
        const int failed = read_value(r, words[i - 1], words[i], hop);
        if (failed) return failed;
    }
    return 0;
}

/* Add the route of the previous lines. */
static int close_route(struct reading *r)
{
    struct route_entry *e = &r->entry;
    const bool counts = e->hop && !r->left_out;
    e->hop = NULL;
    if (!counts) return 0;
    if (e->kind == ROUTE_VIA && !e->hops) {
        if (r->hops_left_out) return 0;
        r->line = r->began;
        return routes_fault(r, "the route names no device (`dev NAME`)", "");
    }
    e->hop = r->hops;
    const unsigned line = r->line;
    r->line = r->began; /* the fault is reported at this line */
    const int failed = route_add(r, e, false);
    r->line = line;
    e->hop = NULL;
    return failed;
}

static bool has_colon(char *const words[], unsigned count)
{
    for (unsigned i = 0; i + 1 < count; i++)
        if ((word_is(words[i], "via") || word_is(words[i], "src")) && strchr(words[i + 1], ':')) return true;
    return false;
}

static int read_hop(struct reading *r, char *const words[], unsigned count)
{
    if (!r->entry.hop) return routes_fault(r, "there is no route before the `nexthop`", "");
    if (r->entry.hops == ROUTE_LEGS_MOST) return routes_fault(r, "the route has more than 256 hops", "");
    const bool left_out = r->left_out;
    struct route_hop *hop = &r->hops[r->entry.hops];
    *hop = (struct route_hop){.weight = 1};
    const int failed = read_rest(r, words, count, hop);
    if (!r->entry.route.bits && has_colon(words, count)) r->entry.route.family = 6;
    if (r->left_out && !left_out)
        r->hops_left_out = true; /* only this hop is dead */
    else
        r->entry.hops++;
    r->left_out = left_out;
    return failed;
}

/* Return the family of a `default`, which `ip route` and `ip -6 route` print alike, from the rest of the line. */
static uint8_t default_family(char *const words[], unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (word_is(words[i], "pref") || (word_is(words[i], "proto") && i + 1 < count && word_is(words[i + 1], "ra")))
            return 6;
    return has_colon(words, count) ? 6 : 4;
}

static int read_route(struct reading *r, char *const words[], unsigned count)
{
    unsigned at = 0;
    int failed = close_route(r);
    r->entry = (struct route_entry){.route = {.table = ROUTE_TABLE_MAIN}, .kind = ROUTE_VIA, .hop = r->hops};
    r->left_out = r->hops_left_out = false;
    r->began = r->line;
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (word_is(words[0], kinds[i].word)) r->entry.kind = kinds[i].kind, at = 1;
    if (r->entry.kind == ROUTE_ASK) be_unknown(r, WAY_OTHER);
    if (failed) return failed;
    if (at == count || !routes_prefix(words[at], strlen(words[at]), default_family(words, count), &r->entry.route))
        return routes_fault(r, "a route must begin with an address, a prefix such as 10.0.0.0/8, or `default`, not",
                            words[at == count ? 0 : at]);
    failed = r->entry.kind == ROUTE_VIA || word_is(words[0], "local") ? note_address(r, words, count) : 0;
    if (!failed) failed = note_own(r, words, count);
    if (failed) return failed;
    r->hops[0] = (struct route_hop){.weight = 1};
    for (unsigned i = at; i < count; i++) /* hops may be in the route's own line */
        if (word_is(words[i], "nexthop")) {
            failed = read_rest(r, words + at + 1, i - at - 1, &r->hops[0]);
            for (unsigned end; !failed && i < count; i = end) {
                for (end = i + 1; end < count && !word_is(words[end], "nexthop");) end++;
                failed = read_hop(r, words + i + 1, end - i - 1);
            }
            return failed;
        }
    failed = read_rest(r, words + at + 1, count - at - 1, &r->hops[0]);
    r->entry.hops = *r->hops[0].device != 0;
    return failed;
}

static int line_read(struct reading *r, char *line)
{
    char *words[WORDS_MOST], *save = NULL;
    unsigned count = 0;
    /* Remove the colours of `ip -color`: ESC [ NUMBERS m. */
    char *to = line;
    for (const char *at = line; *at; at++) {
        const size_t mark = at[0] == '\033' && at[1] == '[' ? 2 + strspn(at + 2, "0123456789;") : 0;
        if (mark && at[mark] == 'm')
            at += mark;
        else
            *to++ = *at;
    }
    *to = 0;
    for (char *at = strtok_r(line, " \t\r\n\\", &save); at; at = strtok_r(NULL, " \t\r\n\\", &save)) {
        if (count == WORDS_MOST) return routes_fault(r, "the line has more than 256 words", "");
        words[count++] = at;
    }
    if (!count || words[0][0] == '#') return 0;
    if (word_is(words[0], "nh_info")) return 0; /* `ip -details`: repeats a route by `nhid` */
    if (policy_begins(words[0])) {
        const int failed = close_route(r);
        return failed ? failed : policy_read(r, words, count);
    }
    r->in_rules = false;
    return word_is(words[0], "nexthop") ? read_hop(r, words + 1, count - 1) : read_route(r, words, count);
}

/* Cut the text into lines and read each. */
static int read_lines(struct reading *r, char *text)
{
    int failed = 0;
    r->line = 1;
    for (char *at = text, *next; *at && !failed; at = next, r->line++) {
        const size_t len = strcspn(at, "\n");
        next = at + len + (at[len] != 0);
        at[len] = 0;
        failed = len > LINE_MOST ? routes_fault(r, "the line has more than 4,096 bytes", "") : line_read(r, at);
        if (failed) return failed;
    }
    return close_route(r);
}

static int report_zero(struct reading *r, const char *text, const char *zero)
{
    r->line = 1;
    for (; text < zero; text++) r->line += *text == '\n';
    return routes_fault(r, "the line has a NUL byte, so the file isn't a text file", "");
}

static int file_read(struct reading *r, const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    char *text = fd < 0 ? NULL : read_whole(fd, FILE_MOST, &len);
    const char *zero = text ? memchr(text, 0, len) : NULL;
    int failed = -EINVAL;
    r->file = path;
    r->in_rules = false;
    if (!text)
        snprintf(r->err, r->err_len, "--routes: %.200s: %s", path, strerror(errno));
    else if (zero)
        failed = report_zero(r, text, zero);
    else
        failed = read_lines(r, text);
    r->file = NULL;
    free(text);
    if (fd >= 0) close(fd);
    return failed;
}

int known_routes_read(struct known_routes *k, const struct route_options *o, const struct program *p, char *err,
                      size_t err_len)
{
    struct reading *r = calloc(1, sizeof *r);
    int failed = r ? 0 : -ENOMEM;
    *k = (struct known_routes){0};
    if (!failed) r->err = err, r->err_len = err_len, r->list.seed = hash_pair(arc4random(), arc4random());
    if (!failed) r->addresses = &k->addresses;
    for (unsigned i = 0; !failed && i < o->files_count; i++) failed = file_read(r, o->files[i]);
    for (unsigned i = 0; !failed && i < o->written_count; i++) failed = read_written(r, p, o->written[i]);
    if (!failed) failed = policy_close(r);
    if (!failed && o->files_count + o->written_count) {
        k->table = route_list_table(&r->list);
        k->devices = k->table ? route_devices(k->table, p) : NULL;
        failed = k->devices ? addresses_settle(&k->addresses, p, o->files_count) : -ENOMEM;
    }
    for (uint32_t i = 0; !failed && k->table && i < k->table->size.devices; i++)
        k->devices[i].iface = addresses_iface(&k->addresses, k->table->devices[i].name, k->devices[i].iface);
    if (failed == -ENOMEM) snprintf(err, err_len, "out of memory");
    if (r) route_list_fini(&r->list);
    if (r) free(r->tables);
    free(r);
    return failed;
}

void known_routes_tell(struct known_routes *r, struct facts *facts, bool said)
{
    facts->routes = r->table;
    facts->devices = r->devices;
    facts->any_leg = true;
    addresses_tell(&r->addresses, facts, said);
}

void known_routes_fini(struct known_routes *r)
{
    routes_put(r->table);
    free(r->devices);
    addresses_fini(&r->addresses);
    *r = (struct known_routes){0};
}
