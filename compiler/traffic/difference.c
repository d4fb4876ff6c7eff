/* Flows and regions are in hash tables; the report lists the largest region first */
#include "compiler/traffic/difference.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/traffic/doubts.h"
#include "lang/json.h"
#include "runtime/report/verdicts.h"

enum {
    REGIONS_MOST = 4096,
    REGION_SLOTS = 2 * REGIONS_MOST,
    FLOWS_MOST = 1 << 22,
    ALL = UINT32_MAX,
    DIFFERING = UINT32_MAX - 1
};
enum kind { WIDENED, NARROWED, CHANGED, MOVED, KINDS };
static const char *const kinds[] = {"widened", "narrowed", "changed", "moved"};

struct region {
    enum kind kind;
    struct compared first;
    uint64_t frames, flows, bytes;
};

struct flow_seen {
    uint64_t flow; /* 0: free slot */
    uint32_t region;
};

static uint64_t side(const struct differences *d, const uint32_t addr[4], uint16_t port)
{
    const uint64_t words[] = {hash_pair(addr[0], addr[1]), hash_pair(addr[2], addr[3]), port};
    return hash_words(&d->key, words, 3);
}

uint64_t differences_flow(const struct differences *d, const struct key *key, bool malformed)
{
    const bool ports =
        key->kind & KIND_PORTS && key->kind & KIND_FRAG_NO; /* only one fragment of a datagram has the ports */
    if (malformed || !(key->kind & KIND_IP)) return 0;
    /* Sums, so that both directions are equal. */
    const uint64_t words[] = {
        side(d, key->src, ports ? key->src_port : 0) + side(d, key->dst, ports ? key->dst_port : 0), key->proto};
    return hash_words(&d->key, words, 2) | 1;
}

static struct flow_seen *slot(const struct hash_key *key, const struct flow_seen *seen, size_t room, uint64_t flow,
                              uint32_t region)
{
    const uint64_t words[] = {flow, region};
    for (uint64_t i = hash_words(key, words, 2);; i++) {
        const struct flow_seen *s = &seen[i & (room - 1)];
        if (!s->flow || (s->flow == flow && s->region == region)) return (struct flow_seen *)(uintptr_t)s;
    }
}

static bool differences_make_room(struct differences *d)
{
    if (d->seen_count * 2 < d->seen_room) return true;
    const size_t room = d->seen_room ? d->seen_room * 2 : 1024;
    struct flow_seen *seen = room <= FLOWS_MOST * 2 ? calloc(room, sizeof(*seen)) : NULL;
    if (!seen) return false;
    for (size_t i = 0; i < d->seen_room; i++)
        if (d->seen[i].flow) *slot(&d->key, seen, room, d->seen[i].flow, d->seen[i].region) = d->seen[i];
    free(d->seen);
    d->seen = seen;
    d->seen_room = room;
    return true;
}

/* True for the first frame of the flow in that region. */
static bool is_new(struct differences *d, uint64_t flow, uint32_t region)
{
    if (!flow) return false;
    if (!differences_make_room(d)) {
        d->flows_at_least = true;
        return false;
    }
    struct flow_seen *s = slot(&d->key, d->seen, d->seen_room, flow, region);
    if (s->flow) return false;
    *s = (struct flow_seen){.flow = flow, .region = region};
    d->seen_count++;
    return true;
}

static bool lets(const struct verdict *v)
{
    return v->action == ACTION_ACCEPT || v->action == ACTION_FORWARD || v->action == ACTION_PASS;
}

/* True if the same rule or default decided both. Both verdicts are from one program. */
static bool same_decider(const struct verdict *a, const struct verdict *b)
{
    return a->action == b->action && a->rule == b->rule && a->firewall == b->firewall && a->service == b->service &&
           a->server == b->server && a->reason == b->reason;
}

static const char *server(const struct differences *d, unsigned i, const struct verdict *v)
{
    return label_server(d->labels[i], v->server);
}

bool differences_is(const struct differences *d, const struct compared *c)
{
    const struct verdict *was = &c->fate[0].verdict, *now = &c->fate[1].verdict;
    if (was->action != now->action || c->fate[0].sent != c->fate[1].sent) return true;
    return lets(was) && strcmp(server(d, 0, was), server(d, 1, now)) != 0;
}

static enum kind difference_kind(const struct compared *c)
{
    const struct verdict *was = &c->fate[0].verdict, *now = &c->fate[1].verdict;
    if (lets(was) != lets(now)) return lets(now) ? WIDENED : NARROWED;
    return lets(was) ? MOVED : CHANGED;
}

/* Return the slot of these two deciders' region, or a free slot for it. */
static uint32_t *region_slot(const struct differences *d, const struct compared *c)
{
    uint64_t words[6];
    for (unsigned i = 0; i < 2; i++) {
        const struct verdict *v = &c->fate[i].verdict;
        words[3 * i] = hash_pair(v->rule, (uint32_t)v->action << 8 | v->reason);
        words[3 * i + 1] = hash_pair(v->firewall, v->service);
        words[3 * i + 2] = v->server;
    }
    for (uint64_t at = hash_words(&d->key, words, 6);; at++) {
        uint32_t *s = &d->region_slots[at % REGION_SLOTS];
        const struct region *r = *s ? &d->regions[*s - 1] : NULL;
        if (!r || (same_decider(&r->first.fate[0].verdict, &c->fate[0].verdict) &&
                   same_decider(&r->first.fate[1].verdict, &c->fate[1].verdict)))
            return s;
    }
}

/* Return the region of both deciders. NULL: out of memory, or REGIONS_MOST regions exist. */
static struct region *region_of(struct differences *d, const struct compared *c)
{
    uint32_t *slot = region_slot(d, c);
    if (*slot) return &d->regions[*slot - 1];
    if (d->count == REGIONS_MOST) return NULL;
    if (d->count == d->room) {
        const uint32_t room = d->room ? d->room * 2 : 16;
        struct region *more = reallocarray(d->regions, room, sizeof(*more));
        if (!more) return NULL;
        d->regions = more;
        d->room = room;
    }
    d->regions[d->count] = (struct region){.kind = difference_kind(c), .first = *c};
    *slot = ++d->count;
    return &d->regions[d->count - 1];
}

int differences_add(struct differences *d, const struct compared *c)
{
    d->frames++;
    d->flows += is_new(d, c->flow, ALL);
    if (!differences_is(d, c)) return 0;
    d->differing++;
    d->differing_flows += is_new(d, c->flow, DIFFERING);
    struct region *r = region_of(d, c);
    if (!r && d->count < REGIONS_MOST) return -ENOMEM;
    if (!r) {
        d->left_out++;
        return 0;
    }
    r->frames++;
    r->bytes += c->bytes;
    r->flows += is_new(d, c->flow, (uint32_t)(r - d->regions));
    if (c->number < r->first.number) r->first = *c; /* an earlier frame that was held */
    return 0;
}

int differences_init(struct differences *d)
{
    /* A secret key: senders chose the contents of the capture. */
    hash_key_init(&d->key, hash_pair(arc4random(), arc4random()));
    d->region_slots = calloc(REGION_SLOTS, sizeof(*d->region_slots));
    return d->region_slots ? 0 : -ENOMEM;
}

void differences_fini(struct differences *d)
{
    free(d->region_slots);
    free(d->regions);
    free(d->seen);
}

static int by_size(const void *a, const void *b)
{
    const struct region *x = a, *y = b;
    if (x->frames != y->frames) return x->frames < y->frames ? 1 : -1;
    return x->first.number > y->first.number ? 1 : -1;
}

static const char *frames(uint64_t n, char *buf, size_t len)
{
    char number[TEXT_NUMBER];
    snprintf(buf, len, "%s frame%s", text_number(n, number), n == 1 ? "" : "s");
    return buf;
}

static const char *flows(const struct differences *d, uint64_t n, char *buf, size_t len)
{
    char number[TEXT_NUMBER];
    snprintf(buf, len, "%s%s flow%s", d->flows_at_least ? "at least " : "", text_number(n, number), n == 1 ? "" : "s");
    return buf;
}

static void side_text(FILE *out, const char *when, const struct labels *l, const struct verdict *v)
{
    fprintf(out, "            %-5s ", when);
    verdict_text(out, l, v);
    fputc('\n', out);
}

static void region_text(FILE *out, const struct differences *d, const struct region *r)
{
    char a[64], b[64], when[TEXT_TIME], what[160];
    fprintf(out, "%-11s %s of %s\n", kinds[r->kind], frames(r->frames, a, sizeof(a)), flows(d, r->flows, b, sizeof(b)));
    side_text(out, "was", d->labels[0], &r->first.fate[0].verdict);
    side_text(out, "now", d->labels[1], &r->first.fate[1].verdict);
    snprintf(what, sizeof(what), "%s", r->first.what);
    fprintf(out, "            first frame %llu at %s: %s\n\n", (unsigned long long)r->first.number,
            text_clock(r->first.time_ns, when), text_clean(what));
}

static void print_text(const struct differences *d, const struct doubts *doubts, const char *unread, FILE *out)
{
    char a[64], b[64];
    for (uint32_t i = 0; i < d->count; i++) region_text(out, d, &d->regions[i]);
    if (d->left_out)
        fprintf(out, "and %s more, beyond the %u pairs that preyc distinguishes\n", frames(d->left_out, a, sizeof(a)),
                REGIONS_MOST);
    /* "of 25 frames (12 flows), 20 frames (10 flows) would be judged or sent otherwise" */
    fprintf(out, "of %s (%s), ", frames(d->frames, a, sizeof(a)), flows(d, d->flows, b, sizeof(b)));
    if (d->differing)
        fprintf(out, "%s (%s) would be judged or forwarded differently", frames(d->differing, a, sizeof(a)),
                flows(d, d->differing_flows, b, sizeof(b)));
    else
        fprintf(out, "none %s judged or forwarded differently", doubts_any(doubts) ? "is known to be" : "would be");
    fprintf(out, "%s%s\n", *unread ? "; " : "", unread);
    if (d->ways_unknown)
        fprintf(out, "prey knows no route for %s, so `out on` and `urpf-failed` don't match %s: add `--routes FILE`\n",
                frames(d->ways_unknown, a, sizeof(a)), d->ways_unknown == 1 ? "it" : "them");
    doubts_text(doubts, out);
}

static void side_json(FILE *out, const char *when, const struct labels *l, const struct verdict *v)
{
    const char *firewall = v->firewall < l->program->firewalls_count ? l->firewall[v->firewall] : NULL,
               *at = verdict_place(l, v);
    json_print(out, ",%s:{'verdict':%s,'rule':%s,'firewall':%s,'place':%s,'service':%s,'server':%s,'reason':%s}", when,
               action_name(v->action), label_or_null(label_of(l, v->rule)), firewall, *at ? at : NULL,
               label_or_null(label_service(l, v->service)), label_or_null(label_server(l, v->server)),
               label_or_null(reason_name(v->reason)));
}

static void print_json(const struct differences *d, const struct doubts *doubts, const char *unread, FILE *out)
{
    char when[TEXT_TIME], what[160];
    json_print(out, "{'frames':%llu,'flows':%llu,'differing_frames':%llu,'differing_flows':%llu,'regions':[",
               (unsigned long long)d->frames, (unsigned long long)d->flows, (unsigned long long)d->differing,
               (unsigned long long)d->differing_flows);
    for (uint32_t i = 0; i < d->count; i++) {
        const struct region *r = &d->regions[i];
        json_next(out, i);
        json_print(out, "\n{'kind':%s,'frames':%llu,'flows':%llu,'bytes':%llu", kinds[r->kind],
                   (unsigned long long)r->frames, (unsigned long long)r->flows, (unsigned long long)r->bytes);
        side_json(out, "was", d->labels[0], &r->first.fate[0].verdict);
        side_json(out, "now", d->labels[1], &r->first.fate[1].verdict);
        snprintf(what, sizeof(what), "%s", r->first.what);
        json_print(out, ",'first':{'frame':%llu,'time':%s,'packet':%s}}", (unsigned long long)r->first.number,
                   text_iso(r->first.time_ns, when), text_clean(what));
    }
    json_print(out, "],'left_out':%llu,'ways_unknown':%llu", (unsigned long long)d->left_out,
               (unsigned long long)d->ways_unknown);
    doubts_json(doubts, out);
    json_print(out, ",'complete':%i}\n", !*unread && !d->left_out && !d->flows_at_least);
}

bool differences_print(struct differences *d, const struct doubts *doubts, bool json, const char *unread, FILE *out)
{
    if (d->count) qsort(d->regions, d->count, sizeof(*d->regions), by_size);
    if (json)
        print_json(d, doubts, unread, out);
    else
        print_text(d, doubts, unread, out);
    return d->differing || doubts_any(doubts);
}
