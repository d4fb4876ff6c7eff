/* See reading.h. */
#include "compiler/traffic/reading.h"

#include <stdio.h>
#include <string.h>

#include "compiler/say.h"

int reading_open(struct reading *r, const struct traffic *t)
{
    char err[600];

    *r = (struct reading){.options = {.json = t->json, .on = t->on, .mtu = 1500}};
    for (unsigned i = 0; i < t->pcap_count; i++) r->options.pcaps[r->options.pcap_count++] = t->pcaps[i];
    for (unsigned i = 0; i < t->map_count; i++) r->options.maps[r->options.map_count++] = t->maps[i];
    for (unsigned i = 0; i < t->self_count; i++)
        if (self_add(&r->options.self, t->selves[i], err, sizeof(err)) < 0) {
            say(stderr, "preyc: --self: %s", err);
            return -1;
        }
    const struct self *self = &r->options.self;
    r->self = (struct facts){.self4 = self->v4,
                             .self4_count = self->v4_count,
                             .self6 = self->v6,
                             .self6_count = self->v6_count,
                             .addr4 = self->first4};
    memcpy(r->self.addr6, self->first6, sizeof(r->self.addr6));
    r->capture = capture_open_all(r->options.pcaps, r->options.pcap_count, err, sizeof(err));
    if (r->capture) return 0;
    say(stderr, "preyc: %s", err);
    return -1;
}

void reading_close(struct reading *r)
{
    capture_close(r->capture);
    self_fini(&r->options.self);
}

int reading_end(const struct reading *r)
{
    const char *fault = capture_error(r->capture);

    if (!*fault) return 0;
    if (r->options.pcap_count > 1)
        say(stderr, "preyc: %s", fault);
    else
        say(stderr, "preyc: %s: %s", capture_name(r->capture), fault);
    return -1;
}
