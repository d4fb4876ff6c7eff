/* Addresses of this machine: parsed, sorted and without duplicates, as the vm searches them. */
#include "runtime/base/self.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare4(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int compare6(const void *a, const void *b)
{
    const struct pbc_range6 *x = a, *y = b;
    if (x->lo_hi != y->lo_hi) return x->lo_hi > y->lo_hi ? 1 : -1;
    return (x->lo_lo > y->lo_lo) - (x->lo_lo < y->lo_lo);
}

unsigned source_preference(const struct source_candidate *c)
{
    if (!c->wide && !c->here) return 0;
    return 1u + (c->wide ? 8 : 0) + (c->here ? 4 : 0) + (c->deprecated ? 0 : 2) + (c->secondary ? 0 : 1);
}

static uint64_t be64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return be64toh(v);
}

int self_put4(struct self *s, uint32_t first, uint32_t count)
{
    uint32_t *more = reallocarray(s->v4, s->v4_count + (size_t)count, sizeof *more);
    if (!more) return -ENOMEM;
    s->v4 = more;
    for (uint32_t i = 0; i < count; i++) more[s->v4_count++] = first + i;
    return 0;
}

int self_put6(struct self *s, const struct pbc_range6 *range)
{
    struct pbc_range6 *more = reallocarray(s->v6, s->v6_count + 1, sizeof *more);
    if (!more) return -ENOMEM;
    s->v6 = more;
    more[s->v6_count++] = *range;
    return 0;
}

static int add4(struct self *s, const struct in_addr *a)
{
    if (!s->first4) s->first4 = ntohl(a->s_addr);
    return self_put4(s, ntohl(a->s_addr), 1);
}

static int add6(struct self *s, const struct in6_addr *a)
{
    const uint64_t hi = be64(a->s6_addr), lo = be64(a->s6_addr + 8);
    if (!s->v6_count)
        for (unsigned i = 0; i < 4; i++) s->first6[i] = ntohl(a->s6_addr32[i]);
    return self_put6(s, &(struct pbc_range6){.lo_hi = hi, .lo_lo = lo, .hi_hi = hi, .hi_lo = lo});
}

static int add_one(struct self *s, const char *text, size_t len, char *err, size_t err_len)
{
    char buf[INET6_ADDRSTRLEN];
    struct in_addr a4;
    struct in6_addr a6;
    int failed = -EINVAL;
    if (len < sizeof buf) {
        memcpy(buf, text, len);
        buf[len] = 0;
        if (inet_pton(AF_INET, buf, &a4) == 1)
            failed = add4(s, &a4);
        else if (inet_pton(AF_INET6, buf, &a6) == 1)
            failed = add6(s, &a6);
    }
    if (failed == -EINVAL)
        snprintf(err, err_len, "`%.*s` isn't an IPv4 or IPv6 address", (int)(len < 60 ? len : 60), text);
    if (failed == -ENOMEM) snprintf(err, err_len, "out of memory");
    return failed;
}

static bool inside(const struct pbc_range6 *in, const struct pbc_range6 *outer)
{
    return outer->hi_hi > in->hi_hi || (outer->hi_hi == in->hi_hi && outer->hi_lo >= in->hi_lo);
}

void self_sort(struct self *s)
{
    unsigned kept = 0;
    if (s->v4_count) qsort(s->v4, s->v4_count, sizeof *s->v4, compare4);
    for (unsigned i = 0; i < s->v4_count; i++)
        if (!kept || s->v4[kept - 1] != s->v4[i]) s->v4[kept++] = s->v4[i];
    s->v4_count = kept;
    kept = 0;
    if (s->v6_count) qsort(s->v6, s->v6_count, sizeof *s->v6, compare6);
    for (unsigned i = 0; i < s->v6_count; i++) {
        struct pbc_range6 *last = kept ? &s->v6[kept - 1] : NULL;
        if (last && inside(&s->v6[i], last)) continue;
        if (last && !compare6(last, &s->v6[i]))
            *last = s->v6[i];
        else
            s->v6[kept++] = s->v6[i];
    }
    s->v6_count = kept;
}

int self_add(struct self *s, const char *list, char *err, size_t err_len)
{
    for (const char *at = list;; at++) {
        const size_t len = strcspn(at, ",");
        const int failed = add_one(s, at, len, err, err_len);
        if (failed) return failed;
        at += len;
        if (!*at) break;
    }
    self_sort(s);
    return 0;
}

int self_add_facts(struct self *s, const struct facts *f)
{
    int failed = 0;
    for (unsigned i = 0; i < f->self4_count && !failed; i++) failed = self_put4(s, f->self4[i], 1);
    for (unsigned i = 0; i < f->self6_count && !failed; i++) failed = self_put6(s, &f->self6[i]);
    if (failed) return failed;
    self_sort(s);
    if (!s->first4) s->first4 = f->addr4;
    if (!(s->first6[0] | s->first6[1] | s->first6[2] | s->first6[3])) memcpy(s->first6, f->addr6, sizeof s->first6);
    return 0;
}

struct facts self_facts(const struct self *s)
{
    struct facts f = {
        .self4 = s->v4, .self4_count = s->v4_count, .self6 = s->v6, .self6_count = s->v6_count, .addr4 = s->first4};
    memcpy(f.addr6, s->first6, sizeof f.addr6);
    return f;
}

void self_fini(struct self *s)
{
    free(s->v4);
    free(s->v6);
    *s = (struct self){0};
}
