/* A ring of frames; bytes that the capture does not keep are copied, up to a bound */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/grown.h"
#include "runtime/replay/replay_priv.h"
#include "runtime/report/given/given_ports.h"
#include "vm/forward/service.h"

struct seen_frame {
    struct capture_frame frame;
    uint8_t *copy; /* copied bytes; NULL: the capture keeps the bytes */
};

bool seen_wanted(const struct options *o) { return o->describe || o->write_seen; }

static const char *seen_port_name(const void *arg, uint16_t port)
{
    const struct ports *p = arg;
    return port < p->count ? p->name[port] : "";
}

int seen_open(struct seen *s, const struct subject *r, char *err, size_t err_len)
{
    *s = (struct seen){.r = r, .dlt = -1};
    if (!r->o->write_seen) return 0;
    s->writer = capture_create_as_came(r->o->write_seen, seen_port_name, r->ports, err, err_len);
    return s->writer ? 0 : -1;
}

static void forget_first(struct seen *s)
{
    struct seen_frame *k = &s->kept[s->begin];
    if (k->copy) s->bytes -= k->frame.cap_len;
    free(k->copy);
    s->begin = (s->begin + 1) % s->room;
    s->count--;
    s->first++;
}

int seen_close(struct seen *s)
{
    while (s->count) forget_first(s);
    free(s->kept);
    s->kept = NULL;
    const int failed = capture_finish(s->writer);
    s->writer = NULL;
    return s->write_error ? s->write_error : failed;
}

bool seen_keep(struct seen *s, uint64_t number, const struct capture_frame *f)
{
    struct seen_frame k = {.frame = *f};
    /* Drop frames of printed lines, because the ring's frames must have consecutive numbers. */
    while (s->count && s->first + s->count != number) forget_first(s);
    if (!capture_keeps(s->r->capture)) {
        if (s->bytes + f->cap_len > SEEN_BYTES_MOST || !(k.copy = malloc(f->cap_len + 1u))) return false;
        memcpy(k.copy, f->data, f->cap_len);
        k.frame.data = k.copy;
    }
    if (!ring_grow(&s->kept, s->count, &s->room, &s->begin, 64, sizeof k)) {
        free(k.copy);
        return false;
    }
    if (k.copy) s->bytes += f->cap_len;
    if (!s->count) s->first = number;
    s->kept[(s->begin + s->count++) % s->room] = k;
    return true;
}

const struct capture_frame *seen_frame(struct seen *s, uint64_t number)
{
    while (s->count && s->first < number) forget_first(s);
    return s->count && s->first == number ? &s->kept[s->begin].frame : NULL;
}

void seen_write(struct seen *s, const struct capture_frame *f)
{
    if (!s->writer || s->write_error) return;
    s->mixed |= s->dlt >= 0 && s->dlt != f->dlt && !capture_path_is_ng(s->r->o->write_seen);
    s->dlt = f->dlt;
    s->write_error = s->mixed ? -EXDEV : capture_write(s->writer, f);
}

const char *seen_words(const struct seen *s, const struct vm_in *in, const struct capture_frame *f, char *buf,
                       size_t len)
{
    struct pkt pkt;
    struct key key;
    frame_view(s->r, f, &pkt);
    pkt_parse(&pkt, in->facts, &key);
    key_settle(s->r->program, &key);
    pkt_describe(&pkt, &key, buf, len);
    return text_clean(buf);
}
