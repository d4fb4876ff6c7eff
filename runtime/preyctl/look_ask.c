/* Options become members of the question by a table, and the filter's program goes with it */
#include "runtime/preyctl/look_ask.h"

#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/stop.h"
#include "runtime/base/when.h"
#include "runtime/preyctl/command.h"
#include "runtime/preyctl/command_line.h"
#include "runtime/preyctl/filter.h"

/* The options that are numbers, each with the questions that take it. */
static const struct {
    const char *option, *member;
    unsigned questions;
} numbers[] = {{"--count", "count", 1u << QUESTION_TRACE | 1u << QUESTION_CAPTURE},
               {"--snap", "snap", 1u << QUESTION_CAPTURE},
               {"--limit", "limit", 1u << QUESTION_FLOWS | 1u << QUESTION_DROPPED | 1u << QUESTION_TALKERS}};

/* Put the option's number, from 1 on, into the question if it is given. Return 0 or 2. */
static int take_number(struct talk *t, cJSON *question, const char *option, const char *member)
{
    const char *value = argument_value(t->line, option);
    char *end = NULL;
    const unsigned long long n = value ? strtoull(value, &end, 10) : 1;
    if (!value) return 0;
    if (*value < '0' || *value > '9' || *end || !n || n > UINT32_MAX)
        return talk_complain("%s: `%.60s` isn't a number of at least 1", option, value);
    cJSON_AddNumberToObject(question, member, (double)n);
    return 0;
}

static int take_time(struct talk *t, cJSON *question)
{
    const char *value = argument_value(t->line, "--for");
    uint64_t ns;
    if (!value) return 0;
    if (!duration_read(value, &ns) || !ns)
        return talk_complain("--for: `%.60s` isn't a time such as 30s, 5m or 2h", value);
    cJSON_AddNumberToObject(question, "ns", (double)ns);
    return 0;
}

/* Put the words of --only into the question; the service knows the names. Return 0 or 2. */
static int take_only(struct talk *t, cJSON *question)
{
    const char *value = argument_value(t->line, "--only");
    if (!value) return 0;
    if (!*value) return talk_complain("--only takes words: 'drop, rule SSH'");
    return cJSON_AddStringToObject(question, "only", value) ? 0 : talk_complain("out of memory");
}

int look_ask(struct talk *t, enum question q, const char *usage)
{
    const struct command_line *l = t->line;
    cJSON *question = talk_question(q);
    const bool shows = q == QUESTION_TRACE || q == QUESTION_CAPTURE;
    int fd = -1, wrong = q != QUESTION_FLOWS ? take_time(t, question) : 0;
    if (!wrong && shows) wrong = take_only(t, question);
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers && !wrong; i++)
        if (numbers[i].questions >> q & 1) wrong = take_number(t, question, numbers[i].option, numbers[i].member);
    if (q == QUESTION_TALKERS && argument_flag(t->line, "--bytes")) cJSON_AddTrueToObject(question, "bytes");
    const char *other = argument_unknown(l);
    if (!wrong && other)
        wrong = talk_complain("`%.60s` isn't an option of %s: preyctl %s %s", other, l->word, l->word, usage);
    if (!wrong && q == QUESTION_DROPPED) wrong = command_takes(t, 0, 0, usage);
    if (wrong || filter_hand(l->arguments, l->count, &fd)) {
        cJSON_Delete(question);
        return 2;
    }
    int status = talk_ask(t, question, fd);
    if (!status && (shows || q == QUESTION_TALKERS) && stop_begin()) status = talk_complain("out of memory");
    if (fd >= 0) close(fd);
    return status;
}
