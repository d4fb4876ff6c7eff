/* `change`: members that are added and removed by hand, each by itself: one that is refused stops no other */
#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/ctl/members.h"
#include "runtime/live/control/handed.h"
#include "runtime/live/control/sets/set_answers.h"
#include "runtime/report/json.h"
#include "runtime/report/text.h"

enum { NOTES_SWEPT = 64 };

/* The change that a question asks for, and what became of it */
struct changing {
    const struct member_target *t;
    struct call *call;
    struct note_of note;
    enum live_how how;
    bool wide;
    uint64_t counts[LIVE_LENGTHS + 1]; /* by enum live_said */
    uint64_t refused;
    uint64_t held; /* not removed, since something else holds them */
    bool untold;   /* the answer has no room for all that was refused */
};

/* True if the record is a member: no bits are set behind its length. */
static bool record_is_sound(const struct member_record *r)
{
    const struct live_net net = {.addr = {r->addr[0], r->addr[1], r->addr[2], r->addr[3]}, .len = r->len, .v6 = r->v6};
    uint32_t lo[4], hi[4];
    if (r->v6 > 1 || r->len > (r->v6 ? 128 : 32) || r->does > MEMBER_REMOVE || r->ms > MEMBER_MS_MOST) return false;
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

/* Return the reason to refuse the member; NULL: there is none. */
static const char *refusal(const struct changing *g, const struct member_record *r, const struct live_net *net)
{
    uint32_t lo[4], hi[4];
    if (set_is_answered(g->t)) return "its members come by DNS answers alone";
    if (!g->wide && r->len < (r->v6 ? MEMBER_WIDE6 : MEMBER_WIDE4))
        return r->v6 ? "shorter than /16, which --wide allows" : "shorter than /8, which --wide allows";
    live_net_ends(net, lo, hi);
    const enum live_refusal why = member_refuses(g->t, net->v6, lo, hi);
    return why == LIVE_NEVER ? "`never` holds it, or a part of it" : why == LIVE_OUTSIDE ? "it is outside `in`" : NULL;
}

/* True if the first range holds all of the second. */
static bool range_holds(bool v6, const uint32_t lo[4], const uint32_t hi[4], const uint32_t from[4],
                        const uint32_t to[4])
{
    const unsigned words = v6 ? 4 : 1;
    int below = 0, above = 0; /* as of the first words that differ */
    for (unsigned i = 0; i < words; i++) {
        if (!below) below = lo[i] < from[i] ? -1 : lo[i] > from[i];
        if (!above) above = hi[i] > to[i] ? -1 : hi[i] < to[i];
    }
    return below <= 0 && above <= 0;
}

/* Say what holds an address or network that is to be removed and is no member itself. False: nothing holds all of it.
 */
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
        snprintf(text, len, "%s of the file holds it: replace the file by one without it",
                 sets_range_text(net->v6, why.lo, why.hi, member));
    else
        snprintf(text, len, "member %s holds it", sets_net_text(&why.net, member));
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
        tell_refused(g, r, said == LIVE_FULL ? "the set is full" : "members have eight prefix lengths, the most");
        return;
    }
    if (notes_full(notes)) notes_sweep(notes, member_table(g->t), now_ms, NOTES_SWEPT);
    if (said == LIVE_KEPT) live_find(member_table(g->t), now_ms, &net, &end_ms);
    g->note.anew = said == LIVE_ADDED;
    g->note.now_ms = now_ms;
    g->note.end_ms = end_ms;
    notes_set(notes, &net, &g->note);
}

/* End the answer: numbers of all that became of members. */
static void change_end(struct control *control, const struct changing *g)
{
    char words[300] = "";
    size_t used = 0;
    uint64_t failed = g->refused + g->held + g->counts[LIVE_FULL] + g->counts[LIVE_LENGTHS];
    cJSON *o = cJSON_CreateObject();
    json_text(o, "set", g->t->set->name);
    static const char *const keys[] = {
        [LIVE_ADDED] = "added",   [LIVE_RENEWED] = "renewed", [LIVE_KEPT] = "kept",      [LIVE_REMOVED] = "removed",
        [LIVE_ABSENT] = "absent", [LIVE_FULL] = "full",       [LIVE_LENGTHS] = "lengths"};
    char text[TEXT_NUMBER];
    for (unsigned i = 0; i <= LIVE_LENGTHS; i++) {
        json_number(o, keys[i], g->counts[i]);
        if (g->counts[i])
            used += (size_t)snprintf(words + used, sizeof words - used, "%s%s %s", used ? ", " : "",
                                     text_number(g->counts[i], text), live_said_word((enum live_said)i));
    }
    json_number(o, "held", g->held);
    if (g->held)
        used += (size_t)snprintf(words + used, sizeof words - used, "%s%s held", used ? ", " : "",
                                 text_number(g->held, text));
    json_number(o, "refused", g->refused);
    if (g->refused)
        snprintf(words + used, sizeof words - used, "%s%s refused", used ? ", " : "", text_number(g->refused, text));
    const bool fits = call_document(g->call, o) && !g->untold;
    cJSON_Delete(o);
    control->tell->changes++;
    call_end(g->call, fits ? failed != 0 : 2, "%s: %s", g->t->set->name,
             fits ? words : "out of memory, so not all that was refused is told");
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
    for (size_t i = 0; sound && i < count; i++) sound = record_is_sound(&all[i]);
    if (!all) {
        call_end(c, 2, "%s", err);
    } else if (!sound) {
        call_end(c, 2, "the question came with something else than a list of members");
    } else {
        struct changing g = {.t = t,
                             .call = c,
                             .note = {.uid = call_uid(c), .wall_ns = clock_ns(CLOCK_REALTIME), .comment = comment},
                             .how = call_is_true(c, "once") ? LIVE_ONCE : LIVE_SET,
                             .wide = call_is_true(c, "wide")};
        for (size_t i = 0; i < count; i++) change_one(&g, &all[i]);
        change_end(control, &g);
    }
    free(all);
}
