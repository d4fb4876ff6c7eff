/* Doubts (doubts.h). If rules ask for this machine and no input names it, `self` is empty and all frames arrive, so
 * the results are meaningless. An address in all frames is suggested, but not assumed: in a capture of one
 * conversation both ends are in all frames. Multicast and broadcast arrive at any machine: if this machine is in no
 * frame, results of `in` and `out` firewalls on them prove nothing. */
#include "compiler/traffic/doubts.h"

#include <string.h>

#include "lang/json.h"
#include "vm/forward/service.h"
#include "vm/words/words.h"

static const char *const words[DIRECTIONS] = {"firewall", "firewall `in`", "firewall `out`", "firewall `forward`"};
static const char *const keys[DIRECTIONS] = {"any", "in", "out", "forward"};

void doubts_init(struct doubts *d, struct program *const programs[2], const char *const names[2],
                 const struct facts *self, bool said)
{
    *d = (struct doubts){
        .program = {programs[0], programs[1]}, .name = {names[0], names[1]}, .self = self, .said = said};
    d->same = !memcmp(programs[0]->digest, programs[1]->digest, sizeof(programs[0]->digest));
}

/* True for an address that isn't a single host's: multicast, broadcast, loopback, unspecified. */
static bool is_shared(bool v6, const uint32_t a[4])
{
    if (v6) return a[0] >> 24 == 0xff || (!(a[0] | a[1] | a[2]) && a[3] <= 1);
    return a[0] >> 28 >= 0xe || a[0] >> 24 == 127 || a[0] >> 24 == 0;
}

static void meet(struct everywhere *e, const uint32_t src[4], const uint32_t dst[4])
{
    unsigned kept = 0;
    if (!e->frames++) {
        memcpy(e->addr[0], src, sizeof(e->addr[0]));
        memcpy(e->addr[1], dst, sizeof(e->addr[1]));
        e->count = memcmp(src, dst, sizeof(e->addr[0])) ? 2 : 1;
        return;
    }
    for (unsigned i = 0; i < e->count; i++) {
        const bool there = !memcmp(e->addr[i], src, sizeof(e->addr[i])) || !memcmp(e->addr[i], dst, sizeof(e->addr[i]));
        if (there && kept++ != i) memcpy(e->addr[kept - 1], e->addr[i], sizeof(e->addr[i]));
    }
    e->count = kept;
}

/* True if the frame is from or to an address of this machine only, or for a service of either program. */
static bool is_met(const struct doubts *d, const struct key *key)
{
    const bool v6 = key->kind & KIND_IP6;
    if (key->kind & KIND_SRC_SELF && !is_shared(v6, key->src)) return true;
    if (is_shared(v6, key->dst)) return false;
    struct key settled = *key;
    for (unsigned i = 0; i < 2; i++) key_settle(d->program[i], &settled);
    return settled.kind & (KIND_IN | KIND_DST_SELF);
}

void doubts_frame(struct doubts *d, const struct key *key, bool malformed, bool placed)
{
    const bool v6 = key->kind & KIND_IP6;
    d->placed |= placed;
    if (!d->met && !malformed && key->kind & KIND_IP) d->met = is_met(d, key);
    if (malformed || !(key->kind & KIND_IP) || is_shared(v6, key->src) || is_shared(v6, key->dst)) return;
    meet(&d->everywhere[v6], key->src, key->dst);
}

static bool speaks(const struct facts *f, bool v6)
{
    uint32_t addr[4];
    return facts_address(f, IFACE_NONE, v6, addr);
}

void doubts_judged(struct doubts *d, const struct compared *c)
{
    bool sourceless = false;
    for (unsigned i = 0; i < 2; i++) {
        const struct verdict *v = &c->fate[i].verdict;
        if (v->firewall < d->program[i]->firewalls_count)
            d->judged[i][d->program[i]->firewalls[v->firewall].direction] = true;
        sourceless |= v->reason == REASON_NO_SOURCE_PORT;
    }
    d->sourceless += sourceless && !speaks(d->self, c->v6);
}

/* Return the first firewall of that direction, or PBC_NONE. */
static uint32_t firewall_of(const struct program *p, unsigned direction)
{
    for (uint32_t i = 0; i < p->firewalls_count; i++)
        if (p->firewalls[i].direction == direction) return i;
    return PBC_NONE;
}

static bool hangs_on_self(unsigned direction) { return direction == PBC_DIR_IN || direction == PBC_DIR_OUT; }

/* True if --self names addresses, and no frame is from or to one of them, or for a service. */
static bool is_missed(const struct doubts *d)
{
    return d->said && !d->met && d->self->self4_count + d->self->self6_count;
}

static bool judged_none(const struct doubts *d, unsigned side, unsigned direction)
{
    return ((hangs_on_self(direction) && is_missed(d)) || !d->judged[side][direction]) &&
           firewall_of(d->program[side], direction) != PBC_NONE;
}

static bool asks_for_self(const struct doubts *d)
{
    return (d->program[0]->meta->flags | d->program[1]->meta->flags) & PBC_NEEDS_SELF;
}

static bool nobody(const struct doubts *d)
{
    return asks_for_self(d) && !(d->self->self4_count | d->self->self6_count);
}

/* True if there are firewalls, and none judged a frame. */
static bool nothing_judged(const struct doubts *d)
{
    bool any = false;
    for (unsigned i = 0; i < 2; i++)
        for (unsigned k = 0; k < DIRECTIONS; k++) any |= d->judged[i][k];
    return !any && d->program[0]->firewalls_count + d->program[1]->firewalls_count;
}

/* True if rules name `self` in firewalls that judge all directions, so they judged frames, but none of this
 * machine's. This may be intended on a router, so it is reported, but isn't a doubt. */
static bool self_unseen(const struct doubts *d)
{
    if (d->same || !asks_for_self(d) || !is_missed(d)) return false;
    for (unsigned i = 0; i < 2; i++)
        for (unsigned k = 0; k < DIRECTIONS; k++)
            if (hangs_on_self(k) && firewall_of(d->program[i], k) != PBC_NONE) return false;
    return true;
}

bool doubts_any(const struct doubts *d)
{
    bool any = nobody(d) || d->sourceless;
    if (d->same) return false;
    for (unsigned i = 0; i < 2 * DIRECTIONS; i++) any |= judged_none(d, i / DIRECTIONS, i % DIRECTIONS);
    return any;
}

/* Print " (all unicast IPv4 frames are from or to 192.0.2.1)", unless no address is in all frames. */
static void doubts_offer(const struct doubts *d, FILE *out)
{
    unsigned offered = 0;
    char text[64];
    for (unsigned six = 0; six < 2; six++)
        for (unsigned i = 0; i < d->everywhere[six].count; i++) {
            address_text(six ? 6 : 4, d->everywhere[six].addr[i], text);
            if (!i) fprintf(out, "%sall unicast IPv%u frames are from or to ", offered++ ? "; " : " (", six ? 6 : 4);
            fprintf(out, "%s%s", i ? " and " : "", text);
        }
    if (offered) fputc(')', out);
}

static bool asks_for_interface(const struct program *p, unsigned direction)
{
    for (uint32_t i = 0; i < p->firewalls_count; i++)
        if (p->firewalls[i].direction == direction && p->firewalls[i].iface == PBC_NONE) return false;
    return true;
}

static void idle_text(const struct doubts *d, unsigned side, unsigned direction, FILE *out)
{
    static const char *const of[DIRECTIONS] = {"that arrives", "to an address of `--self`, or to a service",
                                               "from an address of `--self`",
                                               "that a machine with these addresses forwards"};
    fputs(" judged any frame: ", out);
    if (asks_for_interface(d->program[side], direction))
        fprintf(out, d->placed ? "check that the capture is from the firewall's interface\n"
                               : "set the interface of the frames with `--on IF` or `--map`\n");
    else
        fprintf(out, "the capture has no frame %s\n", of[direction]);
}

static void idle_lines(const struct doubts *d, FILE *out)
{
    for (unsigned k = 0; k < DIRECTIONS; k++) {
        const bool idle[2] = {judged_none(d, 0, k), judged_none(d, 1, k)};
        if (!idle[0] && !idle[1]) continue;
        fprintf(out, "no %s", words[k]);
        if (idle[0] != idle[1]) fprintf(out, " of %s", d->name[idle[1]]);
        if (hangs_on_self(k) && is_missed(d)) {
            fputs(" judged a frame of this machine: no frame is from or to an address of `--self`", out);
            doubts_offer(d, out);
            fputc('\n', out);
        } else {
            idle_text(d, idle[0] ? 0 : 1, k, out);
        }
    }
}

void doubts_text(const struct doubts *d, FILE *out)
{
    char n[TEXT_NUMBER];
    if (d->same) return;
    if (nobody(d)) {
        fputs(nothing_judged(d)
                  ? "no firewall judged any frame: set this machine's addresses with `--self ADDR`"
                  : "the rules depend on this machine's addresses: set these addresses with `--self ADDR`",
              out);
        doubts_offer(d, out);
        fputc('\n', out);
    } else {
        idle_lines(d, out);
    }
    if (self_unseen(d)) {
        fputs("the rules have `self`, but no frame is from or to an address of `--self`", out);
        doubts_offer(d, out);
        fputc('\n', out);
    }
    if (d->sourceless && !nobody(d))
        fprintf(out,
                "%s frame%s would be forwarded from an unknown address of this machine: set its addresses with "
                "`--self ADDR`\n",
                text_number(d->sourceless, n), d->sourceless == 1 ? "" : "s");
}

void doubts_json(const struct doubts *d, FILE *out)
{
    const bool unknown = !d->same && (nobody(d) || d->sourceless);
    unsigned n = 0;
    json_print(out, ",'self_unknown':%i,'self_unseen':%i,'unjudged':[", unknown, self_unseen(d));
    for (unsigned k = 0; k < DIRECTIONS; k++) {
        if (d->same || (!judged_none(d, 0, k) && !judged_none(d, 1, k))) continue;
        json_next(out, n++);
        json_string(out, keys[k]);
    }
    fputc(']', out);
}
