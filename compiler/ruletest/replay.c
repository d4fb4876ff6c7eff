/* Run `replay "case.pcap" drop >= 99%`: judge every frame of a capture in the state of the test. The test's clock
 * advances by the time between frames. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "compiler/ruletest/ruletest.h"
#include "runtime/capture/capture.h"
#include "runtime/schedule/schedule.h"

/* Count of frames, and the first frame with another verdict than expected */
struct tally {
    const struct test_step *step;
    const struct capture *capture;
    uint64_t frames, right;
    uint64_t odd_frame; /* number of that frame, from 1; 0: none */
    struct pkt odd;
    struct verdict verdict;
    uint64_t odd_now_ns, odd_captured_ns;
    uint64_t capture_ns; /* capture time of the frame before */
    uint64_t until_ns;   /* capture time at which schedules change next */
};

/* Return the interface of a pcapng frame, by its name in the rules or its device name. */
static int replay_named(void *arg, const char *path, const char *name)
{
    const struct program *p = arg;
    for (uint32_t i = 0; *name && i < p->ifaces_count; i++)
        if (p->ifaces[i].name && !strcmp(program_str(p, p->ifaces[i].name), name)) return (int)i;
    const struct iface_table t = program_ifaces(p);
    const uint32_t known = *name ? iface_match(&t, name) : PBC_NONE;
    if (known != PBC_NONE) return (int)known;
    return *name && strcmp(name, "any") != 0 && strcmp(name, "-") != 0 ? IFACE_OTHER : IFACE_NONE;
}

static struct capture *open_capture(struct test_run *r, const struct test_step *s)
{
    struct stat st;
    char err[300] = "";
    const bool there = stat(s->path, &st) == 0;
    const int why = there ? 0 : errno;
    struct capture *c = there && S_ISREG(st.st_mode) ? capture_open(s->path, err, sizeof(err)) : NULL;
    if (there) remember_file(r->c->symbols, s->path, st.st_dev, st.st_ino);
    if (c) capture_ports(c, IFACE_NONE, replay_named, r->program);
    if (!c)
        diag(r->c->diags, E_TEST_CAPTURE, s->path_span, "the capture can't be replayed: %s",
             err[0]          ? err
             : there         ? "the path isn't a regular file"
             : why == ENOENT ? "there is no such file"
                             : strerror(why));
    return c;
}

/* Return the packet with bytes that stay. The bytes of a compressed capture last until the next frame is read. */
static struct pkt kept(const struct tally *t, const struct test_run *r, const struct pkt *pkt)
{
    struct pkt p = *pkt;
    if (capture_keeps(t->capture)) return p;
    p.data = arena_alloc(r->c->arena, p.cap_len + 1u);
    memcpy(p.data, pkt->data, p.cap_len);
    return p;
}

/* Count a frame; keep the first one with another verdict than expected. */
static void tally_count(struct tally *t, const struct test_run *r, uint64_t frame, const struct pkt *pkt,
                        const struct verdict *v)
{
    if (test_holds(r, t->step, v, NULL)) {
        t->right++;
    } else if (!t->odd_frame || frame < t->odd_frame) {
        t->odd_frame = frame;
        t->odd = kept(t, r, pkt);
        t->odd_now_ns = r->now_ns;
        t->odd_captured_ns = t->capture_ns;
        t->verdict = *v;
    }
}

/* A frame that the vm holds */
struct held_frame {
    struct test_held held;
    struct tally *tally; /* NULL once the capture has ended */
    uint64_t frame;
    struct pkt pkt;
};

static void frame_left(struct test_run *r, struct test_held *h, const struct verdict *v)
{
    const struct held_frame *f = (const struct held_frame *)h;
    if (f->tally) tally_count(f->tally, r, f->frame, &f->pkt, v);
}

static void judge_frame(struct test_run *r, const struct capture_frame *f, struct tally *t)
{
    struct pkt pkt;
    struct verdict v;
    pkt_view(&pkt, f->data, f->cap_len, f->wire_len, f->link, f->port);
    /* Meters follow the time between frames, schedules the capture time. */
    if (t->capture_ns && f->time_ns > t->capture_ns) test_time(r, r->now_ns + (f->time_ns - t->capture_ns));
    if (f->time_ns > t->capture_ns) t->capture_ns = f->time_ns;
    if (t->capture_ns >= t->until_ns) r->facts.schedules = schedules_at(r->program, t->capture_ns, &t->until_ns);
    test_judge(r, &pkt, &v);
    t->frames++;
    if (v.action != ACTION_HELD) {
        tally_count(t, r, t->frames, &pkt, &v);
        return;
    }
    struct held_frame *held = arena_alloc(r->c->arena, sizeof(*held));
    *held = (struct held_frame){.tally = t, .frame = t->frames, .pkt = kept(t, r, &pkt)};
    test_hold(r, &held->held, frame_left);
}

/* Count frames still held when the capture ends as judged otherwise than expected. */
static void end_capture(struct test_run *r)
{
    for (struct test_held *h = r->held; h; h = h->next) {
        if (h->left != frame_left) continue;
        frame_left(r, h, &test_still_held);
        ((struct held_frame *)h)->tally = NULL;
    }
}

static void report(struct test_run *r, const struct test_step *s, const struct tally *t)
{
    struct pkt odd = t->odd;
    struct key key;
    char what[64], share[32];
    snprintf(share, sizeof(share), s->all ? "all frames" : "%llu%% of the frames or more",
             (unsigned long long)s->count);
    diag(r->c->diags, E_TEST_FAILED, s->span, "test \"%s\": expected %s for %s, but found this for %llu of %llu",
         r->test->name.s, action_name(s->action), share, (unsigned long long)t->right, (unsigned long long)t->frames);
    if (!t->odd_frame) return;
    test_parse(r, &odd, &key);
    snprintf(what, sizeof(what), "the first frame with another result is frame %llu, %s",
             (unsigned long long)t->odd_frame, action_name(t->verdict.action));
    const uint64_t now_ns = r->now_ns; /* clock at the last frame */
    r->now_ns = t->odd_now_ns;
    r->captured_ns = t->odd_captured_ns;
    test_note_packet(r, what, &odd, &key);
    r->now_ns = now_ns;
    r->captured_ns = 0;
    test_note_decider(r, &t->verdict, &key);
}

static bool enough(const struct test_step *s, const struct tally *t)
{
    return t->right == t->frames ||
           (!s->all && (unsigned __int128)t->right * 100 >= (unsigned __int128)t->frames * s->count);
}

bool test_replay(struct test_run *r, const struct test_step *s)
{
    struct capture *c = open_capture(r, s);
    struct capture_frame f;
    struct tally t = {.step = s, .capture = c};
    int got;
    if (!c) return false;
    while ((got = capture_next(c, &f)) == 1) judge_frame(r, &f, &t);
    end_capture(r);
    test_clock(r, r->now_ns);
    const bool good = got == 0 && t.frames && enough(s, &t);
    if (got < 0)
        diag(r->c->diags, E_TEST_CAPTURE, s->path_span, "the capture can't be replayed: %s", capture_error(c));
    else if (!t.frames)
        diag(r->c->diags, E_TEST_CAPTURE, s->path_span, "the capture has no frame");
    else if (!good)
        report(r, s, &t);
    capture_close(c);
    return good;
}
