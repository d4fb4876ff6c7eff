/* `drain`: a service takes no new connection, or takes them again. */
#include <stdio.h>
#include <string.h>

#include "runtime/live/control/questions.h"
#include "runtime/live/rules/byhand.h"

/* Write the names of services that can be drained, as many as fit. */
static void names(const struct ruling *r, char *text, size_t len)
{
    const struct program *p = r->program;
    const uint32_t count = p->past ? p->past->services : p->services_count;
    size_t used = 0;
    snprintf(text, len, "none");
    for (uint32_t i = 0; i < count; i++) {
        const char *name = label_service(&r->labels, i);
        if (!drained_can(p, i) || used + strlen(name) + 3 > len) continue;
        used += (size_t)snprintf(text + used, len - used, "%s%s", used ? ", " : "", name);
    }
}

static void say_drained(struct control *control, struct call *c, uint32_t service, bool off)
{
    const struct ruling *now = &control->carry->now;
    const char *name = label_service(&now->labels, service);
    char line[400];
    snprintf(line, sizeof line, "service %s: %s", name,
             off ? "it takes new connections" : "it drains; its connections continue until they end");
    events_tell(&control->tell->events, TOLD_HAND, "user %u has set %s", (unsigned)call_uid(c), line);
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "service", name);
    cJSON_AddBoolToObject(o, "drains", now->drains[service]);
    call_document(c, o);
    cJSON_Delete(o);
    call_end(c, 0, "%s", line);
}

void asked_DRAIN(void *with, struct call *c)
{
    struct control *control = with;
    const struct ruling *now = &control->carry->now;
    const char *name = call_text_of(c, "service");
    const uint32_t service = name ? drained_service(now, name) : PBC_NONE;
    const bool off = call_is_true(c, "off");
    char all[300];
    names(now, all, sizeof all);
    if (service == PBC_NONE || !drained_can(now->program, service))
        call_end(c, 2,
                 "%.200s: the running program has no service of this name that takes connections; you can drain these "
                 "services: %s",
                 name ? name : "", all);
    else if (drained_set(control->rules, service, off, call_uid(c)))
        call_end(c, 2, "out of memory: nothing has changed");
    else
        say_drained(control, c, service, off);
}
