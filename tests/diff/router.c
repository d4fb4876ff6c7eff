/* Differential test: random routers against netfilter.
 *
 *   router [SEED [SITES [FEATURES]]]
 *
 * A site has two to five interfaces, some of which prey serves. For each site some routers are drawn: addresses,
 * routes, policy rules, NAT statements, firewalls. The same router is loaded into sibling namespaces, as nft rules
 * and as programs of preyrun, with each executor; preyrun is started with the first program and loads the others.
 * Then conversations are drawn, and each packet is sent into all namespaces. Frames that leave by each interface are
 * compared byte by byte with netfilter's, apart from chosen ports, identifications and checksums (routers/canon.h).
 * Replies are built from the packets that left on each side. A difference must be in the table of intended ones
 * (routers/known.c); otherwise the test fails and prints the drawing and the packets. LONG=1: 2,000 routers instead
 * of 20. To look closer: ROUTER=N runs one router of each site, FRESH=1 starts preyrun again for each, ONLY="user
 * tc" selects executors, SHOW=1 also shows known differences, BRIEF=1 omits the drawing, ALL=1 also shows equal
 * results; ASK runs a command in each side that differed, and prints its output if it fails. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/diff/routers/canon.h"
#include "tests/diff/routers/known.h"
#include "tests/diff/routers/side.h"
#include "tests/diff/routers/talk.h"
#include "tests/diff/routers/world.h"

enum { ROUTERS = 5, STEPS = 40, SHOWN_MOST = 40, KNOWN_MOST = 64, LATE_MS = 3000, KNOWN_LATE_MS = 120 };

/* In a file system that only this process sees. */
#define DIR "/run/router"

struct run {
    struct rng rng;
    uint64_t seed;
    unsigned with, site, shown;
    struct world world;
    struct side sides[SIDES];
    struct talk talks[TALKS];
    uint64_t routers, changed, packets, frames, left, different, known[KNOWN_MOST];
    bool failed, drawing_shown;
};

/* ---- output ---- */

/* Print words as lines of a comment. */
static void print_words(const struct run *r)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    if (!out) abort();
    world_as_ip_routes(&r->world, true, out);
    world_as_ip_routes(&r->world, false, out);
    world_as_nft(&r->world, out);
    world_as_prey(&r->world, out);
    fclose(out);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        if (strncmp(line, "neigh", 5)) printf("#   %s\n", line);
    free(text);
    for (unsigned i = 0; i < r->world.ifs; i++)
        printf("#   e%u%s %s, %s %s\n", i, r->world.iface[i].bare ? " (TUN)" : "",
               r->world.iface[i].served ? "served" : "not served", r->world.iface[i].has4 ? "IPv4" : "-",
               r->world.iface[i].has6 ? "IPv6" : "-");
}

static void print_frames(const char *who, const struct frame *f, unsigned count)
{
    char text[600];
    if (!count) printf("#     %s: nothing\n", who);
    for (unsigned i = 0; i < count; i++) printf("#     %s: %s\n", who, packet_text(&f[i], text, sizeof text));
}

static void print_difference(const struct run *r, const struct difference *d)
{
    const int row = d->field ? known_find(d) : -1;
    printf("# seed %" PRIu64 " site %u router %u, %s, %s%s: %s\n", r->seed, r->site, d->world->number,
           side_name(d->side), step_name(d->step), row >= 0 ? known_differences[row].name : "",
           d->field ? d->field : "the same");
    printf("#     after");
    for (unsigned i = 0; i + 1 < d->talk->history_count; i++) printf(" %s,", step_name(d->talk->history[i]));
    puts("");
    print_frames("sent", d->sent_there, 1);
    if (d->sent->len != d->sent_there->len || memcmp(d->sent->bytes, d->sent_there->bytes, d->sent->len))
        print_frames("and", d->sent, 1);
    print_frames("netfilter", d->netfilter, d->netfilter_count);
    print_frames(side_name(d->side), d->prey, d->prey_count);
}

static void tell(struct run *r, const struct difference *d)
{
    const int row = known_find(d);
    r->different++;
    if (row >= 0) r->known[row]++;
    if (row >= 0 && !getenv("SHOW")) return;
    if (row < 0) r->failed = true;
    if (r->shown++ >= (getenv("MOST") ? (unsigned)atoi(getenv("MOST")) : SHOWN_MOST)) return;
    if (!r->drawing_shown && !getenv("BRIEF")) print_words(r);
    r->drawing_shown = true;
    print_difference(r, d);
    if (!getenv("ASK")) return;
    side_tell(&r->sides[d->side]);
    side_command(&r->sides[d->side], (const char *[]){"sh", "-c", getenv("ASK"), NULL}, "", false);
}

static bool broken(struct run *r, const char *what)
{
    printf("# seed %" PRIu64 " site %u router %u: %s\n", r->seed, r->site, r->world.number, what);
    for (unsigned k = 0; k < SIDES; k++) side_tell(&r->sides[k]);
    print_words(r);
    r->failed = true;
    return false;
}

/* ---- a router ---- */

static bool compile(struct run *r, char path[96])
{
    char source[96], command[320];
    const char *b = getenv("B");
    snprintf(source, sizeof source, "%s/%u.prey", DIR, r->world.number);
    snprintf(path, 96, "%s/%u.pbc", DIR, r->world.number);
    FILE *out = fopen(source, "w");
    if (!out) abort();
    world_as_prey(&r->world, out);
    fclose(out);
    snprintf(command, sizeof command, "%s/preyc -o %s %s >%s/said 2>&1", b ? b : "build", path, source, DIR);
    if (!system(command)) return true;
    snprintf(command, sizeof command, "sed 's/^/# /' %s/said", DIR);
    if (system(command)) return false;
    return broken(r, "preyc takes no such rules");
}

/* False in a build without eBPF programs. */
static bool has_kernel(void)
{
    const char *b = getenv("B");
    char path[256];
    snprintf(path, sizeof path, "%s/tests/lib/no_one_kernel.o", b ? b : "build");
    return access(path, F_OK) != 0;
}

/* True if the side can run this router. The user-space executor can't hold back packets for this machine, and
 * doesn't judge or translate packets on interfaces that it doesn't serve. XDP has no devices without Ethernet. */
static bool takes_part(const struct run *r, enum side_kind side)
{
    const char *only = getenv("ONLY");
    if (side == SIDE_NETFILTER) return true;
    if (only && !strstr(only, side_name(side))) return false;
    bool bare = false;
    for (unsigned i = 0; i < r->world.ifs; i++) bare |= r->world.iface[i].served && r->world.iface[i].bare;
    if (side == SIDE_USER) return !r->world.here.judges;
    return has_kernel() && !(bare && side == SIDE_XDP);
}

static bool set_sides(struct run *r)
{
    char program[96];
    if (!compile(r, program)) return false;
    for (unsigned k = 0; k < SIDES; k++) {
        struct side *s = &r->sides[k];
        s->on = takes_part(r, k);
        if (!s->on) continue;
        if (!side_route(s, &r->world)) return broken(r, "routes are refused");
        if (k == SIDE_NETFILTER && !side_set_nft(s, &r->world, true)) return broken(r, "nft refuses the rules");
        if (k != SIDE_NETFILTER && !side_set_prey(s, &r->world, program))
            return broken(r, "preyrun takes no such program");
        if (k != SIDE_NETFILTER && !side_knows(s, &r->world))
            return broken(r, (const char *[]){"", "no probe comes through, user", "no probe comes through, tc",
                                              "no probe comes through, xdp"}[k]);
        s->got_count = 0;
    }
    return true;
}

static bool sees(const struct run *r, enum side_kind side, const struct frame *f)
{
    return side != SIDE_USER || r->world.iface[f->iface].served;
}

/* True if prey lets through a packet that netfilter doesn't. No frame of netfilter's then announces the packet,
 * which may wait for a neighbour that no probe has. */
static bool may_be_late(const struct difference *d)
{
    struct packet sent;
    if (d->step == STEP_ERROR_BACK) return d->talk->over;
    return d->step == STEP_STRAY && packet_parse(d->sent, &sent) && sent.flags & FLAG_FIN;
}

/* Return the number of frames that may come: as many as netfilter sent. If netfilter sent no fragments, and prey has
 * sent one, the number of fragments. */
static unsigned awaited(const struct difference *d)
{
    struct packet sent, prey;
    const bool sent_on = d->prey_count && d->sent_count > d->netfilter_count && packet_parse(d->sent, &sent) &&
                         packet_parse(d->prey, &prey) && prey.ttl + 1 == sent.ttl;
    return sent_on ? d->sent_count : d->netfilter_count;
}

/* Compare the frames of a side with netfilter's, now and as long as more may come. */
static void compare(struct run *r, struct talk *t, struct difference *d)
{
    static struct canon wanted[GOT_MOST], is[GOT_MOST];
    struct side *s = &r->sides[d->side];
    struct seen_of *of = &t->of[d->side];
    const struct names before = of->names, netfilters = of->netfilters;
    const unsigned wanted_count =
        canon_make(t, &of->netfilters, d->sent_there, d->netfilter, d->netfilter_count, wanted);
    if (!s->got_count && may_be_late(d)) side_wait(s, &r->world, KNOWN_LATE_MS);
    do {
        of->names = before;
        d->prey = s->got;
        d->prey_count = known_put_late_last(d, s->got, s->got_count);
        const unsigned count = canon_make(t, &of->names, d->sent, d->prey, d->prey_count, is);
        d->field = canon_differs(wanted, wanted_count, is, count);
    } while (d->field && d->prey_count < awaited(d) &&
             side_wait(s, &r->world, known_find(d) < 0 ? LATE_MS : KNOWN_LATE_MS));
    talk_note(t, d->step, d->side, d->sent, d->prey, d->prey_count);
    d->late = !d->field && d->prey_count < s->got_count;
    if (d->late) d->field = "number of frames", d->prey_count = s->got_count;
    if (!d->field && getenv("ALL")) print_difference(r, d);
    if (!d->field) return;
    /* At a difference, names that the sides chose aren't comparable. */
    if (!d->late) of->names = before, of->netfilters = netfilters;
    const int row = known_find(d);
    of->parted = row >= 0 && known_differences[row].parts;
    tell(r, d);
}

/* Send a step to all sides and compare. */
static bool step(struct run *r, struct talk *t, enum step_kind kind, uint64_t how)
{
    static struct frame frames[FRAGMENTS_SEEN_MOST], first;
    struct side *nf = &r->sides[SIDE_NETFILTER];
    if (t->history_count < HISTORY_MOST) t->history[t->history_count++] = (uint8_t)kind;
    for (unsigned k = 0; k < SIDES; k++) {
        struct side *s = &r->sides[k];
        if (!s->on) continue;
        s->got_count = 0;
        const unsigned count = t->of[k].parted ? 0 : step_frames(t, &r->world, kind, k, how, frames);
        if (count && r->world.iface[frames[0].iface].down) return true;
        if (!count && k == SIDE_NETFILTER) return true;
        if (!count || !sees(r, k, frames)) continue; /* reported before: nothing left here */
        for (unsigned i = 0; i < count; i++) side_send(s, &frames[i]);
        if (!side_settle(s, &r->world, frames[0].iface)) return broken(r, "a probe is lost");
        if (k == SIDE_NETFILTER) {
            talk_note(t, kind, k, &frames[0], s->got, s->got_count);
            first = frames[0];
            r->packets++, r->frames += count, r->left += s->got_count > 0;
            continue;
        }
        struct difference d = {.world = &r->world,
                               .talk = t,
                               .step = kind,
                               .side = k,
                               .sent = &frames[0],
                               .sent_count = count,
                               .sent_there = &first,
                               .netfilter = nf->got,
                               .netfilter_count = nf->got_count};
        compare(r, t, &d);
    }
    if (nf->got_count) talk_go_on(t, kind);
    return true;
}

/* Change something on all sides, and wait until they know. */
static bool change(struct run *r, struct rng *rng)
{
    struct change c;
    struct world was = r->world;
    char program[96];
    if (!world_draw_change(&r->world, rng, &c)) {
        r->world = was;
        return true;
    }
    if (c.kind == CHANGE_UPLINK && !compile(r, program)) return false;
    for (unsigned k = 0; k < SIDES; k++) {
        struct side *s = &r->sides[k];
        if (!s->on) continue;
        side_change(s, &r->world, &c);
        if (c.kind == CHANGE_UPLINK &&
            !(k == SIDE_NETFILTER ? side_set_nft(s, &r->world, false) : side_set_prey(s, &r->world, program)))
            return broken(r, "no other uplink");
        if (k != SIDE_NETFILTER && !side_knows(s, &r->world)) return broken(r, "a change isn't known");
        s->got_count = 0;
    }
    r->changed++;
    return true;
}

static bool router(struct run *r, unsigned number)
{
    r->world.number = number;
    r->drawing_shown = false;
    world_draw(&r->world, &r->rng, r->with);
    struct rng rng = {rng_next(&r->rng)};
    if (getenv("ROUTER") && number != (unsigned)atoi(getenv("ROUTER"))) return true;
    for (unsigned k = 0; getenv("FRESH") && k < SIDES; k++) side_end_prey(&r->sides[k]);
    if (!set_sides(r)) return false;
    memset(r->talks, 0, sizeof r->talks);
    for (unsigned i = 0; i < STEPS; i++) {
        if (r->with & WITH_CHANGES && rng_one_in(&rng, 10) && !change(r, &rng)) return false;
        struct talk *t = &r->talks[rng_below(&rng, TALKS)];
        if (!t->begun || (t->over && rng_below(&rng, 4)) || (!t->of[SIDE_NETFILTER].left && rng_one_in(&rng, 3)))
            talk_draw(t, &r->world, &rng, i);
        for (unsigned n = 1 + rng_below(&rng, 4); n > 0; n--) {
            const enum step_kind kind = talk_step(t, &rng);
            if (!step(r, t, kind, rng_next(&rng))) return false;
        }
    }
    r->routers++;
    return true;
}

static bool site(struct run *r)
{
    bool good = true;
    r->rng = (struct rng){r->seed + r->site};
    world_draw_site(&r->world, &r->rng, r->with);
    for (unsigned k = 0; k < SIDES; k++)
        if (!side_open(&r->sides[k], k, &r->world)) return broken(r, "no namespace with TAP devices");
    for (unsigned i = 0; i < ROUTERS && good; i++) good = router(r, i);
    for (unsigned k = 0; k < SIDES; k++) side_close(&r->sides[k], &r->world);
    return good;
}

/* Sites that once found faults which few draws reach: an error goes back to an opener by an interface of a nat; an
 * error that Linux has routed takes its flow's path; a map's inside host replies to a host whose network is behind
 * an interface that prey doesn't serve; a policy rule rejects fragments. A run without arguments adds them at its
 * end. */
static const uint64_t found[] = {2600021, 3300019, 2900025, 158};

int main(int argc, char **argv)
{
    static struct run r;
    r.seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    const unsigned sites = argc > 2 ? (unsigned)atoi(argv[2]) : (getenv("LONG") ? 2000 : 20) / ROUTERS;
    r.with = argc > 3 ? (unsigned)atoi(argv[3]) : WITH_TODAY;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (geteuid() || system("nft --version >/dev/null 2>&1") || !sides_begin(DIR)) {
        puts("ok - drawn routers beside netfilter # SKIP this machine lets us make no network namespaces, or has no "
             "nft");
        return 0;
    }
    bool good = true;
    for (r.site = 0; r.site < sites && good; r.site++) good = site(&r);
    r.site = 0;
    for (unsigned i = 0; argc == 1 && i < sizeof found / sizeof *found && good; i++) {
        r.seed = found[i];
        good = site(&r);
    }
    printf("# seed %" PRIu64 ": %" PRIu64 " routers, %" PRIu64 " packets, of %" PRIu64 " something left; %" PRIu64
           " differences\n",
           r.seed, r.routers, r.packets, r.left, r.different);
    for (unsigned i = 0; known_differences[i].name; i++)
        if (r.known[i])
            printf("# %" PRIu64 " times %s: %s\n", r.known[i], known_differences[i].name, known_differences[i].reason);
    printf("%sok - drawn routers send what netfilter sends\n", r.failed ? "not " : "");
    return r.failed;
}
