/* All captures are opened as one; the machine's own addresses come from --self or from recordings */
#include "compiler/traffic/reading.h"

#include <stdio.h>
#include <string.h>

#include "compiler/say.h"
#include "compiler/traffic/workshop.h"
#include "runtime/base/stop.h"
#include "runtime/record/own.h"

enum { FRAMES_A_LOOK = 64 };

static void waited(void *arg)
{
    struct reading *r = arg;
    progress_wait(&r->progress, r->capture, r->frames);
}

static bool block_told(void *arg, const uint8_t *block, size_t len)
{
    struct reading *r = arg;
    const int own = own_read(block, len, r->said ? NULL : &r->options.self);
    r->short_of_memory |= own < 0;
    if (own != 1 || r->said) return own == 1;
    r->self = self_facts(&r->options.self);
    r->self_changes++;
    return true;
}

bool reading_sent(const struct capture_frame *f) { return f->outbound; }

int reading_open(struct reading *r, const struct traffic *t)
{
    char err[600];
    *r = (struct reading){
        .most = UINT64_MAX, .routes = t->routes, .options = {.json = t->json, .on = t->on, .mtu = 1500}};
    for (unsigned i = 0; i < t->pcap_count; i++) r->options.pcaps[r->options.pcap_count++] = t->pcaps[i];
    for (unsigned i = 0; i < t->map_count; i++) r->options.maps[r->options.map_count++] = t->maps[i];
    if (selves_read(&r->options.self, t->selves, t->self_count) < 0) return -1;
    r->self = self_facts(&r->options.self);
    r->said = t->self_count;
    r->capture = capture_open_all(r->options.pcaps, r->options.pcap_count, err, sizeof(err));
    if (r->capture) capture_custom(r->capture, block_told, r);
    if (r->capture) {
        const int deaf = stop_begin();
        const struct capture_waiting waiting = {.fn = waited, .arg = r, .stop_fd = stop_fd()};
        if (deaf) {
            say(stderr, "preyc: can't wait for signals: %s", strerror(-deaf));
            return -1;
        }
        capture_waiting(r->capture, &waiting);
        progress_begin(&r->progress, true);
        return 0;
    }
    say(stderr, "preyc: %s", err);
    return -1;
}

bool reading_next(struct reading *r, struct capture_frame *f)
{
    if (r->frames == r->most) return false;
    const bool stopped_now = stop_asked() && !r->stopped, got = !stopped_now && capture_next(r->capture, f) == 1;
    r->stopped = stop_asked();
    if (got && ++r->frames % FRAMES_A_LOOK == 0) progress_step(&r->progress, r->capture, r->frames);
    return got;
}

bool reading_again(struct reading *r)
{
    if (!capture_rewind(r->capture)) return false;
    r->most = r->frames;
    r->frames = 0;
    r->said = true; /* the first pass read all addresses, and the players have them by now */
    progress_begin(&r->progress, true);
    return true;
}

void reading_close(struct reading *r)
{
    capture_close(r->capture);
    self_fini(&r->options.self);
}

const char *reading_unread(const struct reading *r)
{
    if (*capture_error(r->capture)) return "the rest of the capture can't be read";
    return r->stopped ? "a signal stopped preyc there" : "";
}

int reading_end(struct reading *r)
{
    const char *fault = capture_error(r->capture);
    progress_end(&r->progress);
    if (!*fault) return 0;
    if (r->options.pcap_count > 1)
        say(stderr, "preyc: %s", fault);
    else
        say(stderr, "preyc: %s: %s", capture_name(r->capture), fault);
    return -1;
}
