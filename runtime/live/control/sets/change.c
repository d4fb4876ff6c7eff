/* `change`: members added and removed by hand, each separately, so that a refused one stops no other */
#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/ctl/members.h"
#include "runtime/live/control/handed.h"
#include "runtime/live/control/sets/set_answers.h"
#include "runtime/report/json.h"
#include "runtime/report/text.h"

enum { NOTES_SWEPT = 64 };

/* The change that a question requests, and its results */
struct changing {
    const struct rules *rules;
    const struct member_target *t;
    struct call *call;
    struct note_of note;
    enum live_how how;
    bool wide;
    uint64_t counts[LIVE_LENGTHS + 1]; /* numbers of members by result, enum live_said */
    uint64_t refused;
    uint64_t held;        /* not removed, because other members cover them */
    bool untold;          /* the answer has no room for all refused members */
    struct live_net *cut; /* [cuts] members whose flows are to end */
    size_t cuts;
};

/* An answer that waits until flows have ended */
struct cutting {
    struct cut_wait wait;
    struct rules *rules;
    struct call *call; /* the waiting call; NULL: it has ended, or its client is gone */
    cJSON *numbers;
    int status;
    char words[300];
    struct live_net nets[];
};

/* True if the record is a member: no bits are set beyond its length. */
static bool record_is_sound(const struct member_record *r)
{
    const struct live_net net = {.addr = {r->addr[0], r->addr[1], r->addr[2], r->addr[3]}, .len = r->len, .v6 = r->v6};
    uint32_t lo[4], hi[4];
    if (r->v6 > 1 || r->len > (r->v6 ? 128 : 32) || r->does > MEMBER_REMOVE || r->ms > MEMBER_MS_MOST) return false;
    if (r->flags & ~MEMBER_CUT || (r->flags && r->does == MEMBER_REMOVE)) return false;
    live_net_ends(&net, lo, hi);
    return !memcmp(lo, r->addr, sizeof lo) && (r->v6 || !(r->addr[1] | r->addr[2] | r->addr[3]));
}

static void tell_refused(struct changing *g, const struct member_record *r, const char *why)
{
    cJSON *o = cJSON_CreateObject();
    json_number(o, "at", r->at);
    cJSON_AddStringToObject(o, "why", why);
    if (!call_document(g->call, o)) g->untold = true;
    cJSON_Delete(o);
}

/* Return the reason to refuse the member, or NULL. */
static const char *refusal(const struct changing *g, const struct member_record *r, const struct live_net *net)
{
    uint32_t lo[4], hi[4];
    if (set_is_answered(g->t)) return "the set's members come only from DNS answers";
    if (!g->wide && r->len < (r->v6 ? MEMBER_WIDE6 : MEMBER_WIDE4))
        return r->v6 ? "the prefix is shorter than /16: to allow so wide a network, add --wide"
                     : "the prefix is shorter than /8: to allow so wide a network, add --wide";
    live_net_ends(net, lo, hi);
    const enum live_refusal why = member_refuses(g->t, net->v6, lo, hi);
    return why == LIVE_NEVER     ? "`never` contains it, or a part of it"
           : why == LIVE_OUTSIDE ? "the set's `in` doesn't contain it"
                                 : NULL;
}

/* True if the first range contains all of the second. */
static bool range_holds(bool v6, const uint32_t lo[4], const uint32_t hi[4], const uint32_t from[4],
                        const uint32_t to[4])
{
    const unsigned words = v6 ? 4 : 1;
    int below = 0, above = 0; /* result at the first words that differ */
    for (unsigned i = 0; i < words; i++) {
        if (!below) below = lo[i] < from[i] ? -1 : lo[i] > from[i];
        if (!above) above = hi[i] > to[i] ? -1 : hi[i] < to[i];
    }
    return below <= 0 && above <= 0;
}

/* Report the member that covers an address or network to be removed, which is no member itself. False if no member
 * covers all of it. */
static bool holder_say(const struct changing *g, const struct live_net *net, char *text, size_t len)
{
    struct live_why why = {.end_ms = 0};
    uint32_t lo[4], hi[4], first[4], last[4];
    char member[MEMBER_TEXT];
    live_net_ends(net, lo, hi);
    const struct live_set *table = member_table(g->t);
    const uint64_t now_ms = members_now_ms();
    if (!live_why(table, now_ms, lo, net->v6, &why)) return false;
    if (!why.base) live_net_ends(&why.net, first, last);
    if (!range_holds(net->v6, why.base ? why.lo : first, why.base ? why.hi : last, lo, hi)) return false;
    if (why.base)
        snprintf(text, len, "%s in the set's list contains it: `replace` the list with one that doesn't contain it",
                 sets_range_text(net->v6, why.lo, why.hi, member));
    else
        snprintf(text, len, "the member %s contains it", sets_net_text(&why.net, member));
    return true;
}

static void remove_one(struct changing *g, const struct member_record *r, const struct live_net *net)
{
    char why[MEMBER_TEXT + 60];
    const enum live_said said = member_remove(g->t, net);
    notes_remove(g->t->set->notes, net);
    if (said == LIVE_ABSENT && holder_say(g, net, why, sizeof why)) {
        g->held++;
        tell_refused(g, r, why);
        return;
    }
    g->counts[said]++;
}

static void change_one(struct changing *g, const struct member_record *r)
{
    const struct live_net net = {.addr = {r->addr[0], r->addr[1], r->addr[2], r->addr[3]}, .len = r->len, .v6 = r->v6};
    struct notes *notes = g->t->set->notes;
    if (r->does == MEMBER_REMOVE) {
        remove_one(g, r, &net);
        return;
    }
    const char *why = refusal(g, r, &net);
    if (why) {
        g->refused++;
        g->t->set->refused++;
        tell_refused(g, r, why);
        return;
    }
    const uint64_t now_ms = members_now_ms();
    uint64_t end_ms = r->ms ? now_ms + r->ms : LIVE_FOREVER;
    const enum live_said said = member_add(g->t, &net, end_ms, g->how);
    g->counts[said]++;
    if (said == LIVE_FULL || said == LIVE_LENGTHS) {
        tell_refused(g, r,
                     said == LIVE_FULL ? "the set is full: remove members, or write a larger `size` in the rules"
                                       : "the set's members already have eight prefix lengths, which is the limit");
        return;
    }
    if (r->flags & MEMBER_CUT) {
        member_cut(g->rules, g->t, &net);
        g->cut[g->cuts++] = net;
    }
    if (notes_full(notes)) notes_sweep(notes, member_table(g->t), now_ms, NOTES_SWEPT);
    if (said == LIVE_KEPT) live_find(member_table(g->t), now_ms, &net, &end_ms);
    g->note.anew = said == LIVE_ADDED;
    g->note.now_ms = now_ms;
    g->note.end_ms = end_ms;
    notes_set(notes, &net, &g->note);
}

/* Return the numbers of changed and unchanged members, and write them in words for people. */
static cJSON *change_numbers(const struct changing *g, char *words, size_t len)
{
    size_t used = 0;
    cJSON *o = cJSON_CreateObject();
    json_text(o, "set", g->t->set->name);
    static const char *const keys[] = {
        [LIVE_ADDED] = "added",   [LIVE_RENEWED] = "renewed", [LIVE_KEPT] = "kept",      [LIVE_REMOVED] = "removed",
        [LIVE_ABSENT] = "absent", [LIVE_FULL] = "full",       [LIVE_LENGTHS] = "lengths"};
    char text[TEXT_NUMBER];
    for (unsigned i = 0; i <= LIVE_LENGTHS; i++) {
        json_number(o, keys[i], g->counts[i]);
        if (g->counts[i])
            used += (size_t)snprintf(words + used, len - used, "%s%s %s", used ? ", " : "",
                                     text_number(g->counts[i], text), live_said_word((enum live_said)i));
    }
    json_number(o, "held", g->held);
    if (g->held)
        used += (size_t)snprintf(words + used, len - used, "%s%s held", used ? ", " : "", text_number(g->held, text));
    json_number(o, "refused", g->refused);
    if (g->refused) snprintf(words + used, len - used, "%s%s refused", used ? ", " : "", text_number(g->refused, text));
    return o;
}

/* End the answer. o: the numbers, which are freed. */
static void change_end(struct call *c, cJSON *o, int status, const char *set, const char *words)
{
    const bool fits = call_document(c, o);
    call_end(c, fits ? status : 2, "%s: %s", set,
             fits ? words : "the set has changed, but the numbers don't fit into the reply");
    cJSON_Delete(o);
}

static void cutting_done(struct cut_wait *w, uint64_t flows)
{
    struct cutting *k = (struct cutting *)w;
    struct call *c = k->call;
    cJSON *numbers = k->numbers;
    char words[400], text[TEXT_NUMBER];
    snprintf(words, sizeof words, "%s, %s flow%s ended", k->words, text_number(flows, text), text_plural(flows));
    json_number(numbers, "cut", flows);
    k->numbers = NULL;
    k->call = NULL;
    change_end(c, numbers, k->status, cJSON_GetStringValue(cJSON_GetObjectItem(numbers, "set")), words);
}

/* Send a sign of life to the waiting client. */
static void cutting_lasts(struct cut_wait *w) { call_text(((struct cutting *)w)->call, "%s", "flows are being ended"); }

static void cutting_over(void *arg)
{
    struct cutting *k = arg;
    if (k->call) members_cut_leave(k->rules, &k->wait);
    cJSON_Delete(k->numbers);
    free(k);
}

/* Have the answer wait until these flows have ended. False: out of memory. */
static bool change_follow(struct control *control, const struct changing *g, cJSON *numbers, int status,
                          const char *words)
{
    static const struct call_ops waits = {.over = cutting_over};
    struct cutting *k = calloc(1, sizeof *k + g->cuts * sizeof *k->nets);
    if (!k) return false;
    *k = (struct cutting){.wait = {.nets = k->nets,
                                   .count = g->cuts,
                                   .set = g->t->set->number,
                                   .done = cutting_done,
                                   .lasts = cutting_lasts},
                          .rules = control->rules,
                          .call = g->call,
                          .numbers = numbers,
                          .status = status};
    memcpy(k->nets, g->cut, g->cuts * sizeof *k->nets);
    snprintf(k->words, sizeof k->words, "%s", words);
    call_follow(g->call, &waits, k);
    members_cut_wait(control->rules, &k->wait);
    return true;
}

/* Answer with the numbers, once the flows to be cut have ended. */
static void change_tell(struct control *control, const struct changing *g)
{
    char words[300] = "";
    const uint64_t failed = g->refused + g->held + g->counts[LIVE_FULL] + g->counts[LIVE_LENGTHS];
    const int status = g->untold ? 2 : failed != 0;
    cJSON *numbers = change_numbers(g, words, sizeof words);
    control->tell->changes++;
    if (g->untold) snprintf(words, sizeof words, "the set has changed, but the numbers don't fit into the reply");
    if (g->cuts && change_follow(control, g, numbers, status, words)) return;
    json_number(numbers, "cut", 0);
    change_end(g->call, numbers, status, g->t->set->name, words);
}

void sets_change(struct control *control, struct call *c, const struct member_target *t)
{
    char err[300];
    size_t len = 0;
    const char *comment = call_text_of(c, "comment");
    if (comment && !note_comment_fits(comment)) {
        call_end(c, 2, "a comment has at most %d bytes of UTF-8, without control characters", NOTE_COMMENT_MOST);
        return;
    }
    struct member_record *all =
        handed_bytes(c, MEMBER_RECORDS_MOST * sizeof *all, "the members", &len, err, sizeof err);
    const size_t count = len / sizeof *all;
    bool sound = all && len % sizeof *all == 0;
    struct live_net *cut = malloc((count + 1) * sizeof *cut);
    bool cuts = false;
    for (size_t i = 0; sound && i < count; i++) sound = record_is_sound(&all[i]);
    for (size_t i = 0; sound && i < count; i++) cuts |= all[i].flags & MEMBER_CUT;
    if (!all) {
        call_end(c, 2, "%s", err);
    } else if (!cut) {
        call_end(c, 2, "out of memory");
    } else if (cuts && call_is_guest(c)) {
        call_end(c, 2, "users of --sets-group may change sets, but not end flows: leave out `cut`");
    } else if (!sound) {
        call_end(c, 2, "the data sent with the question isn't a list of members");
    } else {
        struct changing g = {.rules = control->rules,
                             .t = t,
                             .call = c,
                             .note = {.uid = call_uid(c), .wall_ns = clock_ns(CLOCK_REALTIME), .comment = comment},
                             .how = call_is_true(c, "once") ? LIVE_ONCE : LIVE_SET,
                             .wide = call_is_true(c, "wide"),
                             .cut = cut};
        for (size_t i = 0; i < count; i++) change_one(&g, &all[i]);
        change_tell(control, &g);
    }
    free(cut);
    free(all);
}
