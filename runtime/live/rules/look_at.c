#include "runtime/live/rules/look_at.h"

#include <unistd.h>

#include "runtime/host/guard/program/narrowed.h"
#include "runtime/live/carry/copies/copied.h"
#include "runtime/live/carry/enforce.h"
#include "runtime/live/carry/proxy/proxied.h"
#include "runtime/live/carry/way.h"
#include "runtime/live/rules/room.h"
#include "runtime/schedule/schedule.h"

/* Refuse a bridge whose firewalls have no `forward` rules: it would let all through and seem to judge it. */
static bool judges_bridge(const struct rules *rules, const struct program *p, char *why, size_t len)
{
    bool judges = !p->firewalls_count || !rules->o->bridge_count;
    for (uint32_t i = 0; i < p->firewalls_count; i++) judges |= firewall_judges(&p->firewalls[i], PBC_DIR_FORWARD);
    if (judges) return true;
    snprintf(why, len,
             "--bridge: frames that cross are judged by `forward` rules, and `%.60s` has none; this judges them: "
             "firewall %.60s forward",
             program_str(p, p->firewalls[0].name), program_str(p, p->firewalls[0].name));
    return false;
}

bool look_at_program(const struct rules *rules, const struct program *p, const char *name, bool again, char *why,
                     size_t len)
{
    const char *zone = schedules_unknown_zone(p);
    if (!zone)
        return proxied_runs(p, why, len) && way_look_at(rules->carry, p, why, len) &&
               judges_bridge(rules, p, why, len) && copied_look(rules->carry, p, why, len) &&
               narrowed_fits(p, rules->carry->in_kernel, why, len) && (again || enforce_all(rules->carry, p, why, len));
    snprintf(why, len, "%.200s: this machine does not know the time zone `%s`; this mends it: apt-get install tzdata",
             name, zone);
    return false;
}

struct program *look_again(const struct rules *rules, char *err, size_t err_len)
{
    int fd;
    if (ask_RULES(rules->tell->channel, &fd, err, err_len)) return NULL;
    struct program *p = program_load_open(fd, rules->o->program, err, err_len);
    close(fd);
    if (p) room_bound(rules, p);
    return p;
}
