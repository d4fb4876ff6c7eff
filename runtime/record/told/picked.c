/* Frames of a batch are kept with their tags, and printed once their verdicts are known */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/record/told/recording_priv.h"
#include "vm/forward/service.h"

enum { MACS = 12, TAG = 4, TAGS_MOST = 2 };

int picked_open(struct picked *s, const struct options *o, const char *const names[], const uint8_t links[],
                unsigned ports, char *err, size_t err_len)
{
    s->o = o;
    if (!o->write_seen) return 0;
    s->writer = capture_create(o->write_seen, names, links, ports, err, err_len);
    return s->writer ? 0 : -1;
}

int picked_close(struct picked *s)
{
    only_fini(&s->only);
    free(s->bytes);
    s->bytes = NULL;
    const int failed = capture_finish(s->writer);
    s->writer = NULL;
    return s->write_error ? s->write_error : failed;
}

void picked_program(struct picked *s, const struct labels *labels)
{
    char err[sizeof s->unknown];
    if (!s->o->only) return;
    only_fini(&s->only);
    s->has = !only_init(&s->only, s->o->only, labels, err, sizeof err);
    s->known |= s->has;
    if (!s->has && !*s->unknown) memcpy(s->unknown, err, sizeof err);
}

static bool picked_make_room(struct picked *s, const struct actor *a, unsigned n)
{
    size_t room = 0;
    for (unsigned i = 0; i < n; i++) room += a->views[i]->cap_len + TAGS_MOST * TAG;
    if (room <= s->room) return true;
    uint8_t *more = realloc(s->bytes, room);
    if (!more) return false;
    s->bytes = more;
    s->room = room;
    return true;
}

bool picked_keep(struct picked *s, const struct actor *a, unsigned n)
{
    if (!picked_make_room(s, a, n)) return false;
    uint8_t *to = s->bytes;
    for (unsigned i = 0; i < n; i++) {
        const struct pkt *p = a->views[i];
        /* The frame as on the wire, with the VLAN tags that the kernel took off. */
        const unsigned tags = p->cap_len >= MACS ? p->tag_count : 0;
        const uint32_t front = tags ? MACS : 0;
        memcpy(to, p->data, front);
        for (unsigned k = 0; k < tags; k++) {
            const uint16_t tag[2] = {__builtin_bswap16(p->tags[k].tpid), __builtin_bswap16(p->tags[k].tci)};
            memcpy(to + MACS + k * TAG, tag, TAG);
        }
        memcpy(to + front + tags * TAG, p->data + front, p->cap_len - front);
        const uint32_t len = p->cap_len + tags * TAG;
        s->frames[i] = (struct capture_frame){.data = to,
                                              .cap_len = len,
                                              .wire_len = p->wire_len + (len - p->cap_len),
                                              .link = p->link,
                                              .iface = (uint32_t)p->cookie};
        to += len;
    }
    return true;
}

bool picked_takes(const struct picked *s, const struct verdict *v, bool otherwise)
{
    return !s->o->only || (s->has && only_takes(&s->only, v, otherwise));
}

void picked_words(const struct picked *s, const struct actor *a, unsigned i, char *buf, size_t len)
{
    const struct capture_frame *f = &s->frames[i];
    const struct facts *facts = a->world ? &a->world->facts : &a->w->egress.snapshot->facts;
    struct pkt pkt;
    struct key key;
    pkt_view(&pkt, f->data, f->cap_len, f->wire_len, (enum pkt_link)f->link, IFACE_NONE);
    pkt_parse(&pkt, facts, &key);
    pkt_describe(&pkt, &key, buf, len);
    text_clean(buf);
}

void picked_write(struct picked *s, unsigned i, uint64_t wall_ns)
{
    struct capture_frame f = s->frames[i];
    f.time_ns = wall_ns;
    if (s->writer && !s->write_error) s->write_error = capture_write(s->writer, &f);
}
