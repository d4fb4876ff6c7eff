/* preyctl sets: live sets, and their members. */
#include <pwd.h>
#include <string.h>

#include "runtime/base/when.h"
#include "runtime/preyctl/command.h"
#include "runtime/preyctl/command/sets/changes.h"
#include "runtime/preyctl/print_json.h"
#include "runtime/report/document/fill.h"
#include "runtime/report/document/item.h"
#include "runtime/report/text.h"

static const char usage[] =
    "[NAME [has A|add A[/N]... [for D] [once] [cut] [comment TEXT] [--wide]|remove A[/N]...|flush|"
    "replace|feed]]";

static int tell_usage(void) { return talk_complain("usage: preyctl sets %s", usage); }

/* The user named last, kept because a list often names one user many times. */
struct author {
    uint64_t uid;
    char name[TEXT_NUMBER]; /* name of the user; "": none yet */
};

/* Return the user of a member's last change; "rule", "answer", or "-". */
static const char *author_of(const cJSON *o, struct author *a)
{
    const uint64_t uid = item_number(o, "uid");
    if (!item_known(o, "uid")) return strcmp(item_text(o, "by"), "replace") ? item_text(o, "by") : "-";
    if (*a->name && a->uid == uid) return a->name;
    const struct passwd *pw = getpwuid((uid_t)uid);
    a->uid = uid;
    if (pw)
        snprintf(a->name, sizeof a->name, "%.30s", pw->pw_name);
    else
        snprintf(a->name, sizeof a->name, "user %u", (unsigned)uid);
    return a->name;
}

/* Write the time for which a member stays: "9m 58s"; "for good". */
static const char *left_text(const cJSON *o, char buf[TEXT_NUMBER])
{
    if (!item_known(o, "left_ms")) return "for good";
    const uint64_t s = (item_number(o, "left_ms") + 999) / 1000;
    const unsigned long long d = s / 86400, h = s / 3600 % 24, m = s / 60 % 60;
    if (d)
        snprintf(buf, TEXT_NUMBER, "%llud %lluh", d, h);
    else if (h)
        snprintf(buf, TEXT_NUMBER, "%lluh %llum", h, m);
    else if (m)
        snprintf(buf, TEXT_NUMBER, "%llum %llus", m, (unsigned long long)(s % 60));
    else
        snprintf(buf, TEXT_NUMBER, "%llus", (unsigned long long)s);
    return buf;
}

/* ---- all sets ---- */

/* Report which files and names are not in force, and why. */
static void print_faults(const cJSON *seen)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, item(seen, "sets"))
    {
        const char *const fault = item_text(one, "fault"), *const unresolved = item_text(one, "unresolved");
        const char *const name = item_text(one, "set");
        if (*fault) printf("%s%s: %s\n", name, item(one, "names") ? "" : " keeps its old ranges", fault);
        if (*unresolved) printf("%s: %s\n", name, unresolved);
    }
}

static int show_all(struct talk *t)
{
    cJSON *seen;
    const int status = talk_document(t, talk_question(QUESTION_SETS), &seen);
    if (status) return status;
    if (t->line->json) {
        print_json(seen);
    } else {
        printf("%-20s %12s %12s %10s %10s %10s %10s %10s %10s %10s %10s\n", "set", "members", "size", "ranges", "added",
               "renewed", "removed", "expired", "evicted", "refused", "cut");
        fill(stdout, seen,
             "{*sets|||{set:-20} {#members:12} {#size:12} {#ranges:10} {#added:10} {#renewed:10} {#removed:10} "
             "{#expired:10} {#evicted:10} {#full+lengths+refused:10} {#cut:10}\n}");
        if (!cJSON_GetArraySize(item(seen, "sets"))) puts("the running program has no live set");
        print_faults(seen);
    }
    cJSON_Delete(seen);
    return 0;
}

/* ---- one set ---- */

static void member_print(const struct talk *t, const struct message *m, bool first, struct author *by)
{
    if (t->line->json) {
        printf("%.*s\n", (int)m->len, m->body);
        return;
    }
    cJSON *o = document_parse(m->body, m->len);
    char left[TEXT_NUMBER], when[TEXT_TIME];
    if (first) printf("%-24s  %-9s  %-10s  %-16s  %s\n", "member", "left", "by", "since", "comment");
    const char *since = text_local(item_text(o, "since"), when);
    printf("%-24s  %-9s  %-10s  %-16s  %s\n", item_text(o, "member"), left_text(o, left), author_of(o, by),
           *since ? since : "-", item_text(o, "comment"));
    cJSON_Delete(o);
}

static int show_members(struct talk *t, const char *set)
{
    struct message m;
    struct author by = {.name = ""};
    int next = talk_ask(t, sets_question("list", set), -1) ? -1 : 1;
    for (bool first = true; next > 0 && (next = talk_next(t, &m, PATIENCE_MS)) > 0 && !ferror(stdout);) {
        if (m.kind != MESSAGE_DOCUMENT) continue;
        member_print(t, &m, first, &by);
        first = false;
    }
    const int status = talk_over(t, next);
    if (!status && !next && !t->line->json) puts(t->words);
    return status;
}

static void has_print(const cJSON *o)
{
    char left[TEXT_NUMBER], when[TEXT_TIME];
    struct author by = {.name = ""};
    const char *refused = item_text(o, "refused"), *who = author_of(o, &by);
    if (!item_true(o, "has")) {
        printf("%s doesn't have %s", item_text(o, "set"), item_text(o, "address"));
    } else {
        printf("%s has %s: member %s, %s%s", item_text(o, "set"), item_text(o, "address"), item_text(o, "member"),
               item_known(o, "left_ms") ? "for " : "", left_text(o, left));
        if (item_known(o, "until")) printf(", until %s", text_local(item_text(o, "until"), when));
        printf(", by %s", who);
        if (item_known(o, "since")) printf(" since %s", text_local(item_text(o, "since"), when));
        if (*item_text(o, "comment")) printf(": %s", item_text(o, "comment"));
    }
    if (*refused)
        printf("; adding it isn't allowed: %s",
               strcmp(refused, "never") ? "the set's `in` doesn't contain it" : "`never` contains it");
    puts("");
}

static int ask_has(struct talk *t, const char *set, const char *address)
{
    cJSON *question = sets_question("has", set), *now;
    cJSON_AddStringToObject(question, "address", address);
    const int status = talk_document(t, question, &now);
    if (status) return status;
    if (t->line->json)
        print_json(now);
    else
        has_print(now);
    const bool has = item_true(now, "has");
    cJSON_Delete(now);
    return !has;
}

static int ask_flush(struct talk *t, const char *set)
{
    cJSON *now;
    const int status = talk_document(t, sets_question("flush", set), &now);
    if (status) return status;
    talk_tell(t, now);
    cJSON_Delete(now);
    return 0;
}

/* True for a word that takes a value. */
static bool takes_value(const char *s) { return !strcmp(s, "for") || !strcmp(s, "comment"); }
static bool is_word(const char *s) { return !strcmp(s, "once") || !strcmp(s, "cut") || takes_value(s); }

/* Read the words after `add` and `remove` that are not members. *at: the word; set to the one after it. Return 0 or
 * 2. */
static int word_read(struct changes *c, const struct command_line *l, unsigned *at, uint64_t *ms)
{
    const char *word = l->arguments[*at], *next = *at + 1 < l->count ? l->arguments[*at + 1] : NULL;
    uint64_t ns;
    if (!takes_value(word)) {
        c->once |= !strcmp(word, "once");
        c->cuts |= !strcmp(word, "cut");
        return 0;
    }
    if (!next) return talk_complain("`%s` takes %s", word, !strcmp(word, "for") ? "a time" : "a text");
    ++*at;
    if (!strcmp(word, "comment")) {
        c->comment = next;
        return 0;
    }
    if (!duration_read(next, &ns) || !ns) return talk_complain("`%.60s` isn't a time such as 30s, 5m, 2h or 7d", next);
    *ms = (ns + 999999) / 1000000;
    return 0;
}

/* Read the words, and send the members once all of them are good. */
static int members_change(struct changes *c, const struct command_line *l, bool removes)
{
    uint64_t ms = 0;
    unsigned members = 0;
    char why[300];
    struct member_record r;
    int status = 0;
    for (unsigned i = 2; i < l->count && !status; i++) {
        const char *word = l->arguments[i];
        if (!removes && is_word(word)) {
            status = word_read(c, l, &i, &ms);
            continue;
        }
        members++;
        if (!member_read(word, strlen(word), &r, why, sizeof why)) status = talk_complain("%.60s: %s", word, why);
    }
    if (!status && !members) return tell_usage();
    for (unsigned i = 2; i < l->count && !status; i++) {
        const char *word = l->arguments[i];
        if (!removes && is_word(word)) {
            i += takes_value(word);
            continue;
        }
        member_read(word, strlen(word), &r, why, sizeof why);
        r.does = removes ? MEMBER_REMOVE : MEMBER_ADD;
        r.ms = ms;
        if (c->cuts) r.flags |= MEMBER_CUT;
        status = changes_put(c, &r, 0, word, strlen(word));
    }
    if (!status) status = changes_send(c);
    return status ? status : changes_tell(c);
}

static int ask_change(struct talk *t, const char *set, bool removes, bool wide)
{
    struct changes c;
    if (!changes_init(&c, t, set)) return 2;
    c.wide = wide;
    const int status = members_change(&c, t->line, removes);
    changes_fini(&c);
    return status;
}

int command_SETS(struct talk *t)
{
    struct command_line *l = t->line;
    const bool wide = argument_flag(l, "--wide");
    const char *unknown = argument_unknown(l);
    if (unknown) return talk_complain("`%.60s` isn't an option of sets: preyctl sets %s", unknown, usage);
    if (!l->count) return show_all(t);
    const char *set = l->arguments[0], *op = l->count > 1 ? l->arguments[1] : NULL;
    if (!op) return show_members(t, set);
    if (!strcmp(op, "add") || !strcmp(op, "remove")) return ask_change(t, set, *op == 'r', wide);
    if (!strcmp(op, "has") && l->count == 3) return ask_has(t, set, l->arguments[2]);
    if (!strcmp(op, "flush") && l->count == 2) return ask_flush(t, set);
    if (!strcmp(op, "replace") && l->count == 2) return sets_replace_by(t, set, wide);
    if (!strcmp(op, "feed") && l->count == 2) return sets_feed(t, set, wide);
    return tell_usage();
}
