/* `list` and `has`: members with their ends and notes. A list is made in parts, the next one after the last was read */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/live/control/sets/set_answers.h"
#include "runtime/report/text.h"

enum { PART = 256 /* most members in a part */ };

struct listed {
    struct control *control;
    char *name;
    uint64_t version;  /* version of the set when the list began */
    uint64_t at;       /* position in the overlay (live_list) */
    uint32_t at4, at6; /* positions in the base */
    uint64_t told;
};

/* Add a document to the answer, from a stream in memory; out NULL: out of memory. */
static bool tell_text(struct call *c, FILE *out, char **text, const size_t *len)
{
    const bool good = out && !fclose(out) && call_json(c, *text, *len);
    free(*text);
    *text = NULL;
    return good;
}

static bool tell_entry(struct call *c, const struct member_target *t, uint64_t now_ms, const struct live_entry *e)
{
    char member[MEMBER_TEXT], *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out) return false;
    json_print(out, "{'member':%s,", sets_net_text(&e->net, member));
    sets_print_end(out, now_ms, e->end_ms);
    fputc(',', out);
    sets_print_note(out, t, &e->net);
    fputc('}', out);
    return tell_text(c, out, &text, &len);
}

static bool tell_range(struct call *c, const struct member_target *t, bool v6, const uint32_t lo[4],
                       const uint32_t hi[4])
{
    char member[MEMBER_TEXT], *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out) return false;
    json_print(out, "{'member':%s,", sets_range_text(v6, lo, hi, member));
    sets_print_end(out, 0, LIVE_FOREVER);
    fputc(',', out);
    sets_print_note(out, t, NULL);
    fputc('}', out);
    return tell_text(c, out, &text, &len);
}

static void ends6(const struct pbc_range6 *r, uint32_t lo[4], uint32_t hi[4])
{
    const uint64_t all[4] = {r->lo_hi, r->lo_lo, r->hi_hi, r->hi_lo};
    for (unsigned i = 0; i < 4; i++) {
        lo[i] = (uint32_t)(all[i / 2] >> (i % 2 ? 0 : 32));
        hi[i] = (uint32_t)(all[2 + i / 2] >> (i % 2 ? 0 : 32));
    }
}

/* Report the next part of the base. Return the number of ranges reported; 0 after the last; -1 if memory ran out. */
static int tell_base(struct listed *l, struct call *c, const struct member_target *t)
{
    const struct live_base b = live_base(member_table(t));
    int told = 0;
    for (; l->at4 < b.count4 && told < PART; l->at4++, told++)
        if (!tell_range(c, t, false, (uint32_t[4]){b.r4[l->at4].lo}, (uint32_t[4]){b.r4[l->at4].hi})) return -1;
    for (; l->at6 < b.count6 && told < PART; l->at6++, told++) {
        uint32_t lo[4], hi[4];
        ends6(&b.r6[l->at6], lo, hi);
        if (!tell_range(c, t, true, lo, hi)) return -1;
    }
    return told;
}

static int tell_members(struct listed *l, struct call *c, const struct member_target *t)
{
    struct live_entry all[PART];
    const uint64_t now_ms = members_now_ms();
    const unsigned count = live_list(member_table(t), now_ms, &l->at, all, PART);
    for (unsigned i = 0; i < count; i++)
        if (!tell_entry(c, t, now_ms, &all[i])) return -1;
    return (int)count;
}

static void listed_more(void *arg, struct call *c)
{
    struct listed *l = arg;
    struct member_target t;
    char text[TEXT_NUMBER];
    if (!members_find(l->control->rules, l->name, &t) || t.set->version != l->version) {
        call_end(c, 2, "%s was replaced while preyrun read its members: run the command again", l->name);
        return;
    }
    int told = tell_base(l, c, &t);
    if (!told) told = tell_members(l, c, &t);
    l->told += told > 0 ? (uint64_t)told : 0;
    if (told < 0)
        call_end(c, 2, "out of memory");
    else if (!told)
        call_end(c, 0, "%s member%s", text_number(l->told, text), text_plural(l->told));
}

static void listed_over(void *arg)
{
    struct listed *l = arg;
    free(l->name);
    free(l);
}

static const struct call_ops parts = {.more = listed_more, .over = listed_over};

void sets_list(struct control *control, struct call *c, const struct member_target *t)
{
    struct listed *l = malloc(sizeof *l);
    if (l) *l = (struct listed){.control = control, .name = strdup(t->set->name), .version = t->set->version};
    if (l && l->name) {
        call_follow(c, &parts, l);
        return;
    }
    free(l);
    call_end(c, 2, "out of memory");
}

/* Read an address, as in struct key. */
static bool address_read(const char *text, uint32_t addr[4], bool *v6)
{
    uint32_t raw[4] = {0};
    *v6 = strchr(text, ':');
    if (inet_pton(*v6 ? AF_INET6 : AF_INET, text, raw) != 1) return false;
    for (unsigned i = 0; i < 4; i++) addr[i] = ntohl(raw[i]);
    return true;
}

void sets_has(struct control *control, struct call *c, const struct member_target *t)
{
    static const char *const refused[] = {[LIVE_MAY] = NULL, [LIVE_OUTSIDE] = "outside", [LIVE_NEVER] = "never"};
    const char *said = call_text_of(c, "address");
    uint32_t addr[4];
    bool v6;
    if (!said || !address_read(said, addr, &v6)) {
        call_end(c, 2, "%.60s: not an address", said ? said : "");
        return;
    }
    const uint64_t now_ms = members_now_ms();
    struct live_why why = {.end_ms = 0};
    const bool has = live_why(member_table(t), now_ms, addr, v6, &why);
    char member[MEMBER_TEXT], *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    (void)control;
    if (out) {
        json_print(out, "{'set':%s,'address':%s,'has':%i", t->set->name, said, has);
        if (has) {
            json_print(out, ",'member':%s,",
                       why.base ? sets_range_text(v6, why.lo, why.hi, member) : sets_net_text(&why.net, member));
            sets_print_end(out, now_ms, why.base ? LIVE_FOREVER : why.end_ms);
            fputc(',', out);
            sets_print_note(out, t, why.base ? NULL : &why.net);
        }
        json_print(out, ",'refused':%s}", refused[member_refuses(t, v6, addr, addr)]);
    }
    if (tell_text(c, out, &text, &len))
        call_end(c, 0, "%s", has ? "yes" : "no");
    else
        call_end(c, 2, "out of memory");
}
