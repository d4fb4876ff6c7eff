/* Make firewalls out of base chains. In netfilter a packet passes all base chains of its hooks, by priority: a drop
 * ends that, an accept leads to the next. In prey one firewall judges the packet, and the first rule that decides ends
 * it. So the last base chain becomes the firewall's body. Earlier ones become chains run by `do`, where accept returns.
 * An accept below a jump becomes a `do` of all that follows, as a chain that decides every packet. */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/import/write_priv.h"
#include "lang/heap.h"

enum { PRIORITY_DEFRAG = -400, PRIORITY_CONNTRACK = -200, PRIORITY_DSTNAT = -100, PRIORITY_SRCNAT = 100 };

static const char *const way_words[] = {[WAY_IN] = "in", [WAY_FORWARD] = "forward", [WAY_OUT] = "out"};

/* Return the order of a hook's chains on a way; -1: not on that way. */
static int hook_order(enum way way, enum hook hook)
{
    static const signed char orders[WAYS][HOOK_POSTROUTING + 1] = {
        [WAY_IN] = {-1, 0, 1, 2, -1, -1, -1},
        [WAY_FORWARD] = {-1, 0, 1, -1, 2, -1, 3},
        [WAY_OUT] = {-1, -1, -1, -1, -1, 2, 3},
    };
    return orders[way][hook];
}

struct sorted {
    const struct chain *chain;
    int order;
    uint32_t place;
};

static int by_order(const void *a, const void *b)
{
    const struct sorted *x = a, *y = b;
    if (x->order != y->order) return x->order - y->order;
    if (x->chain->priority != y->chain->priority) return x->chain->priority < y->chain->priority ? -1 : 1;
    return x->place < y->place ? -1 : 1;
}

/* True if the chain runs before destinations are translated. */
static bool is_before(const struct chain *c)
{
    return c->hook == HOOK_INGRESS || (c->hook == HOOK_PREROUTING && c->priority < PRIORITY_DSTNAT);
}

static void way_collect(struct writer *w, enum way way)
{
    struct sequence *q = &w->ways[way];
    struct sorted *sorted = NULL;
    uint32_t n = 0, cap = 0;
    for (const struct chain *c = w->s->chains; c; c = c->next) {
        /* A chain without rules, whose policy accepts, changes nothing. */
        if (c->nat || hook_order(way, c->hook) < 0 || (!c->rules && !c->drops)) continue;
        if (n == cap) sorted = heap_grown(sorted, n + 1, sizeof(*sorted), &cap);
        sorted[n] = (struct sorted){c, hook_order(way, c->hook), n};
        n++;
    }
    if (n) qsort(sorted, n, sizeof(*sorted), by_order);
    q->of = arena_alloc(w->s->arena, (n + 1) * sizeof(*q->of));
    q->parts_at = UINT32_MAX;
    for (uint32_t i = 0; i < n; i++) {
        if (way != WAY_OUT && q->parts_at == UINT32_MAX && !is_before(sorted[i].chain)) q->parts_at = i;
        q->of[i] = sorted[i].chain;
    }
    q->count = n;
    if (way != WAY_OUT && q->parts_at == UINT32_MAX) q->parts_at = n;
    free(sorted);
}

static int by_key(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
    if (x->chain != y->chain) return x->chain < y->chain ? -1 : 1;
    if (x->way != y->way) return x->way < y->way ? -1 : 1;
    if (x->hook != y->hook) return x->hook < y->hook ? -1 : 1;
    if (x->before_state != y->before_state) return x->before_state ? 1 : -1;
    if (x->before_defrag != y->before_defrag) return x->before_defrag ? 1 : -1;
    if (x->after_source != y->after_source) return x->after_source ? 1 : -1;
    if (x->from != y->from) return x->from < y->from ? -1 : 1;
    if (x->family != y->family) return x->family < y->family ? -1 : 1;
    if (x->forwarded != y->forwarded) return x->forwarded < y->forwarded ? -1 : 1;
    return x->accepted == y->accepted ? 0 : x->accepted < y->accepted ? -1 : 1;
}

/* Return the place with these properties. A new place is appended to those to write. */
static struct place *place_like(struct writer *w, const struct place *key, const char *wish)
{
    struct place *const *found = tfind(key, &w->place_tree, by_key);
    if (found) return *found;
    struct place *p = arena_alloc(w->s->arena, sizeof(*p));
    *p = *key;
    p->next = NULL;
    p->firewall = false;
    p->name = name_give(&w->names, wish, "_rules");
    *w->places_end = p;
    w->places_end = &p->next;
    if (!tsearch(p, &w->place_tree, by_key)) out_of_memory();
    return p;
}

/* Drop the properties on which the chain's rules do not depend, so that equal places are written once. */
static struct place reduced(const struct place *p)
{
    const struct traits *has = &p->chain->has;
    struct place key = *p;
    if (!has->accepts && p->kind != PLACE_WHOLE) key.accepted = NULL;
    if (!has->destination && !has->departure) key.forwarded = NULL;
    key.before_state &= has->state;
    key.before_defrag &= has->fragment;
    key.after_source &= has->source;
    if (!has->departure && !(has->arrival && p->way == WAY_OUT) && !key.forwarded) {
        key.way = WAY_IN;
        key.hook = HOOK_INPUT;
    }
    return key;
}

const struct place *place_of_jump(struct writer *w, const struct place *p, const struct chain *target)
{
    const struct place full = {.kind = PLACE_JUMPED,
                               .chain = target,
                               .hook = p->hook,
                               .before_state = p->before_state,
                               .before_defrag = p->before_defrag,
                               .after_source = p->after_source,
                               .way = p->way,
                               .family = p->family,
                               .forwarded = p->forwarded,
                               .accepted = p->accepted};
    const struct place key = reduced(&full);
    return place_like(w, &key, target->name);
}

/* True if the chain runs before the step that the kernel takes first at that priority. */
static bool precedes(const struct chain *c, int priority)
{
    const bool first = c->hook == HOOK_PREROUTING || c->hook == HOOK_OUTPUT;
    return c->hook == HOOK_INGRESS || (first && c->priority < priority);
}

/* Return a base chain as a place; the caller sets its kind. */
static struct place stage_place(const struct writer *w, const struct place *p, const struct chain *c)
{
    return (struct place){.kind = PLACE_WHOLE,
                          .chain = c,
                          .hook = c->hook,
                          .before_state = precedes(c, PRIORITY_CONNTRACK),
                          .before_defrag = precedes(c, PRIORITY_DEFRAG + 1),
                          .after_source = w->sources && c->hook == HOOK_POSTROUTING && c->priority > PRIORITY_SRCNAT,
                          .way = p->way,
                          .family = c->family ? c->family : p->family,
                          .forwarded = p->forwarded};
}

static struct place *place_of_stage(struct writer *w, const struct place *p, const struct chain *c, bool plain,
                                    struct place *accepted)
{
    struct place full = stage_place(w, p, c);
    full.kind = plain ? PLACE_PLAIN : PLACE_WHOLE;
    full.accepted = accepted;
    const struct place key = reduced(&full);
    return place_like(w, &key, c->family == 6 ? import_format(w->s, "%.40s_ip6", c->name) : c->name);
}

/* Return a name such as `to_192_0_2_1_80`. */
static const char *name_of_target(struct writer *w, const struct forwarded *f)
{
    char *text;
    size_t len;
    FILE *out = heap_stream(&text, &len);
    fputs("to_", out);
    put_address(out, f->to.family, f->to.lo, f->to.lo);
    if (f->port) fprintf(out, "_%u", f->port);
    heap_stream_end(out);
    const char *name = import_format(w->s, "%s", text);
    free(text);
    return name;
}

static struct place *place_of_rest(struct writer *w, const struct place *p, uint32_t from, uint8_t family)
{
    const struct place key = {
        .kind = PLACE_REST, .way = p->way, .from = from, .family = family, .forwarded = p->forwarded};
    const char *wish = import_format(w->s, "%s_rest", way_words[p->way]);
    return place_like(w, &key, p->forwarded ? name_of_target(w, p->forwarded) : wish);
}

/* True if packets of forwarded ports leave the way for that of WAY_FORWARD. */
static bool forwarded_ports_leave(const struct writer *w, enum way way)
{
    if (way == WAY_OUT || (!w->ways[WAY_FORWARD].count && !w->ways[way].count)) return false;
    for (const struct forwarded *f = w->forwarded; f; f = f->next)
        if (way == WAY_IN || !f->at.word) return true;
    return false;
}

static bool chain_sees_family(const struct chain *c, uint8_t family)
{
    return !c->family || !family || c->family == family;
}

/* True if no later stage judges packets of this stage, those of forwarded ports included. */
static bool is_last(const struct writer *w, const struct place *p, uint32_t i)
{
    const struct sequence *q = &w->ways[p->way];
    const uint8_t own = q->of[i]->family ? q->of[i]->family : p->family;
    if (i < q->parts_at && !p->forwarded && forwarded_ports_leave(w, p->way)) return false;
    for (uint32_t k = i + 1; k < q->count; k++)
        if (chain_sees_family(q->of[k], own)) return false;
    return true;
}

static bool accepts_below(struct writer *w, const struct chain *c)
{
    ruleset_spend(w->s, c->count);
    for (const struct rule *r = c->rules; r; r = r->next) {
        if (r->act != ACT_JUMP && r->act != ACT_GOTO) continue;
        const struct chain *to = ruleset_find_chain(w->s, c->scope, r->target);
        if (to && to->has.accepts) return true;
    }
    return false;
}

static void put_rules(struct writer *w, const struct place *p)
{
    w->all_decided = w->syn_fin_dropped = false;
    for (struct rule *r = p->chain->rules; r && !is_full(w); r = r->next) put_rule(w, p, r);
}

static void put_do(struct writer *w, const char *name, const struct chain *c, uint8_t known)
{
    const bool only = c->family && c->family != known;
    fprintf(w->out, "do %s%s", name, !only ? "" : c->family == 4 ? " ip" : " ip6");
    if (c->devices.count) {
        fputs(" on ", w->out);
        put_list(w, &c->devices, ASK_ON);
    }
    fputc('\n', w->out);
}

static void put_parting(struct writer *w, const struct place *p);

/* Write the stages from p->from on, for packets of p->family. Packets that reach the end were accepted by every stage.
 * Returns the policy of the last stage, or END_DECIDED if no packet reaches the end. */
enum end { END_ACCEPTS, END_DROPS, END_DECIDED };
static enum end put_stages(struct writer *w, const struct place *p)
{
    const struct sequence *q = &w->ways[p->way];
    for (uint32_t i = p->from; i < q->count && !is_full(w); i++) {
        const struct chain *c = q->of[i];
        const bool narrow = c->devices.count || (c->family && c->family != p->family);
        if (i == q->parts_at && !p->forwarded) put_parting(w, p);
        if (!chain_sees_family(c, p->family)) continue;
        if (is_last(w, p, i) && !narrow) {
            struct place body = stage_place(w, p, c);
            body.firewall = p->firewall;
            put_rules(w, &body);
            return c->drops ? END_DROPS : END_ACCEPTS;
        }
        if (is_last(w, p, i)) {
            put_do(w, place_of_stage(w, p, c, false, NULL)->name, c, p->family);
        } else if (!c->drops && !accepts_below(w, c)) {
            put_do(w, place_of_stage(w, p, c, true, NULL)->name, c, p->family);
        } else {
            struct place *rest = place_of_rest(w, p, i + 1, c->family ? c->family : p->family);
            put_do(w, place_of_stage(w, p, c, false, rest)->name, c, p->family);
            if (!narrow) return END_DECIDED;
        }
    }
    if (q->parts_at == q->count && !p->forwarded) put_parting(w, p);
    return END_ACCEPTS;
}

/* Send forwarded packets to the stages of the way WAY_FORWARD, with their new destination. */
static void put_parting(struct writer *w, const struct place *p)
{
    for (const struct forwarded *f = w->forwarded; f && !is_full(w); f = f->next) {
        if (p->way == WAY_FORWARD && f->at.word) continue;
        if (p->family && p->family != f->to.family) continue;
        struct place as_sent = {.way = WAY_FORWARD, .forwarded = f->like};
        const struct sequence *q = &w->ways[WAY_FORWARD];
        if (q->parts_at >= q->count)
            fputs("accept", w->out);
        else
            fprintf(w->out, "do %s", place_of_rest(w, &as_sent, q->parts_at, f->to.family)->name);
        put_forwarded(w, f);
    }
}

static void put_place(struct writer *w, const struct place *p)
{
    fprintf(w->out, "\nchain %s {\n", p->name);
    if (p->kind == PLACE_REST) {
        static const char *const ends[] = {[END_ACCEPTS] = "accept\n", [END_DROPS] = "drop\n", [END_DECIDED] = ""};
        if (p->forwarded && p->forwarded->exit) {
            /* by which device the packets leave, and the rule that names it */
            fputs("# ", w->out);
            put_address(w->out, p->forwarded->to.family, p->forwarded->to.lo, p->forwarded->to.lo);
            fputs(" is behind ", w->out);
            put_comment(w->out, p->forwarded->exit);
            fputs(", says: ", w->out);
            put_comment(w->out, p->forwarded->exit_told->text);
            fputc('\n', w->out);
        }
        fputs(ends[put_stages(w, p)], w->out);
    } else {
        put_rules(w, p);
        if (p->kind == PLACE_WHOLE && !w->all_decided)
            fprintf(w->out, "%s%s\n", p->accepted && !p->chain->drops ? "do " : "", place_verdict(p, true));
    }
    fputs("}\n", w->out);
}

/* True if the first `count` stages become chains that always return: each has policy accept, and no rule below a jump
 * accepts. */
static bool are_plain(struct writer *w, const struct sequence *q, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (q->of[i]->drops || accepts_below(w, q->of[i])) return false;
    return true;
}

static void put_firewall(struct writer *w, enum way way)
{
    const struct place body = {.kind = PLACE_REST, .way = way, .firewall = true};
    char *text;
    size_t len;
    FILE *file = w->out;
    if (!w->ways[way].count && !forwarded_ports_leave(w, way)) return;
    /* The last chain gives the name, if it is the firewall's body. */
    static const char *const usual[] = {[WAY_IN] = "arriving", [WAY_FORWARD] = "crossing", [WAY_OUT] = "leaving"};
    const struct sequence *q = &w->ways[way];
    const struct chain *last = q->count ? q->of[q->count - 1] : NULL;
    const bool own = last && !last->family && !last->devices.count && are_plain(w, q, q->count - 1) &&
                     strcmp(last->name, way_words[way]) != 0;
    const char *name = name_give(&w->names, own ? last->name : usual[way], "_rules");
    w->out = heap_stream(&text, &len);
    const enum end end = put_stages(w, &body);
    heap_stream_end(w->out);
    w->out = file;
    fprintf(w->out, "\nfirewall %s %s default %s other frames pass {\n", name, way_words[way],
            end == END_DROPS ? "drop" : "accept");
    fwrite(text, 1, len, w->out);
    fputs("}\n", w->out);
    free(text);
}

void put_firewalls(struct writer *w)
{
    find_exits(w);
    for (enum way way = 0; way < WAYS; way++) way_collect(w, way);
    for (enum way way = 0; way < WAYS; way++) put_firewall(w, way);
    /* writing a place may append further ones */
    for (const struct place *p = w->places; p && !is_full(w); p = p->next) put_place(w, p);
    heap_tree_free(w->place_tree);
}
