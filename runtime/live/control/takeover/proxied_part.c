/* One message per descriptor, requested once this process may have that many. Received data is hostile. */
#include "runtime/live/control/takeover/proxied_part.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/grown.h"
#include "runtime/live/carry/proxy/inline_stack.h"
#include "runtime/live/carry/proxy/listeners.h"
#include "runtime/live/carry/proxy/taken.h"
#include "runtime/live/control/control_state.h"
#include "runtime/live/control/takeover/before.h"
#include "runtime/parent/between/channel.h"

const char *proxied_part_lacks(const struct control *control)
{
    const struct carry *carry = control->carry;
    if (inline_stack_stays(carry)) return inline_stack_stays(carry);
    if (before_count(control->before) >= HANDOFF_BEFORE_MOST)
        return "16 previous processes still serve their connections: run the command again when one has ended (preyctl "
               "status), or "
               "limit them with --takeover-drain";
    return NULL;
}

/* ---- the side that runs ---- */

static int count_one(void *with, unsigned worker, const struct proxy_listen *l)
{
    uint32_t *n = with;
    ++*n;
    return 0;
}

struct way_out {
    int fd;
    uint64_t deadline;
};

static int say_one(void *with, unsigned worker, const struct proxy_listen *l)
{
    const struct way_out *to = with;
    struct handoff_listener m = {.worker = worker, .v6 = l->at.v6, .port = l->at.port};
    memcpy(m.addr, l->at.addr, sizeof m.addr);
    return message_send(to->fd, &m, sizeof m, &l->fd, 1, to->deadline);
}

int proxied_part_say(const struct control *control, int fd, uint64_t deadline)
{
    struct way_out to = {fd, deadline};
    struct handoff_parts parts = {.before = before_count(control->before)};
    taken_listeners(control->carry, count_one, &parts.listeners);
    int failed = message_send(fd, &parts, sizeof parts, NULL, 0, deadline);
    if (!failed) failed = taken_listeners(control->carry, say_one, &to);
    for (unsigned i = 0; i < before_count(control->before) && !failed; i++) {
        struct handoff_before m;
        const int link = before_link(control->before, i, &m.process, &m.sessions);
        failed = message_send(fd, &m, sizeof m, &link, 1, deadline);
    }
    return failed;
}

/* ---- the side that takes over ---- */

static int hear_one(int fd, void *m, size_t len, int *got)
{
    unsigned count = 0;
    const int failed = message_receive(fd, m, len, got, 1, &count, channel_until(HANDOFF_PATIENCE_NS));
    if (failed && count) close(*got);
    return failed ? failed : count ? 0 : -EPROTO;
}

static bool is_sound(const struct handoff_listener *m, const struct listener_handed *one)
{
    return m->worker < WORKERS_MOST && m->v6 <= 1 && m->port && m->port <= UINT16_MAX &&
           listener_is_at(one->at.fd, &one->at.at);
}

static int hear_listener(int fd, struct listeners_handed *h)
{
    struct handoff_listener m;
    int got;
    if (!grow(&h->all, h->count, &h->room, 16, sizeof *h->all)) return -ENOMEM;
    const int failed = hear_one(fd, &m, sizeof m, &got);
    if (failed) return failed;
    struct listener_handed *one = &h->all[h->count++];
    *one =
        (struct listener_handed){.at = {.at = {.port = (uint16_t)m.port, .v6 = m.v6}, .fd = got}, .worker = m.worker};
    memcpy(one->at.at.addr, m.addr, sizeof m.addr);
    return is_sound(&m, one) ? 0 : -EPROTO;
}

static int hear_before(int fd, struct before *before)
{
    struct handoff_before m;
    int got;
    const int failed = hear_one(fd, &m, sizeof m, &got);
    return failed ? failed : before_add(before, got, m.process, m.sessions);
}

int proxied_part_hear(int fd, struct listeners_handed **listeners, struct before *before)
{
    struct handoff_parts parts = {0};
    unsigned none;
    const uint32_t word = HANDOFF_PARTS;
    *listeners = calloc(1, sizeof **listeners);
    int failed =
        *listeners ? message_send(fd, &word, sizeof word, NULL, 0, channel_until(HANDOFF_PATIENCE_NS)) : -ENOMEM;
    if (!failed) failed = message_receive(fd, &parts, sizeof parts, NULL, 0, &none, channel_until(HANDOFF_PATIENCE_NS));
    if (!failed && (parts.listeners > HANDOFF_LISTENERS_MOST || parts.before >= HANDOFF_BEFORE_MOST)) failed = -EPROTO;
    for (uint32_t i = 0; i < parts.listeners && !failed; i++) failed = hear_listener(fd, *listeners);
    for (uint32_t i = 0; i < parts.before && !failed; i++) failed = hear_before(fd, before);
    return failed;
}
