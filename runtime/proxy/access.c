/* Fills in the entry's fields from the session and the program; the service sets the line's form */
#include "runtime/proxy/access.h"

#include <string.h>
#include <time.h>

#include "runtime/base/clock.h"

bool access_wanted(const struct session *s)
{
    return proxy_says(s->proxy, s->service)->flags & (PBC_PROXY_LOG_COMMON | PBC_PROXY_LOG_JSON | PBC_PROXY_LOG_SYSLOG);
}

void access_write_line(struct session *s, struct log_entry *e, uint64_t begun_ns)
{
    const struct program *p = s->proxy->program;
    const struct pbc_proxy *says = proxy_says(s->proxy, s->service);
    const struct pbc_server *server = s->chosen == PBC_NONE ? NULL : &p->servers[s->chosen];
    const struct stream_addr client = session_client(s);
    char address[LOG_ADDRESS_MAX], target[LOG_TARGET_MAX], line[LOG_LINE_MAX];
    log_address(address, &client);
    e->took_ns = s->proxy->loop.now_ns - begun_ns;
    e->at_ns = clock_ns(CLOCK_REALTIME) - e->took_ns;
    e->client = (struct view){.at = (const uint8_t *)address, .len = (uint32_t)strlen(address)};
    e->port = client.port;
    e->service = program_str(p, p->services[s->service].name);
    e->pool = server ? program_str(p, p->pools[server->pool].name) : NULL;
    e->server = server ? program_str(p, server->name) : NULL;
    const struct stream_addr original =
        session_service(s); /* the service of an inline connection may have many addresses */
    if (s->target.port || s->inlined) e->target = log_target(target, s->target.port ? &s->target : &original);
    const size_t len = says->flags & PBC_PROXY_LOG_JSON ? log_json(line, e) : log_common(line, e);
    const char *path = says->flags & PBC_PROXY_LOG_SYSLOG ? "syslog" : program_str(p, says->log_file);
    proxy_log(s->proxy, path, line, (uint32_t)len);
}
