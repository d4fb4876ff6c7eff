/* Rules from a capture: connections that began and were answered, by service and by source networks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "compiler/progress.h"
#include "compiler/say.h"
#include "compiler/traffic/grouped.h"
#include "compiler/traffic/player.h"
#include "compiler/traffic/traffic.h"
#include "runtime/report/given/iface.h"

struct suggestion {
    struct reading reading;
    struct begins begins;
    struct groups groups;
    struct ports ports; /* interfaces of the captures, by name */
    struct width width;
    uint64_t uncounted;                /* frames sent by preyrun, which are read but not judged */
    uint64_t frames, judged, accepted; /* judged: UINT64_MAX if the captures cannot be read twice */
    bool stopped;                      /* a signal ended reading: these are not all frames */
    bool several;                      /* true if rules are distinguished by interface */
    uint64_t nameless;                 /* packets that began something by an interface that rules cannot name */
    char *text;
    size_t len;
};

static int suggestion_collect(struct suggestion *s)
{
    struct capture_frame f;
    bool room = true;
    capture_ports(s->reading.capture, 0, ports_named, &s->ports);
    while (room && reading_next(&s->reading, &f)) {
        struct pkt pkt;
        struct key key;
        pkt_view(&pkt, f.data, f.cap_len, f.wire_len, f.link, IFACE_NONE);
        pkt_parse(&pkt, &s->reading.self, &key);
        room = begins_add(&s->begins, &key, pkt.reason != REASON_NONE, reading_sent(&f), s->reading.frames, f.port);
    }
    s->frames = s->reading.frames;
    s->stopped = s->reading.stopped;
    progress_end(&s->reading.progress);
    if (!room) say(stderr, "preyc: out of memory");
    return !room || reading_end(&s->reading) < 0 ? -1 : 0;
}

/* True if rules can write that name. */
static bool is_plain_name(const char *name)
{
    return iface_may_be(name) &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@")] == '\0';
}

/* Let rules name interfaces if connections began on several. */
static void name_interfaces(struct suggestion *s)
{
    struct begins *b = &s->begins;
    uint16_t first = 0;
    for (size_t i = 0; i < b->room; i++) {
        struct begin *one = &b->slots[i];
        if (!one->family || !one->iface) continue;
        if (!is_plain_name(s->ports.name[one->iface])) {
            s->nameless += one->seen;
            one->iface = 0;
        } else if (!first) {
            first = one->iface;
        }
        s->several |= one->iface && one->iface != first;
    }
    for (size_t i = 0; i < b->room && !s->several; i++) b->slots[i].iface = 0;
    s->groups.iface_names = s->ports.name;
}

static int group(struct suggestion *s)
{
    name_interfaces(s);
    begins_sort(&s->begins);
    const int failed = groups_make(&s->groups, &s->begins, &s->width);
    if (failed == -E2BIG)
        say(stderr,
            "preyc: --suggest: the captures have more than %d services: select frames first (preyrun --only, "
            "--write-seen)",
            GROUPS_MOST);
    else if (failed)
        say(stderr, "preyc: out of memory");
    return failed ? -1 : 0;
}

static void heard_late(void *arg, struct player *p, uint64_t frame, const struct outcome *f)
{
    struct suggestion *s = arg;
    s->accepted += f->verdict.action == ACTION_ACCEPT || f->verdict.action == ACTION_PASS;
}

/* Judge the captures by the suggested rules. */
static int suggestion_judge(struct suggestion *s, struct program *program)
{
    struct player *p = calloc(1, sizeof(*p));
    struct capture_frame f;
    s->judged = UINT64_MAX;
    if (!p || player_open(p, program, &s->reading, "the suggestion") < 0) {
        if (p) player_close(p);
        free(p);
        return -1;
    }
    p->settled = heard_late;
    p->arg = s;
    for (uint32_t i = 1; i < s->ports.count; i++) ports_named(&p->ports, "", s->ports.name[i]);
    if (reading_again(&s->reading)) {
        while (reading_next(&s->reading, &f)) {
            const struct outcome fate = player_judge(p, &f, s->reading.frames); /* replies belong to a flow, too */
            if (reading_sent(&f))
                s->uncounted++;
            else
                heard_late(s, p, s->reading.frames, &fate);
        }
        player_end(p);
        s->judged = s->reading.frames - s->uncounted;
        progress_end(&s->reading.progress);
    }
    player_close(p);
    free(p);
    return 0;
}

/* Print "# Not let in: 3 frames that ...", unless n is 0. one, many: verb and rest of the sentence. */
static void print_left(FILE *out, uint64_t n, const char *what, const char *one, const char *many, const char *rest)
{
    char number[TEXT_NUMBER];
    if (n)
        fprintf(out, "# Not accepted: %s %s%s that %s %s.\n", text_number(n, number), what, text_plural(n),
                n == 1 ? one : many, rest);
}

static void print_head(const struct suggestion *s, FILE *out)
{
    const struct options *o = &s->reading.options;
    char name[300], a[TEXT_NUMBER], b[TEXT_NUMBER];
    fputs("# Suggested by preyc --suggest", out);
    for (unsigned i = 0; i < o->pcap_count; i++) {
        snprintf(name, sizeof(name), "%.250s", o->pcaps[i]);
        fprintf(out, "%s %s", i ? "," : " of", text_clean(name));
    }
    fprintf(out,
            ": these rules accept the connections that began in the capture.\n# Sources are no wider than /%u and /%u. "
            "Review the rules: the capture may have unwanted connections.\n",
            s->width.v4, s->width.v6);
    if (o->self.v4_count || o->self.v6_count)
        fprintf(out, "# `self` means the addresses that %s; packets from `self` are accepted.\n",
                s->reading.said ? "--self names" : "the recording names");
    if (s->stopped)
        fprintf(out, "# A signal stopped preyc after frame %s: later frames are left out.\n",
                text_number(s->frames, a));
    if (s->judged != UINT64_MAX)
        fprintf(out, "# From %s, these rules accept %s of %s frame%s.\n",
                s->stopped || s->judged + s->uncounted < s->frames ? "the frames before the signal" : "the capture",
                text_number(s->accepted, a), text_number(s->judged, b), text_plural(s->judged));
    if (s->judged != UINT64_MAX && s->uncounted)
        fprintf(out, "# Not counted: %s frame%s that preyrun sent, according to the recording.\n",
                text_number(s->uncounted, a), s->uncounted == 1 ? "" : "s");
    if (s->judged == UINT64_MAX)
        fprintf(out, "# %s frame%s read but not judged, because %s came through a pipe.\n", text_number(s->frames, a),
                s->frames == 1 ? " was" : "s were", s->frames == 1 ? "it" : "they");
    print_left(out, s->groups.unanswered, "TCP client", "nobody", "nobody", "answered, counted once per service");
    print_left(out, s->begins.late, "packet", "answers", "answer", "packets that the capture doesn't have");
    print_left(out, s->begins.other, "frame", "is", "are", "malformed, cut short, or neither IP nor ARP");
    if (s->several) fputs("# A connection counts for the interface on which its first packet arrived.\n", out);
    if (s->several && s->nameless)
        fprintf(out, "# Accepted on all interfaces: %s packet%s of an interface whose name isn't possible in rules.\n",
                text_number(s->nameless, a), s->nameless == 1 ? "" : "s");
    if (s->begins.full)
        fprintf(out, "# Incomplete: connections after the first %s clients of services are left out.\n",
                text_number(BEGINS_MOST, a));
    fputc('\n', out);
}

static int write_out(struct suggestion *s, struct compile *c, FILE *out)
{
    char *formatted, err[256];
    size_t len;
    struct program *program = program_load(c->pbc, c->pbc_len, err, sizeof(err));
    if (!program) {
        say(stderr, "preyc: %s", err);
        return -1;
    }
    const int judged = suggestion_judge(s, program);
    program_put(program);
    if (judged < 0) return -1;
    print_head(s, out);
    if (lang_format(&c->sources, c->diags, 0, &formatted, &len) < 0) {
        fwrite(s->text, 1, s->len, out);
        return 0;
    }
    fwrite(formatted, 1, len, out);
    free(formatted);
    return 0;
}

static int suggestion_make(struct suggestion *s, FILE *out)
{
    struct compile c;
    FILE *text = open_memstream(&s->text, &s->len);
    int result = -1;
    const bool printed = text && groups_print(&s->groups, text);
    if ((text && fclose(text)) || !printed) {
        say(stderr, "preyc: out of memory");
        return -1;
    }
    compile_init(&c);
    progress_show();
    if (compile_text(&c, "suggested.prey", s->text, s->len) == 0 && !diags_errors(c.diags)) compile_test(&c);
    progress_hide();
    if (diags_errors(c.diags)) {
        diags_print_text(c.diags, stderr, false);
        say(stderr, "preyc: internal error: the suggested rules don't compile, or fail their test; please report this "
                    "with the capture");
    } else {
        result = write_out(s, &c, out);
    }
    compile_fini(&c);
    return result;
}

int suggest(const struct traffic *t, uint8_t width4, uint8_t width6, FILE *out)
{
    struct suggestion s = {.width = {width4, width6}};
    char err[600];
    int result = reading_open(&s.reading, t);
    begins_init(&s.begins);
    if (ports_init(&s.ports, NULL, &s.reading.options, NULL, err, sizeof(err)) < 0) {
        say(stderr, "preyc: %s", err);
        result = -1;
    }
    if (!result) result = suggestion_collect(&s);
    if (!result) result = group(&s);
    if (!result) result = suggestion_make(&s, out);
    groups_fini(&s.groups);
    begins_fini(&s.begins);
    ports_fini(&s.ports);
    reading_close(&s.reading);
    free(s.text);
    return result;
}
