/* The list of programs that ran, and their files. The list is written again with each change. It may be damaged, so
 * each line is checked. */
#include "runtime/live/control/programs/history.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/files.h"
#include "runtime/live/carry/change.h"
#include "runtime/live/control/programs/confirm.h"
#include "runtime/live/control/questions.h"
#include "runtime/live/tell/log.h"
#include "runtime/report/json.h"

#define NS_PER_S UINT64_C(1000000000)

static void digest_text(const uint8_t digest[PBC_DIGEST_LEN], char text[2 * PBC_DIGEST_LEN + 1])
{
    for (unsigned i = 0; i < PBC_DIGEST_LEN; i++) snprintf(text + 2 * (size_t)i, 3, "%02x", digest[i]);
}

/* Add an entry of the list. */
static void entry_add(cJSON *to, const struct past_entry *e)
{
    char digest[2 * PBC_DIGEST_LEN + 1];
    digest_text(e->digest, digest);
    cJSON_AddNumberToObject(to, "place", e->place);
    cJSON_AddBoolToObject(to, "kept", e->kept);
    cJSON_AddBoolToObject(to, "trial", e->trial);
    json_number(to, "began_s", e->wall_ns / NS_PER_S);
    cJSON_AddStringToObject(to, "how", began_word(e->began.way));
    if (e->began.asked) cJSON_AddNumberToObject(to, "uid", e->began.uid);
    if (e->began.asked && e->began.login != LOGIN_NONE) cJSON_AddNumberToObject(to, "login", e->began.login);
    json_text(to, "program", e->name);
    if (*e->allows) json_text(to, "allows", e->allows);
    cJSON_AddNumberToObject(to, "rules", e->rules);
    cJSON_AddNumberToObject(to, "services", e->services);
    cJSON_AddStringToObject(to, "digest", digest);
}

/* Have the parent keep a file; without bytes, remove it. Return 0 or a negative errno. */
static int file_put(const struct control *control, unsigned file, const void *bytes, size_t len)
{
    return ask_HISTORY_KEEP(control->tell->channel, &(struct request_file){file}, bytes, len, NULL, 0);
}

/* Return a descriptor of a kept file, or a negative errno (-ENOENT: it does not exist). */
static int file_get(const struct control *control, unsigned file)
{
    int fd;
    const int failed = ask_HISTORY_OPEN(control->tell->channel, &(struct request_file){file}, &fd, NULL, 0);
    return failed ? failed : fd;
}

/* Keep the list. Return 0 or a negative errno. */
static int list_keep(const struct control *control)
{
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    for (unsigned i = 0; to && i < control->past.count; i++) {
        cJSON *o = cJSON_CreateObject();
        entry_add(o, &control->past.all[i]);
        char *line = cJSON_PrintUnformatted(o);
        fprintf(to, "%s\n", line ? line : "");
        free(line);
        cJSON_Delete(o);
    }
    const bool good = to && !fclose(to);
    const int failed = good ? file_put(control, HISTORY_LIST, text, len) : -ENOMEM;
    free(text);
    return failed;
}

/* Read a whole number up to `most`. False if the text is not such a number. */
static bool member_number(const cJSON *o, const char *member, double most, uint64_t *n)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(o, member);
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= most)) return false;
    *n = (uint64_t)item->valuedouble;
    return true;
}

static void text_of(const cJSON *o, const char *member, char *text, size_t size)
{
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, member));
    snprintf(text, size, "%s", value ? value : "");
}

static bool member_way(const cJSON *o, enum began_way *way)
{
    char word[20];
    text_of(o, "how", word, sizeof word);
    for (*way = 0; *way < BEGAN_COUNT; ++*way)
        if (!strcmp(word, began_word(*way))) return true;
    *way = BEGAN_BACK;
    return !strcmp(word, "unconfirmed"); /* its word in lists of earlier versions */
}

static bool digest_of(const cJSON *o, uint8_t digest[PBC_DIGEST_LEN])
{
    char text[2 * PBC_DIGEST_LEN + 2], same[2 * PBC_DIGEST_LEN + 1];
    text_of(o, "digest", text, sizeof text);
    for (unsigned i = 0; i < PBC_DIGEST_LEN && strlen(text) == 2 * PBC_DIGEST_LEN; i++) {
        const char two[] = {text[2 * i], text[2 * i + 1], 0};
        digest[i] = (uint8_t)strtoul(two, NULL, 16);
    }
    digest_text(digest, same);
    return !strcmp(text, same);
}

/* Read an entry. False if the line is not an entry. */
static bool entry_read(const cJSON *o, struct past_entry *e)
{
    uint64_t place, began_s, uid = 0, login = LOGIN_NONE, rules, services;
    *e = (struct past_entry){.kept = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "kept")),
                             .trial = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "trial"))};
    if (!member_number(o, "place", HISTORY_PLACES - 1, &place) || !member_number(o, "began_s", 1e10, &began_s) ||
        !member_number(o, "rules", UINT32_MAX, &rules) || !member_number(o, "services", UINT32_MAX, &services) ||
        !member_way(o, &e->began.way) || !digest_of(o, e->digest))
        return false;
    e->began.asked = member_number(o, "uid", UINT32_MAX, &uid);
    (void)member_number(o, "login", UINT32_MAX, &login);
    e->began.uid = (uint32_t)uid;
    e->began.login = (uint32_t)login;
    e->place = (uint8_t)place;
    e->wall_ns = began_s * NS_PER_S;
    e->rules = (uint32_t)rules;
    e->services = (uint32_t)services;
    text_of(o, "program", e->name, sizeof e->name);
    text_of(o, "allows", e->allows, sizeof e->allows);
    return true;
}

static bool place_is_taken(const struct past_programs *past, unsigned place)
{
    for (unsigned i = 0; i < past->count; i++)
        if (past->all[i].place == place) return true;
    return false;
}

void history_begin(struct control *control)
{
    struct past_programs *past = &control->past;
    size_t len = 0;
    const int fd = file_get(control, HISTORY_LIST);
    char *text = fd < 0 ? NULL : read_whole(fd, HISTORY_LIST_MOST, &len), *rest = NULL;
    if (fd >= 0) close(fd);
    for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line && past->count < HISTORY_PLACES;
         line = strtok_r(NULL, "\n", &rest)) {
        cJSON *o = cJSON_Parse(line);
        if (entry_read(o, &past->all[past->count]) && !place_is_taken(past, past->all[past->count].place))
            past->count++;
        cJSON_Delete(o);
    }
    free(text);
}

/* Remove the files of the oldest program that has any, except the newest. False if no files are left. */
static bool drop_oldest(struct control *control)
{
    for (unsigned i = control->past.count; i-- > 1;) {
        struct past_entry *e = &control->past.all[i];
        if (!e->kept) continue;
        e->kept = false;
        file_put(control, HISTORY_PROGRAM + e->place, NULL, 0);
        file_put(control, HISTORY_TEXT + e->place, NULL, 0);
        return true;
    }
    return false;
}

/* Keep a file. If there is no room, remove files of older programs. Return 0 or a negative errno. */
static int file_keep(struct control *control, unsigned file, const void *bytes, size_t len)
{
    int failed;
    while ((failed = file_put(control, file, bytes, len)) == -EFBIG)
        if (!drop_oldest(control)) break;
    return failed;
}

static int program_keep(struct control *control, unsigned place, const struct program *p)
{
    size_t len;
    uint8_t *bytes = program_file_compiled(p, &len);
    const int failed = bytes ? file_keep(control, HISTORY_PROGRAM + place, bytes, len) : -ENOMEM;
    free(bytes);
    return failed;
}

/* Make an entry for the program in force, in place of the oldest one if all places are taken. */
static struct past_entry *entry_new(struct control *control, const struct program *p)
{
    struct past_programs *past = &control->past;
    const struct ruling *now = &control->carry->now;
    unsigned place = 0;
    if (past->count == HISTORY_PLACES) past->count--;
    while (place_is_taken(past, place)) place++;
    memmove(past->all + 1, past->all, past->count++ * sizeof *past->all);
    past->all[0] = (struct past_entry){.place = (uint8_t)place,
                                       .trial = confirm_waits(control),
                                       .wall_ns = clock_ns(CLOCK_REALTIME),
                                       .began = control->rules->began,
                                       .rules = p->rules_count,
                                       .services = p->services_count};
    memcpy(past->all[0].digest, p->digest, sizeof past->all[0].digest);
    snprintf(past->all[0].name, sizeof past->all[0].name, "%s", now->name);
    snprintf(past->all[0].allows, sizeof past->all[0].allows, "%s", now->allows ? now->allows : "");
    return &past->all[0];
}

/* Keep the list; report once if it, or an earlier file, could not be kept. */
static void list_settle(struct control *control, int failed)
{
    const int list_failed = list_keep(control);
    if (!failed) failed = list_failed;
    tell_once(control->tell, failed, &control->past.told, TOLD_FAULT, "history: %s isn't kept: %s",
              control->past.all[0].name, failed == -EFBIG ? "it is too large" : strerror(-failed));
}

void history_step(struct control *control)
{
    if (control->past.begun == control->rules->begun || change_pending(control->carry)) return;
    control->past.begun = control->rules->begun;
    const struct program *now = control->carry->now.program, *p = now->past ? now->past->under : now;
    struct past_programs *past = &control->past;
    if (past->count && !memcmp(past->all[0].digest, p->digest, sizeof p->digest)) {
        if (!confirm_waits(control)) history_confirmed(control);
        return;
    }
    struct past_entry *e = entry_new(control, p);
    int failed = file_keep(control, HISTORY_TEXT + e->place, p->text, p->text_count);
    if (!failed) failed = program_keep(control, e->place, p);
    e->kept = !failed;
    list_settle(control, failed);
}

void history_confirmed(struct control *control)
{
    struct past_programs *past = &control->past;
    if (!past->count || !past->all[0].trial) return;
    past->all[0].trial = false;
    list_settle(control, 0);
}

/* Return the entry; NULL, with one line in err. */
static const struct past_entry *entry_at(const struct control *control, uint64_t back, char *err, size_t err_len)
{
    if (back < control->past.count) return &control->past.all[back];
    snprintf(err, err_len,
             control->past.count > 1 ? "the history has %u program%s, including the running one"
                                     : "the history has no other program",
             control->past.count, control->past.count == 1 ? "" : "s");
    return NULL;
}

unsigned history_before(const struct control *control, char *err, size_t err_len)
{
    const struct past_programs *past = &control->past;
    bool tried = false;
    for (unsigned i = 1; i < past->count; i++) {
        const bool same = !memcmp(past->all[i].digest, past->all[0].digest, sizeof past->all[i].digest);
        if (!past->all[i].trial && !same) return i;
        tried |= past->all[i].trial;
    }
    snprintf(err, err_len, "the history has no other program%s",
             tried ? ", except for unconfirmed trials: run preyctl history to list the trials, or preyctl rollback N "
                     "to use one"
                   : "");
    return 0;
}

struct program *history_program(const struct control *control, unsigned back, const struct past_entry **entry,
                                char *err, size_t err_len)
{
    const struct past_entry *e = *entry = entry_at(control, back, err, err_len);
    if (!e) return NULL;
    const int fd = e->kept ? file_get(control, HISTORY_PROGRAM + e->place) : -ENOENT;
    if (fd < 0) {
        snprintf(err, err_len, "%.200s isn't kept: %s", e->name,
                 e->kept ? strerror(-fd) : "there was no room for it, or writing it failed");
        return NULL;
    }
    struct program *p = program_load_open(fd, e->name, err, err_len);
    close(fd);
    if (!p || !memcmp(p->digest, e->digest, sizeof p->digest)) return p;
    program_put(p);
    snprintf(err, err_len, "%.200s: the file kept in the history has another program", e->name);
    return NULL;
}

static void answer_text(const struct control *control, struct call *c, uint64_t back)
{
    char err[200];
    size_t len = 0;
    const struct past_entry *e = entry_at(control, back, err, sizeof err);
    const int fd = e && e->kept ? file_get(control, HISTORY_TEXT + e->place) : -ENOENT;
    char *text = fd < 0 ? NULL : read_whole(fd, PBC_TEXT_MOST, &len);
    if (fd >= 0) close(fd);
    if (!e)
        call_end(c, 2, "%s", err);
    else if (!text)
        call_end(c, 2, "%.200s has no rule text; compile it with its text: preyc RULES.prey --with-text -o FILE.pbc",
                 e->name);
    else if (call_bytes(c, text, len))
        call_end(c, 0, "%s", "");
    else
        call_end(c, 2,
                 "too many other processes haven't read their replies from the control socket: run the command again");
    free(text);
}

void asked_HISTORY(void *with, struct call *c)
{
    const struct control *control = with;
    uint64_t back;
    if (call_has(c, "number")) {
        if (call_number_of(c, "number", HISTORY_PLACES - 1, &back))
            answer_text(control, c, back);
        else
            call_end(c, 2, "`number` must be a whole number from 0 to %u", HISTORY_PLACES - 1);
        return;
    }
    cJSON *root = cJSON_CreateObject(), *all = cJSON_AddArrayToObject(root, "programs");
    for (unsigned i = 0; i < control->past.count; i++) {
        cJSON *one = json_object(all);
        cJSON_AddNumberToObject(one, "number", i);
        json_time(one, "since", control->past.all[i].wall_ns);
        entry_add(one, &control->past.all[i]);
    }
    const bool good = call_document(c, root);
    cJSON_Delete(root);
    call_end(c, good ? 0 : 2, "%s",
             good ? ""
                  : "out of memory, or too many other processes haven't read their replies from the control socket: "
                    "run the command again");
}
