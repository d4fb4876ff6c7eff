/* `load`, `reload` and `rollback`: one at a time. Each waits for an earlier reload, and its caller waits for it. */
#include "runtime/live/control/programs/asked_load.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/live/carry/proxy/access.h"
#include "runtime/live/control/handed.h"
#include "runtime/live/control/programs/confirm.h"
#include "runtime/live/control/programs/history.h"
#include "runtime/live/control/programs/onfile.h"
#include "runtime/live/control/questions.h"
#include "runtime/live/rules/reload.h"
#include "runtime/live/rules/room.h"
#include "runtime/live/tell/notified.h"

#define CONFIRM_MOST_NS UINT64_C(4000000000000000000)

struct load {
    struct program *program; /* a counted reference */
    char *name;
    uint64_t confirm_ns; /* time for the confirmation; 0: none is needed */
    bool saves, begun;
    struct began began;
    bool reloads;           /* the program becomes that of the command line's file */
    char *allows;           /* devices that it may leave unjudged; NULL: none */
    struct program *before; /* a counted reference to the program that ran at the beginning */
    char *before_name, *before_allows;
    char what[300], by[60]; /* words for its events */
    struct call *call;      /* waiting caller; NULL: gone */
};

void load_free(struct load *w)
{
    if (!w) return;
    program_put(w->program);
    program_put(w->before);
    free(w->name);
    free(w->before_name);
    free(w->before_allows);
    free(w->allows);
    free(w);
}

/* Forget the caller, who has left or has been answered. */
static void caller_gone(void *arg)
{
    struct control *control = arg;
    if (control->load) control->load->call = NULL;
}

static const struct call_ops waits = {.over = caller_gone};

/* Add the answer's document: the running program, and how long its trial lasts. */
static void load_document(struct control *control, struct call *c, const struct load *w, bool saved)
{
    const struct program *p = control->carry->now.program;
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "program", w->name);
    cJSON_AddNumberToObject(o, "rules", p->rules_count);
    cJSON_AddNumberToObject(o, "services", p->past ? p->past->services : p->services_count);
    cJSON_AddBoolToObject(o, "saved", saved);
    if (*control->rules->unjudged) cJSON_AddStringToObject(o, "unjudged", control->rules->unjudged);
    if (*control->rules->fell_out) cJSON_AddStringToObject(o, "fell_out", control->rules->fell_out);
    if (w->confirm_ns)
        cJSON_AddNumberToObject(o, "confirm_left_s", (double)(w->confirm_ns / 1000000000));
    else
        cJSON_AddNullToObject(o, "confirm_left_s");
    if (w->confirm_ns) cJSON_AddStringToObject(o, "confirm_word", control->confirm.word);
    call_document(c, o);
    cJSON_Delete(o);
}

/* Answer that the program runs. */
static void answer_runs(struct control *control, struct call *c, const struct load *w, const char *unsaved)
{
    char text[TEXT_NUMBER];
    const bool saved = w->saves && !w->confirm_ns && !unsaved, tells = saved && !w->reloads;
    const char *fell = control->rules->fell_out, *before = *fell ? "; " : "";
    load_document(control, c, w, saved);
    if (unsaved)
        call_end(c, 2, "%.200s runs, but isn't saved: %s", w->name, unsaved);
    else if (w->confirm_ns)
        call_end(c, 0, "%.200s runs; %.200s comes back in %s unless you run: preyctl confirm %s%s%s%s", w->name,
                 confirm_back(control), text_duration(w->confirm_ns, text), control->confirm.word, before, fell,
                 *fell ? "; the members of sets also come back" : "");
    else
        call_end(c, 0, "%.200s runs%s%.200s%s%s", w->name, tells ? ", and is saved as " : "",
                 tells ? control->o->program : "", before, fell);
}

/* Answer that the program does not run. */
static void answer_refused(const struct control *control, struct call *c, const char *name, bool reloads,
                           const char *why)
{
    if (reloads)
        call_end(c, 2, "reload: %.800s; the old program keeps running", why);
    else
        call_end(c, 2, "%.200s: %.600s; %.100s keeps running", name, why, control->carry->now.name);
}

/* End the load. why: the reason of its failure; NULL: it succeeded. */
static void load_over(void *with, const char *why)
{
    struct control *control = with;
    struct load *w = control->load;
    struct call *c = w->call;
    char err[500];
    const char *unsaved = NULL;
    control->load = NULL;
    if (!why && w->confirm_ns) {
        confirm_load(
            control, w->confirm_ns,
            &(struct confirm){
                .back = w->before, .back_name = w->before_name, .back_allows = w->before_allows, .saves = w->saves});
        w->before = NULL;
        w->before_name = w->before_allows = NULL;
    } else if (!why && w->saves && onfile_save(control, err, sizeof err)) {
        unsaved = err;
        events_tell(&control->tell->events, TOLD_FAULT, "%s runs, but isn't saved: %s", w->name, err);
    }
    if (c && why) answer_refused(control, c, w->name, w->reloads, why);
    if (c && !why) answer_runs(control, c, w, unsaved);
    load_free(w);
}

void load_step(struct control *control)
{
    const struct carry *carry = control->carry;
    struct load *w = control->load;
    if (!w || w->begun) return;
    w->begun = true;
    w->before = program_get(carry->now.program->past ? carry->now.program->past->under : carry->now.program);
    w->before_name = strdup(carry->now.name);
    if (carry->now.allows) w->before_allows = strdup(carry->now.allows);
    if (!w->before_name || (carry->now.allows && !w->before_allows)) {
        load_over(control, "out of memory");
        return;
    }
    notified_reloading(control->tell);
    reload_to(control->rules, &(struct reload_wish){.program = w->program,
                                                    .name = w->name,
                                                    .what = w->what,
                                                    .by = w->by,
                                                    .allows = w->allows,
                                                    .began = w->began,
                                                    .over = load_over,
                                                    .with = control});
}

/* Return the reason to refuse the load; NULL: none. */
static const char *load_refusal(const struct control *control, const struct call *c, bool saves, char *err,
                                size_t err_len)
{
    uint64_t ns;
    if (confirm_waits(control)) return "the running program isn't confirmed yet: run preyctl confirm first";
    if (control->load) return "another load is in progress: run the command again when it has finished";
    if (call_has(c, "confirm_ns") && (!call_number_of(c, "confirm_ns", CONFIRM_MOST_NS, &ns) || !ns))
        return "`confirm_ns`, the time to confirm, must be a whole number of nanoseconds from 1 to 4e18";
    return saves && !onfile_may_save(control, err, err_len) ? err : NULL;
}

/* The load that a question asks for. */
struct asked_load {
    const char *name;   /* name of its program's file */
    const char *allows; /* devices that it may leave unjudged; NULL: none */
    enum began_way way;
    bool saves;
};

/* Make the load, which then owns the program. NULL: out of memory. */
static struct load *load_new(const struct control *control, struct call *c, const struct asked_load *a,
                             struct program *p)
{
    static const char *const words[BEGAN_COUNT] = {
        [BEGAN_LOAD] = "loaded", [BEGAN_RELOAD] = "asked for", [BEGAN_ROLLBACK] = "rolled back"};
    struct load *w = calloc(1, sizeof *w);
    if (w) w->name = strdup(a->name);
    if (w && a->allows) w->allows = strdup(a->allows);
    if (!w || !w->name || (a->allows && !w->allows)) {
        load_free(w);
        return NULL;
    }
    w->program = p;
    w->saves = a->saves;
    w->reloads = a->way == BEGAN_RELOAD;
    uint64_t login;
    if (ask_LOGIN(control->tell->channel, &(struct request_process){call_pid(c)}, &login, NULL, 0)) login = LOGIN_NONE;
    w->began = (struct began){a->way, true, call_uid(c), (uint32_t)login};
    w->call = c;
    if (call_has(c, "confirm_ns")) call_number_of(c, "confirm_ns", CONFIRM_MOST_NS, &w->confirm_ns);
    if (w->reloads)
        strcpy(w->what, "reload");
    else
        snprintf(w->what, sizeof w->what, "%s: %.200s", began_word(a->way), a->name);
    snprintf(w->by, sizeof w->by, ", %s by user %u", words[a->way], (unsigned)call_uid(c));
    return w;
}

/* Refuse a bad program. The refusal is reported and counted like a failed reload. */
static void refuse_load(struct control *control, struct call *c, const struct asked_load *a, const char *why)
{
    const bool reloads = a->way == BEGAN_RELOAD;
    if (reloads)
        events_tell(&control->tell->events, TOLD_REFUSED, "reload: %s; the old program keeps running", why);
    else
        events_tell(&control->tell->events, TOLD_REFUSED, "%s: %.200s: %s; the old program keeps running",
                    began_word(a->way), a->name, why);
    control->tell->changes++;
    answer_refused(control, c, a->name, reloads, why);
}

/* Begin the load of p, which is owned here from then on. p NULL: no program could be loaded, with the reason in
 * `why`. */
static void load_begin(struct control *control, struct call *c, const struct asked_load *a, struct program *p,
                       const char *why)
{
    if (p) room_bound(control->rules, p);
    if (p && (control->load = load_new(control, c, a, p))) {
        call_follow(c, &waits, control);
        if (!control->rules->reload) load_step(control);
        return;
    }
    refuse_load(control, c, a, p ? "out of memory" : why);
    program_put(p);
}

void asked_LOAD(void *with, struct call *c)
{
    struct control *control = with;
    const char *said = call_text_of(c, "name");
    const struct asked_load a = {.name = said && *said ? said : "program",
                                 .allows = call_text_of(c, "allow_unjudged"),
                                 .way = BEGAN_LOAD,
                                 .saves = call_is_true(c, "save")};
    char err[600];
    const char *why = load_refusal(control, c, a.saves, err, sizeof err);
    if (why)
        call_end(c, 2, "%s", why);
    else
        load_begin(control, c, &a, handed_program(c, PBC_SIZE_MAX, err, sizeof err), err);
}

/* Return the program that came with the call, else that of the command line's file. NULL, with the reason in err. */
static struct program *reload_program(struct control *control, struct call *c, char *err, size_t err_len)
{
    char why[500];
    const char *name = call_text_of(c, "name");
    if (!call_has_fd(c)) {
        struct program *p = reload_file(control->rules, err, err_len);
        if (p) memcpy(control->rules->file_digest, p->digest, sizeof control->rules->file_digest);
        return p;
    }
    struct program *p = handed_program(c, PBC_SIZE_MAX, why, sizeof why);
    if (!p) snprintf(err, err_len, "%.90s: %s", name ? name : "program", why);
    return p;
}

void asked_RELOAD(void *with, struct call *c)
{
    struct control *control = with;
    const struct asked_load a = {.name = control->o->program, .way = BEGAN_RELOAD, .saves = call_has_fd(c)};
    char err[600];
    logs_again(control->carry);
    if (call_is_true(c, "logs")) {
        call_end(c, 0, "log files have been opened again");
        return;
    }
    const char *why = load_refusal(control, c, a.saves, err, sizeof err);
    if (why)
        call_end(c, 2, "reload: %s", why);
    else
        load_begin(control, c, &a, reload_program(control, c, err, sizeof err), err);
}

void asked_ROLLBACK(void *with, struct call *c)
{
    struct control *control = with;
    const struct past_entry *entry = NULL;
    uint64_t back = 0;
    char err[600];
    if (call_has(c, "number") && (!call_number_of(c, "number", HISTORY_PLACES - 1, &back) || !back)) {
        call_end(c, 2, "`number`, how many programs to go back, must be a whole number from 1 to %u",
                 HISTORY_PLACES - 1);
        return;
    }
    const char *why = load_refusal(control, c, call_is_true(c, "save"), err, sizeof err);
    if (!why && !call_has(c, "number") && !(back = history_before(control, err, sizeof err))) why = err;
    struct program *p = why ? NULL : history_program(control, (unsigned)back, &entry, err, sizeof err);
    if (!p) {
        call_end(c, 2, "rollback: %s", why ? why : err);
        return;
    }
    const struct asked_load a = {.name = entry->name,
                                 .allows = *entry->allows ? entry->allows : NULL,
                                 .way = BEGAN_ROLLBACK,
                                 .saves = call_is_true(c, "save")};
    load_begin(control, c, &a, p, err);
}
