/* `sets`: the question about live sets, by its `op`; and the printing that several answers share */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/live/control/questions.h"
#include "runtime/live/control/sets/set_answers.h"
#include "runtime/report/json.h"
#include "runtime/report/text.h"

static const struct {
    const char *op;
    void (*answer)(struct control *control, struct call *c, const struct member_target *t);
    bool changes;
    bool guests; /* allowed for guests (call_is_guest) */
} ops[] = {{"list", sets_list, false, true},
           {"has", sets_has, false, true},
           {"change", sets_change, true, true},
           {"replace", sets_replace, true, true},
           {"flush", sets_flush, true, true}};

static void set_json(const struct rules *rules, uint32_t live, cJSON *to)
{
    const struct ruling *now = &rules->carry->now;
    const struct pbc_live *l = &now->program->lives[live];
    const char *name = program_str(now->program, l->name);
    const struct live_set *table = lives_set(now->lives, live);
    const struct member_set *s = members_named(rules, name);
    struct member_target t;
    char fault[304] = "";
    if (!s) return;
    snprintf(fault, sizeof fault, "%s", s->file.fault);
    if (l->names && members_find(rules, name, &t)) member_names_fault(rules, &t, fault, sizeof fault);
    const struct live_counts c = member_counts(s, table);
    const struct live_base base = live_base(table);
    cJSON *one = json_object(to);
    json_text(one, "set", name);
    json_number(one, "members", c.members);
    json_number(one, "size", l->size);
    json_number(one, "ranges", (uint64_t)base.count4 + base.count6);
    cJSON_AddBoolToObject(one, "keep", l->flags & PBC_LIVE_KEEP);
    cJSON_AddBoolToObject(one, "refuse", l->flags & PBC_LIVE_REFUSE);
#define X(field, doc) json_number(one, #field, c.field);
    LIVE_COUNTS(X)
#undef X
    json_number(one, "refused", member_refused(s, now->lives, live));
    json_number(one, "cut", s->cut);
    const struct live_answered answered = member_answered(s, now->lives, live);
#define X(field, doc) json_number(one, #field, answered.field);
    LIVE_ANSWERED(X)
#undef X
    if (l->answers) json_number(one, "questions_evicted", lives_evicted(now->lives));
    json_number(one, "failing", *fault != 0);
    if (l->file) json_text(one, "file", program_str(now->program, l->file));
    if (l->file) json_time(one, "read", s->file.read_ns);
    if (l->names) json_number(one, "names", now->program->names[l->names - 1].count);
    if (pbc_live_is_filled(l)) json_text(one, "fault", fault);
    if (l->names && members_find(rules, name, &t)) {
        member_names_none(rules, &t, fault, sizeof fault);
        json_text(one, "unresolved", fault);
    }
    json_time(one, "replaced", s->replaced_ns);
    if (s->replaced_ns) json_number(one, "replaced_by", s->replaced_by);
}

void sets_json(const struct control *control, cJSON *root)
{
    const struct ruling *now = &control->carry->now;
    cJSON *all = cJSON_AddArrayToObject(root, "sets");
    for (uint32_t i = 0; now->lives && i < now->lives->count; i++) set_json(control->rules, i, all);
}

void sets_print_end(FILE *out, uint64_t now_ms, uint64_t end_ms)
{
    char when[TEXT_TIME];
    if (end_ms >= LIVE_FOREVER) {
        json_print(out, "'left_ms':null,'until':null");
        return;
    }
    const uint64_t left_ms = end_ms > now_ms ? end_ms - now_ms : 0;
    json_print(out, "'left_ms':%llu,'until':%s", (unsigned long long)left_ms,
               text_iso(clock_ns(CLOCK_REALTIME) + left_ms * 1000000, when));
}

void sets_print_note(FILE *out, const struct member_target *t, const struct live_net *net)
{
    const struct note *n = net ? notes_find(t->set->notes, members_now_ms(), net) : NULL;
    char when[TEXT_TIME];
    const struct member_place *at = &t->at[0];
    if (n && n->uid == NOTE_ANSWER)
        json_print(out, "'by':%s,'uid':null,'since':%s,'comment':%s", "answer", text_iso(n->wall_ns, when), n->comment);
    else if (n && at->program->lives[at->live].names)
        json_print(out, "'by':%s,'uid':null,'since':%s,'comment':%s", "name", text_iso(n->wall_ns, when), n->comment);
    else if (n)
        json_print(out, "'by':%s,'uid':%u,'since':%s,'comment':%s", "hand", (unsigned)n->uid,
                   text_iso(n->wall_ns, when), *n->comment ? n->comment : NULL);
    else if (net)
        json_print(out, "'by':%s,'uid':null,'since':null,'comment':null", set_is_answered(t) ? "answer" : "rule");
    else if (t->set->replaced_ns)
        json_print(out, "'by':%s,'uid':%u,'since':%s,'comment':null", "replace", (unsigned)t->set->replaced_by,
                   text_iso(t->set->replaced_ns, when));
    else
        json_print(out, "'by':%s,'uid':null,'since':null,'comment':null", "replace");
}

const char *sets_net_text(const struct live_net *net, char buf[MEMBER_TEXT])
{
    char address[INET6_ADDRSTRLEN];
    address_text(net->v6 ? 6 : 4, net->addr, address);
    if (net->len == (net->v6 ? 128 : 32))
        snprintf(buf, MEMBER_TEXT, "%s", address);
    else
        snprintf(buf, MEMBER_TEXT, "%s/%u", address, net->len);
    return buf;
}

const char *sets_range_text(bool v6, const uint32_t lo[4], const uint32_t hi[4], char buf[MEMBER_TEXT])
{
    const struct pbc_range r4 = {lo[0], hi[0]};
    const struct pbc_range6 r6 = range6_of_words(lo, hi);
    FILE *out = fmemopen(buf, MEMBER_TEXT, "w");
    *buf = 0;
    if (!out) return buf;
    if (v6)
        range6_print(&r6, out);
    else
        range4_print(&r4, out);
    fclose(out);
    return buf;
}

/* Answer with all sets that the caller may see. */
static void tell_all(const struct control *control, struct call *c)
{
    const struct ruling *now = &control->carry->now;
    cJSON *o = cJSON_CreateObject(), *all = cJSON_AddArrayToObject(o, "sets");
    for (uint32_t i = 0; now->lives && i < now->lives->count; i++)
        if (call_may_set(c, program_str(now->program, now->program->lives[i].name))) set_json(control->rules, i, all);
    const bool fits = call_document(c, o);
    cJSON_Delete(o);
    if (fits)
        call_end(c, 0, "%s", "");
    else
        call_end(c, 2, "out of memory");
}

/* Write the names of all sets, as many as fit. */
static void set_names(const struct program *p, char *text, size_t len)
{
    size_t used = 0;
    snprintf(text, len, "none");
    for (uint32_t i = 0; i < p->lives_count && used < len; i++)
        used += (size_t)snprintf(text + used, len - used, "%s%s", i ? ", " : "", program_str(p, p->lives[i].name));
}

void asked_SETS(void *with, struct call *c)
{
    struct control *control = with;
    const char *op = call_text_of(c, "op"), *name = call_text_of(c, "set");
    struct member_target t;
    char all[400];
    unsigned i = 0;
    if (!op) {
        tell_all(control, c);
        return;
    }
    while (i < sizeof ops / sizeof *ops && strcmp(ops[i].op, op) != 0) i++;
    if (i == sizeof ops / sizeof *ops) {
        call_end(c, 2, "`op` must be list, has, change, replace or flush");
    } else if (call_is_guest(c) && (!ops[i].guests || !name || !call_may_set(c, name))) {
        call_refuse_guest(c);
    } else if (call_is_guest(c) && !members_find(control->rules, name, &t)) {
        call_end(c, 2, "%.100s: the running program has no such live set", name);
    } else if (!name || !members_find(control->rules, name, &t)) {
        set_names(control->carry->now.program, all, sizeof all);
        call_end(c, 2, "%.100s: the running program has no such live set; its live sets: %s", name ? name : "", all);
    } else if (ops[i].changes && t.at[0].program->lives[t.at[0].live].names) {
        call_end(c, 2, "%.100s: its members are the addresses of its host names, and only DNS changes them", name);
    } else if (ops[i].changes && t.at[0].program->lives[t.at[0].live].file) {
        call_end(c, 2, "%.100s: its members come from %.3000s: change that file", name,
                 program_str(t.at[0].program, t.at[0].program->lives[t.at[0].live].file));
    } else if (ops[i].answer == sets_replace && set_is_answered(&t)) {
        call_end(c, 2, "%.100s: its members come only from DNS answers", name);
    } else {
        members_name(control->rules);
        ops[i].answer(control, c, &t);
    }
}
