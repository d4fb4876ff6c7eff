/* The parent has the listening socket; the page's server requests the document */
#include "runtime/live/control/shown.h"

#include "runtime/base/complain.h"
#include "runtime/live/control/document/document.h"
#include "runtime/stats/web.h"

static struct web_seen document_seen(void *with)
{
    const struct document d = document_take(with);
    return (struct web_seen){d.number, d.root, d.text, d.len};
}

int shown_open(struct control *control)
{
    char err[500];
    struct web_cfg cfg = {.hosts = control->o->stats_hosts, .see = document_seen, .with = control};
    if (!control->o->stats) return 0;
    cfg.fd = control->handed_stats;
    control->handed_stats = -1;
    if (cfg.fd < 0 && ask_STATS(control->tell->channel, &cfg.fd, err, sizeof err)) return complain("--stats %s", err);
    control->web = web_new(&cfg);
    return control->web ? 0 : complain("--stats %s: out of memory or file descriptors", control->o->stats);
}

int shown_fd(const struct control *control) { return control->web ? web_fd(control->web) : -1; }

uint64_t shown_due_ns(const struct control *control, uint64_t now_ns)
{
    return control->web ? now_ns + (uint64_t)web_wait_ms(control->web, INT32_MAX) * 1000000 : UINT64_MAX;
}

void shown_step(struct control *control)
{
    if (control->web) web_step(control->web);
}
