/* The resolver looks up names in the order of their list, which has each name once. After a reload, the new list keeps
 * the results of names that the old list also had, and the resolver begins again with the new list. */
#include "runtime/live/rules/names/names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/live/carry/carry_state.h"
#include "runtime/live/tell/tell_state.h"
#include "runtime/parent/ask.h"
#include "runtime/report/text.h"

#define SECOND_NS UINT64_C(1000000000)
enum {
    LOOK_S = 5, /* seconds between looks at the resolver's files, and until a resolver that ended is started again */
    QUIET_MOST = 30, /* seconds without a sign of life after which the resolver is killed */
    A_TURN = 256     /* datagrams read per turn, because a resolver that never stops must not hold up the main thread */
};

struct names {
    uint64_t program; /* serial of the program whose names these are; 0: none yet */
    struct host_name *of;
    uint32_t count;
    uint64_t heard; /* number of changes of names or of addresses */
    int fd;         /* socket to the resolver; -1 without one */
    uint64_t files; /* mark of the resolver's files as it read them (dns_files) */
    uint64_t look_ns;
    unsigned quiet;      /* seconds since the resolver's last datagram */
    unsigned left;       /* datagrams that may still be read in this turn */
    uint32_t (*was)[4];  /* addresses before the current change; owned */
    uint32_t failed;     /* names that have failed since the last report */
    char first[160];     /* the first of these, and why */
    bool failing;        /* names without an answer were reported */
    char unstarted[200]; /* reported line about a resolver that could not be started; "": none */
    union {
        struct dns_told told;
        uint8_t bytes[DNS_TOLD_MOST];
    } message;
};

static int by_host(const void *a, const void *b)
{
    const struct host_name *x = a, *y = b;
    return strcmp(x->host, y->host);
}

static void host_fini(struct host_name *h)
{
    for (unsigned v6 = 0; v6 < 2; v6++) {
        free(h->of[v6].addr);
        free(h->of[v6].at);
    }
    free((char *)(uintptr_t)h->host);
}

static void list_fini(struct host_name *of, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) host_fini(&of[i]);
    free(of);
}

/* Return the number of names that a program has, counting duplicates. */
static uint64_t names_wanted(const struct program *p)
{
    uint64_t most = p->named_count;
    for (uint32_t i = 0; i < p->lives_count; i++)
        if (p->lives[i].names) most += p->names[p->lives[i].names - 1].count;
    return most;
}

static uint32_t names_most(const struct program *p)
{
    const uint64_t wanted = names_wanted(p);
    return wanted < DNS_NAMES_MOST ? (uint32_t)wanted : DNS_NAMES_MOST;
}

/* Copy the names of a program's sets and servers, at most `most`. Return their number. */
static uint32_t names_copy(const struct program *p, uint32_t most, struct host_name *of)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->named_count && n < most; i++) of[n++].host = strdup(program_str(p, p->named[i].host));
    for (uint32_t i = 0; i < p->lives_count; i++) {
        const struct pbc_names *l = p->lives[i].names ? &p->names[p->lives[i].names - 1] : NULL;
        for (uint32_t k = 0; l && k < l->count && n < most; k++)
            of[n++].host = strdup(program_str(p, p->hosts[l->first + k]));
    }
    return n;
}

/* List a program's names in order, each once. NULL: out of memory. */
static struct host_name *list_of(const struct program *p, uint32_t *count)
{
    const uint32_t most = names_most(p);
    struct host_name *of = calloc(most + (size_t)1, sizeof *of);
    uint32_t n = of ? names_copy(p, most, of) : 0, kept = 0;
    bool whole = of;
    for (uint32_t i = 0; i < n; i++) whole &= of[i].host != NULL;
    if (!whole) {
        if (of) list_fini(of, n);
        return NULL;
    }
    qsort(of, n, sizeof *of, by_host);
    for (uint32_t i = 0; i < n; i++)
        if (kept && !strcmp(of[kept - 1].host, of[i].host))
            host_fini(&of[i]);
        else
            of[kept++] = of[i];
    *count = kept;
    return of;
}

bool names_each(const struct program *p, void (*each)(void *arg, const char *host), void *arg)
{
    uint32_t count = 0;
    struct host_name *of = list_of(p, &count);
    if (!of) return false;
    for (uint32_t i = 0; i < count; i++) each(arg, of[i].host);
    list_fini(of, count);
    return true;
}

static struct host_name *find(const struct names *n, const char *host)
{
    const struct host_name key = {.host = host};
    return n && n->count ? bsearch(&key, n->of, n->count, sizeof *n->of, by_host) : NULL;
}

const struct host_name *names_find(const struct rules *rules, const char *host) { return find(rules->names, host); }

uint64_t names_heard(const struct rules *rules) { return rules->names ? rules->names->heard : 0; }

int names_fd(const struct rules *rules) { return rules->names ? rules->names->fd : -1; }

void names_fault(const struct rules *rules, char *text, size_t len)
{
    const struct names *n = rules->names;
    *text = 0;
    if (!n || !n->count || n->fd >= 0) return;
    if (*n->unstarted)
        snprintf(text, len, "no process that looks up names could be started: %s", n->unstarted);
    else
        snprintf(text, len, "the process that looks up names has ended, and prey starts another one");
}

static void resolver_end(struct names *n)
{
    if (n->fd >= 0) close(n->fd);
    n->fd = -1;
}

static struct dns_name *asked_names(const struct names *n)
{
    struct dns_name *all = calloc(n->count, sizeof *all);
    for (uint32_t i = 0; all && i < n->count; i++) snprintf(all[i].host, sizeof all[i].host, "%s", n->of[i].host);
    return all;
}

static void resolver_begin(struct rules *rules, uint64_t now_ns)
{
    struct names *n = rules->names;
    char err[160] = "out of memory";
    n->look_ns = now_ns + LOOK_S * SECOND_NS;
    n->quiet = 0;
    resolver_end(n);
    if (!n->count) return;
    struct dns_name *all = asked_names(n);
    const int failed = all ? ask_DNS_FILES(rules->tell->channel, &n->files, err, sizeof err) : -ENOMEM;
    if (!failed && ask_DNS(rules->tell->channel, all, n->count, &n->fd, err, sizeof err) < 0) n->fd = -1;
    free(all);
    if (n->fd >= 0) {
        *n->unstarted = 0;
        return;
    }
    if (strcmp(n->unstarted, err) != 0)
        events_tell(&rules->tell->events, TOLD_NAMES, "the process that looks up names couldn't be started: %s", err);
    snprintf(n->unstarted, sizeof n->unstarted, "%s", err);
}

void names_follow(struct rules *rules, uint64_t now_ns)
{
    const struct program *p = rules->carry->now.program;
    struct names *n = rules->names;
    uint32_t count;
    if (n) n->left = A_TURN;
    if (n ? n->program == p->serial : !names_most(p)) return;
    if (!n) {
        n = rules->names = calloc(1, sizeof *n);
        if (!n) return; /* the next turn tries again */
        n->fd = -1;
    }
    struct host_name *of = list_of(p, &count);
    if (!of) return;
    bool same = count == n->count;
    for (uint32_t i = 0; i < count; i++) {
        struct host_name *known = find(n, of[i].host);
        same = same && known == &n->of[i];
        if (!known) continue;
        memcpy(of[i].of, known->of, sizeof of[i].of);
        memset(known->of, 0, sizeof known->of);
        of[i].told_none = known->told_none;
    }
    list_fini(n->of, n->count);
    n->of = of;
    n->count = count;
    n->program = p->serial;
    n->heard++;
    if (!same) resolver_begin(rules, now_ns);
    if (names_wanted(p) > DNS_NAMES_MOST)
        events_tell(&rules->tell->events, TOLD_NAMES, "prey looks up only the first %u of %llu names", DNS_NAMES_MOST,
                    (unsigned long long)names_wanted(p));
}

/* Keep a failure for this second's line. */
static void fail(struct names *n, const struct host_name *h, struct host_addresses *a, const char *why)
{
    if (!*a->fault && !n->failed++) snprintf(n->first, sizeof n->first, "%.60s: %s", h->host, why);
    snprintf(a->fault, sizeof a->fault, "%s", why);
}

/* Return the ports that follow the addresses of a service; NULL: the name is a host. */
static const struct dns_port *ports_of(const struct host_name *h, const struct dns_told *t)
{
    return dns_is_service(h->host) ? (const struct dns_port *)(const void *)t->addr[t->count] : NULL;
}

static bool addresses_equal(const struct host_addresses *a, const struct dns_told *t, const struct dns_port *at)
{
    return a->known && a->count == t->count &&
           (!t->count || (!memcmp(a->addr, t->addr, t->count * sizeof t->addr[0]) &&
                          (!at || !memcmp(a->at, at, t->count * sizeof *at))));
}

/* Take an answer. True: the addresses have changed. */
static bool take(struct names *n, const struct dns_told *t, struct name_change *change)
{
    struct host_name *h = &n->of[t->name];
    struct host_addresses *a = &h->of[t->family == 6];
    if (t->how == DNS_FAILED) {
        fail(n, h, a, t->why);
        return false;
    }
    *a->fault = 0;
    a->answered_ns = clock_ns(CLOCK_REALTIME);
    snprintf(a->none, sizeof a->none, "%s", t->count ? "" : t->why);
    const struct dns_port *at = ports_of(h, t);
    if (addresses_equal(a, t, at)) return false;
    uint32_t(*fresh)[4] = malloc((t->count + (size_t)1) * sizeof *fresh);
    struct dns_port *ports = at ? malloc((t->count + (size_t)1) * sizeof *ports) : NULL;
    if (!fresh || (at && !ports)) {
        free(fresh);
        free(ports);
        fail(n, h, a, "out of memory");
        return false;
    }
    if (at) memcpy(ports, at, t->count * sizeof *ports);
    free(a->at);
    a->at = ports;
    if (t->count) memcpy(fresh, t->addr, t->count * sizeof *fresh);
    free(n->was);
    n->was = a->addr;
    *change = (struct name_change){.name = h, .v6 = t->family == 6, .was = a->addr, .was_count = a->count};
    a->addr = fresh;
    a->count = t->count;
    a->known = true;
    n->heard++;
    return true;
}

/* True if the datagram has the form that a resolver writes. */
static bool is_sound(const struct names *n, ssize_t len)
{
    const struct dns_told *t = &n->message.told;
    return len >= (ssize_t)sizeof *t && t->name < n->count &&
           dns_told_is_sound(t, (size_t)len, dns_is_service(n->of[t->name].host));
}

bool names_next(struct rules *rules, struct name_change *change)
{
    struct names *n = rules->names;
    for (; n && n->fd >= 0 && n->left; n->left--) {
        const ssize_t len = recv(n->fd, &n->message, sizeof n->message, MSG_DONTWAIT | MSG_TRUNC);
        if (len < 0 && (errno == EAGAIN || errno == EINTR)) return false;
        if (!is_sound(n, len)) {
            resolver_end(n); /* names_tick starts another one */
            events_tell(&rules->tell->events, TOLD_NAMES, "the process that looks up names %s; preyrun starts another",
                        len > 0 ? "sent an invalid message and was ended" : "has ended");
            return false;
        }
        n->quiet = 0;
        if (n->message.told.how == DNS_LIVES || !take(n, &n->message.told, change)) continue;
        n->left--;
        return true;
    }
    return false;
}

const char *name_none(const struct host_name *h)
{
    const struct host_addresses *v4 = &h->of[0], *v6 = &h->of[1];
    return v4->known && v6->known && !v4->count && !v6->count ? *v4->none ? v4->none : v6->none : NULL;
}

/* Report names without an address that had one, or were unknown, at the last call: a misspelt name would leave a set
 * empty. */
static void tell_none(struct rules *rules)
{
    struct names *n = rules->names;
    const struct host_name *first = NULL;
    char others[40] = "";
    uint32_t count = 0;
    for (uint32_t i = 0; i < n->count; i++) {
        struct host_name *h = &n->of[i];
        const bool none = name_none(h);
        if (none && !h->told_none && !count++) first = h;
        h->told_none = none;
    }
    if (!count) return;
    if (count > 1) snprintf(others, sizeof others, " (and %u other name%s)", count - 1, text_plural(count - 1));
    events_tell(&rules->tell->events, TOLD_NAMES, "%.200s has no address%s: %s", first->host, others, name_none(first));
}

static bool any_fails(const struct names *n)
{
    for (uint32_t i = 0; i < n->count; i++)
        if (*n->of[i].of[0].fault || *n->of[i].of[1].fault) return true;
    return false;
}

static void tell_failures(struct rules *rules)
{
    struct names *n = rules->names;
    char others[40] = "";
    if (n->failed) {
        if (n->failed > 1)
            snprintf(others, sizeof others, " (and %u other question%s)", n->failed - 1, text_plural(n->failed - 1));
        events_tell(&rules->tell->events, TOLD_NAMES, "%s%s; known addresses stay", n->first, others);
        n->failed = 0;
        n->failing = true;
    } else if (n->failing && !any_fails(n)) {
        events_tell(&rules->tell->events, TOLD_NAMES, "all names have answers again");
        n->failing = false;
    }
}

void names_tick(struct rules *rules, uint64_t now_ns)
{
    struct names *n = rules->names;
    uint64_t files;
    char err[160];
    if (!n || !n->count) return;
    tell_failures(rules);
    tell_none(rules);
    if (n->fd >= 0 && ++n->quiet > QUIET_MOST) {
        resolver_end(n);
        events_tell(&rules->tell->events, TOLD_NAMES,
                    "the process that looks up names has shown no sign of life for %u seconds; prey kills it and "
                    "starts another one",
                    QUIET_MOST);
    }
    if (now_ns < n->look_ns) return;
    n->look_ns = now_ns + LOOK_S * SECOND_NS;
    const bool changed = !ask_DNS_FILES(rules->tell->channel, &files, err, sizeof err) && files != n->files;
    if (n->fd < 0 || changed) resolver_begin(rules, now_ns);
}

void names_end(struct rules *rules)
{
    struct names *n = rules->names;
    if (!n) return;
    resolver_end(n);
    list_fini(n->of, n->count);
    free(n->was);
    free(n);
    rules->names = NULL;
}
