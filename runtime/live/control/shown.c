#include "runtime/live/control/shown.h"

#include "runtime/live/control/document/document.h"
#include "runtime/stats/web.h"

static struct web_seen see(void *with)
{
    const struct document d = document_take(with);
    return (struct web_seen){d.number, d.root, d.text, d.len};
}

static bool is_loopback(const union options_address *at)
{
    if (at->any.sa_family == AF_INET6) return IN6_IS_ADDR_LOOPBACK(&at->in6.sin6_addr);
    return ntohl(at->in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

int shown_open(struct live *l)
{
    char err[500];
    struct web_cfg cfg = {.loopback = is_loopback(&l->o->stats_at), .see = see, .with = l};
    if (!l->o->stats) return 0;
    if (ask_stats(l->channel, &cfg.fd, err, sizeof err)) return complain("--stats %s", err);
    l->web = web_new(&cfg);
    return l->web ? 0 : complain("--stats %s: out of memory or descriptors", l->o->stats);
}

void shown_close(struct live *l) { web_free(l->web); }

int shown_fd(const struct live *l) { return l->web ? web_fd(l->web) : -1; }

int shown_wait_ms(const struct live *l, int most) { return l->web ? web_wait_ms(l->web, most) : most; }

void shown_step(struct live *l)
{
    if (l->web) web_step(l->web);
}
