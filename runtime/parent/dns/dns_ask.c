/* Questions: each name and family when it is due, a bounded number in parallel. All addresses of an answer count, or
 * none. */
#include <ares.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "runtime/base/clock.h"
#include "runtime/parent/dns/dns.h"
#include "runtime/parent/dns/dns_hosts.h"
#include "runtime/parent/dns/dns_ttl.h"

#define SECOND_NS UINT64_C(1000000000)
enum {
    AT_ONCE = 64,       /* questions that wait for an answer */
    TTL_LEAST = 5,      /* seconds: least time to live */
    TTL_MOST = 3600,    /* seconds: most time to live */
    NONE_S = 60,        /* seconds until a name without addresses is asked for again */
    FAILED_S = 5,       /* seconds until a failed question is asked again; they double each time */
    FAILED_MOST_S = 60, /* most seconds until then */
    TIMEOUT_MS = 1000,  /* time of the first question to a name server */
    TARGETS_MOST =
        256,         /* targets of a service: each is two questions, and they must not keep all other names waiting */
    TRIES = 3,       /* questions to each name server */
    DATAGRAM = 1232, /* bytes of an answer by UDP: RFC 9715, 3.2 */
    FOREVER_S = 365 * 24 * 3600 /* seconds for a name of hosts(5), which is not asked for */
};

struct target {
    uint32_t addr[4];
    struct dns_port at;
};

/* A service's records, while addresses of their targets are asked for. */
struct service {
    struct asked *q;
    uint32_t left; /* targets without an answer */
    uint32_t again_s;
    uint32_t count; /* length of `found`; more than DNS_ADDRESSES_MOST: too many */
    char why[84];   /* the first failure; "": none */
    struct target found[DNS_ADDRESSES_MOST];
};
struct record {
    struct service *of;
    struct dns_port at;
};

struct asked {
    struct dns *r;
    uint64_t due_ns;
    uint32_t name;
    uint32_t failed; /* failures in a row */
    uint8_t family;  /* 4 or 6 */
    bool waits;      /* the question waits for an answer */
};

struct dns {
    int fds[DNS_FDS];
    ares_channel channel;
    const struct dns_name *names;
    uint32_t count; /* length of `asked`: two for each name */
    uint32_t waits;
    uint64_t lives_ns;     /* time when the next sign of life is due */
    bool gone;             /* the service has ended */
    struct dns_told *told; /* room for one, DNS_TOLD_MOST bytes */
    struct asked asked[];
};

static void send_told(struct dns *r, size_t len)
{
    if (send(r->fds[DNS_TELLS], r->told, len, MSG_NOSIGNAL) < 0 && errno != EINTR) r->gone = true;
}

static void tell(struct asked *q)
{
    struct dns *r = q->r;
    struct dns_told *t = r->told;
    t->name = q->name;
    t->family = q->family;
    q->due_ns = clock_ns(CLOCK_MONOTONIC) + t->again_s * SECOND_NS;
    send_told(r, dns_told_size(t->count, dns_is_service(r->names[q->name].host)));
}

static void tell_failed(struct asked *q, const char *why)
{
    const uint32_t shift = q->failed < 8 ? q->failed++ : q->failed, wait = (uint32_t)FAILED_S << shift;
    *q->r->told = (struct dns_told){.how = DNS_FAILED, .again_s = wait < FAILED_MOST_S ? wait : FAILED_MOST_S};
    snprintf(q->r->told->why, sizeof q->r->told->why, "%s", why);
    tell(q);
}

static void tell_many(struct asked *q, const char *what, uint32_t count, const char *things, unsigned most)
{
    char many[64];
    snprintf(many, sizeof many, "the %s has %u %s, more than %u", what, count, things, most);
    tell_failed(q, many);
}

static void tell_none(struct asked *q, const char *why)
{
    q->failed = 0;
    *q->r->told = (struct dns_told){.how = DNS_ANSWERED, .again_s = NONE_S};
    snprintf(q->r->told->why, sizeof q->r->told->why, "%s", why);
    tell(q);
}

static int address_before(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    for (unsigned i = 0; i < 4; i++)
        if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
    return 0;
}

/* Report the first `count` addresses that were put into `told`. */
static void tell_addresses(struct asked *q, uint32_t count, uint32_t again_s)
{
    struct dns_told *t = q->r->told;
    uint32_t kept = 0;
    qsort(t->addr, count, sizeof t->addr[0], address_before);
    for (uint32_t i = 0; i < count; i++)
        if (!i || address_before(t->addr[i], t->addr[kept - 1]))
            memmove(t->addr[kept++], t->addr[i], sizeof t->addr[0]);
    q->failed = 0;
    *t = (struct dns_told){.how = DNS_ANSWERED, .count = (uint16_t)kept, .again_s = again_s};
    tell(q);
}

static void put_address(uint32_t to[4], uint8_t family, const void *from)
{
    uint8_t b[16] = {0};
    memcpy(b, from, family == 4 ? 4 : 16);
    for (unsigned i = 0; i < 4; i++)
        to[i] = (uint32_t)b[4 * i] << 24 | (uint32_t)b[4 * i + 1] << 16 | (uint32_t)b[4 * i + 2] << 8 | b[4 * i + 3];
}

static uint32_t ttl_least(uint32_t least, int ttl) { return ttl >= 0 && (uint32_t)ttl < least ? (uint32_t)ttl : least; }

/* Put an answer's addresses into `told`, and into *ttl its least time to live, that of aliases among them. Return
 * their number, even if it exceeds the room. */
static uint32_t put_answer(struct asked *q, const struct ares_addrinfo *found, uint32_t *ttl)
{
    const int family = q->family == 4 ? AF_INET : AF_INET6;
    uint32_t count = 0;
    *ttl = TTL_MOST;
    for (const struct ares_addrinfo_node *n = found->nodes; n; n = n->ai_next) {
        if (n->ai_family != family) continue;
        const void *addr = q->family == 4 ? (const void *)&((const struct sockaddr_in *)(void *)n->ai_addr)->sin_addr
                                          : &((const struct sockaddr_in6 *)(void *)n->ai_addr)->sin6_addr;
        if (count < DNS_ADDRESSES_MOST) put_address(q->r->told->addr[count], q->family, addr);
        count++;
        *ttl = ttl_least(*ttl, n->ai_ttl);
    }
    for (const struct ares_addrinfo_cname *c = found->cnames; c; c = c->next) *ttl = ttl_least(*ttl, c->ttl);
    if (*ttl < TTL_LEAST) *ttl = TTL_LEAST;
    return count;
}

static int place_before(const struct target *x, const struct target *y)
{
    const int order = address_before(x->addr, y->addr);
    return order ? order : (int)x->at.port - (int)y->at.port;
}

/* Order by place. The record that counts comes first at its place: the lowest priority, then the greatest weight. */
static int by_target(const void *a, const void *b)
{
    const struct target *x = a, *y = b;
    const int place = place_before(x, y), priority = (int)x->at.priority - (int)y->at.priority;
    return place ? place : priority ? priority : (int)y->at.weight - (int)x->at.weight;
}

/* Report a service's targets, once all have an answer. */
static void tell_service(struct service *s)
{
    struct dns_told *t = s->q->r->told;
    uint32_t kept = 0;
    if (*s->why) {
        tell_failed(s->q, s->why);
    } else if (s->count > DNS_ADDRESSES_MOST) {
        tell_failed(s->q, "its targets have too many addresses");
    } else if (!s->count) {
        tell_none(s->q, "no target has an address of this family");
    } else {
        qsort(s->found, s->count, sizeof s->found[0], by_target);
        for (uint32_t i = 0; i < s->count; i++)
            if (!i || place_before(&s->found[i], &s->found[kept - 1])) s->found[kept++] = s->found[i];
        *t = (struct dns_told){.how = DNS_ANSWERED, .count = (uint16_t)kept, .again_s = s->again_s};
        struct dns_port *at = (struct dns_port *)(void *)t->addr[kept];
        for (uint32_t i = 0; i < kept; i++) {
            memcpy(t->addr[i], s->found[i].addr, sizeof t->addr[0]);
            at[i] = s->found[i].at;
        }
        s->q->failed = 0;
        tell(s->q);
    }
    s->q->waits = false;
    s->q->r->waits--;
    free(s);
}

static void target_answered(void *with, int status, int timeouts, struct ares_addrinfo *found)
{
    struct record *record = with;
    struct service *s = record->of;
    const struct dns_port at = record->at;
    uint32_t ttl = TTL_MOST;
    (void)timeouts;
    free(record);
    const uint32_t count = status == ARES_SUCCESS ? put_answer(s->q, found, &ttl) : 0;
    if (status != ARES_SUCCESS && status != ARES_ENOTFOUND && status != ARES_ENODATA && !*s->why)
        snprintf(s->why, sizeof s->why, "%s", ares_strerror(status));
    for (uint32_t i = 0; i < count; i++, s->count++) {
        if (s->count >= DNS_ADDRESSES_MOST || i >= DNS_ADDRESSES_MOST) continue;
        memcpy(s->found[s->count].addr, s->q->r->told->addr[i], sizeof s->found[0].addr);
        s->found[s->count].at = at;
    }
    if (ttl < s->again_s) s->again_s = ttl;
    if (found) ares_freeaddrinfo(found);
    if (--s->left) return;
    if (status == ARES_EDESTRUCTION)
        free(s);
    else
        tell_service(s);
}

static void ask_host(struct asked *q, const char *host, ares_addrinfo_callback answer, void *with)
{
    const struct ares_addrinfo_hints hints = {.ai_family = q->family == 4 ? AF_INET : AF_INET6,
                                              .ai_flags = ARES_AI_NOSORT};
    char whole[NI_MAXHOST + 1]; /* with a dot at the end, so that no search domain is appended */
    snprintf(whole, sizeof whole, "%s.", host);
    ares_getaddrinfo(q->r->channel, whole, NULL, &hints, answer, with);
}

/* True unless the target is `.`, which means that the service does not exist (RFC 2782). */
static bool is_target(const struct ares_srv_reply *r) { return *r->host && strcmp(r->host, ".") != 0; }

static uint32_t targets_count(const struct ares_srv_reply *r)
{
    uint32_t count = 0;
    for (; r; r = r->next) count += is_target(r);
    return count;
}

/* Ask for the targets of a service's records, at most TARGETS_MOST, which live for ttl_s. False: out of memory. */
static bool ask_targets(struct asked *q, const struct ares_srv_reply *first, uint32_t ttl_s)
{
    struct service *s = calloc(1, sizeof *s);
    if (!s) return false;
    *s = (struct service){.q = q, .left = 1, .again_s = ttl_s < TTL_LEAST ? TTL_LEAST : ttl_s};
    for (const struct ares_srv_reply *r = first; r; r = r->next) {
        if (!is_target(r)) continue;
        struct record *record = malloc(sizeof *record);
        if (!record) {
            snprintf(s->why, sizeof s->why, "out of memory");
            break;
        }
        *record = (struct record){s, {r->port, r->weight, r->priority}};
        s->left++;
        ask_host(q, r->host, target_answered, record);
    }
    if (!--s->left) tell_service(s);
    return true;
}

static void records_answered(void *with, int status, int timeouts, unsigned char *bytes, int len)
{
    struct asked *q = with;
    struct ares_srv_reply *first = NULL;
    (void)timeouts;
    if (status == ARES_SUCCESS) status = ares_parse_srv_reply(bytes, len, &first);
    const int64_t ttl = status == ARES_SUCCESS ? srv_ttl(bytes, len, TTL_MOST) : TTL_MOST;
    if (ttl < 0) status = ARES_EBADRESP;
    const uint32_t targets = targets_count(first);
    if (status == ARES_SUCCESS && first && targets <= TARGETS_MOST && ask_targets(q, first, (uint32_t)ttl)) {
        ares_free_data(first);
        return;
    }
    q->waits = false;
    q->r->waits--;
    if (first) ares_free_data(first);
    if (status == ARES_EDESTRUCTION) return;
    if (status == ARES_ENOTFOUND || status == ARES_ENODATA)
        tell_none(q, "there is no such service");
    else if (targets > TARGETS_MOST)
        tell_many(q, "service", targets, "targets", TARGETS_MOST);
    else
        tell_failed(q, status == ARES_SUCCESS ? "out of memory" : ares_strerror(status));
}

static void answered(void *with, int status, int timeouts, struct ares_addrinfo *found)
{
    struct asked *q = with;
    uint32_t ttl;
    (void)timeouts;
    q->waits = false;
    q->r->waits--;
    if (status == ARES_EDESTRUCTION) return;
    const uint32_t count = status == ARES_SUCCESS ? put_answer(q, found, &ttl) : 0;
    if (status == ARES_ENOTFOUND) {
        tell_none(q, "there is no such name");
    } else if (status == ARES_ENODATA || (status == ARES_SUCCESS && !count)) {
        tell_none(q, "the name has no address of this family");
    } else if (status != ARES_SUCCESS) {
        tell_failed(q, ares_strerror(status));
    } else if (count > DNS_ADDRESSES_MOST) {
        tell_many(q, "answer", count, "addresses", DNS_ADDRESSES_MOST);
    } else {
        tell_addresses(q, count, ttl);
    }
    if (found) ares_freeaddrinfo(found);
}

static void ask(struct asked *q)
{
    const char *host = q->r->names[q->name].host;
    q->waits = true;
    q->r->waits++;
    q->due_ns = UINT64_MAX;
    if (dns_is_service(host))
        ares_query(q->r->channel, host, C_IN, T_SRV, records_answered, q);
    else
        ask_host(q, host, answered, q);
}

/* Ask the due questions, as many as may wait in parallel. Return the time of the next. */
static uint64_t ask_due(struct dns *r, uint64_t now_ns)
{
    uint64_t next_ns = UINT64_MAX;
    for (uint32_t i = 0; i < r->count && !r->gone; i++) {
        struct asked *q = &r->asked[i];
        if (!q->waits && q->due_ns <= now_ns && r->waits < AT_ONCE) ask(q);
        if (!q->waits && q->due_ns < next_ns) next_ns = q->due_ns;
    }
    return r->waits < AT_ONCE ? next_ns
                              : UINT64_MAX; /* the next question waits until an answer comes or a question times out */
}

/* Report the addresses that hosts(5) gives a name, which is then not asked for in either family. Return the lines
 * after the name's own. */
static const struct host_line *tell_hosts(struct dns *r, uint32_t name, const struct host_line *at,
                                          const struct host_line *end)
{
    for (struct asked *q = &r->asked[2 * name]; q < &r->asked[2 * name + 2]; q++) {
        uint32_t count = 0;
        for (; at < end && at->name == name && at->family == q->family; at++, count++)
            if (count < DNS_ADDRESSES_MOST) memcpy(r->told->addr[count], at->addr, sizeof at->addr);
        if (count <= DNS_ADDRESSES_MOST)
            tell_addresses(q, count, FOREVER_S);
        else
            tell_many(q, "file hosts(5)", count, "addresses", DNS_ADDRESSES_MOST);
        q->due_ns = UINT64_MAX;
    }
    return at;
}

/* Report the answers of hosts(5) for all names. False if memory ran out. */
static bool read_hosts(struct dns *r)
{
    uint32_t found;
    FILE *file = fopen("/etc/hosts", "re");
    if (!file) return true;
    struct host_line *const lines = hosts_read(file, r->names, r->count / 2, &found);
    fclose(file);
    const struct host_line *at = lines;
    while (lines && at < lines + found && !r->gone) at = tell_hosts(r, at->name, at, lines + found);
    free(lines);
    return lines;
}

struct dns *dns_new(const int fds[DNS_FDS], const struct dns_name names[], uint32_t count)
{
    struct ares_options options = {.flags = ARES_FLAG_EDNS | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
                                   .timeout = TIMEOUT_MS,
                                   .tries = TRIES,
                                   .ednspsz = DATAGRAM,
                                   .lookups = (char[]){"b"}};
    const int given = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ | ARES_OPT_LOOKUPS;
    struct dns *r = calloc(1, sizeof *r + 2 * (size_t)count * sizeof r->asked[0]);
    if (!r || ares_library_init(ARES_LIB_INIT_ALL) || ares_init_options(&r->channel, &options, given)) return NULL;
    memcpy(r->fds, fds, sizeof r->fds);
    r->names = names;
    r->count = 2 * count;
    r->told = malloc(DNS_TOLD_MOST);
    if (!r->told) return NULL;
    for (uint32_t i = 0; i < r->count; i++)
        r->asked[i] = (struct asked){.r = r, .name = i / 2, .family = i % 2 ? 6 : 4};
    return read_hosts(r) ? r : NULL;
}

/* Wait for answers, the next question, or the service's end. */
static void dns_wait(struct dns *r, uint64_t next_ns)
{
    ares_socket_t socks[ARES_GETSOCK_MAXNUM];
    struct pollfd fds[DNS_FDS + ARES_GETSOCK_MAXNUM];
    const uint32_t bits = (uint32_t)ares_getsock(r->channel, socks, ARES_GETSOCK_MAXNUM);
    nfds_t n = 0;
    for (; n < DNS_FDS; n++) fds[n] = (struct pollfd){.fd = r->fds[n], .events = POLLIN};
    for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
        /* The bits of ARES_GETSOCK_READABLE and _WRITABLE, which shift into the sign of an int */
        const bool reads = bits >> i & 1, writes = bits >> (i + ARES_GETSOCK_MAXNUM) & 1;
        const short events = (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0));
        if (events) fds[n++] = (struct pollfd){.fd = socks[i], .events = events};
    }
    struct timeval room, most = {.tv_sec = 60};
    const struct timeval *left = ares_timeout(r->channel, &most, &room);
    const uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
    const uint64_t ares_ns = now_ns + (uint64_t)left->tv_sec * SECOND_NS + (uint64_t)left->tv_usec * 1000;
    poll(fds, n, clock_wait_ms(next_ns < ares_ns ? next_ns : ares_ns, now_ns, 60000));
    for (nfds_t i = 0; i < DNS_FDS; i++) r->gone |= fds[i].revents != 0;
    for (nfds_t i = DNS_FDS; i < n; i++)
        if (fds[i].revents)
            ares_process_fd(r->channel, fds[i].revents & ~POLLOUT ? fds[i].fd : ARES_SOCKET_BAD,
                            fds[i].revents & POLLOUT ? fds[i].fd : ARES_SOCKET_BAD);
    ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* questions that timed out */
}

static void tell_life(struct dns *r, uint64_t now_ns)
{
    if (now_ns < r->lives_ns) return;
    r->lives_ns = now_ns + DNS_LIVES_S * SECOND_NS;
    *r->told = (struct dns_told){.family = 4, .how = DNS_LIVES};
    send_told(r, dns_told_size(0, false));
}

void dns_run(struct dns *r)
{
    while (!r->gone) {
        const uint64_t now_ns = clock_ns(CLOCK_MONOTONIC), next_ns = ask_due(r, now_ns);
        tell_life(r, now_ns);
        if (!r->gone) dns_wait(r, next_ns < r->lives_ns ? next_ns : r->lives_ns);
    }
}
