/* preyctl explain: a packet in the notation of tests, sent to the service as a frame, and the answer. */
#include <stdlib.h>
#include <string.h>

#include "compiler/ruletest/written.h"
#include "runtime/preyctl/command.h"
#include "runtime/report/document/item.h"

enum { TEXT_MOST = 2000, FRAME_BYTES_MOST = 9216 };

static const char usage[] = "'PACKET [on IF]'";

/* Read all arguments as one packet. Return 0 or the status. */
static int take_words(const struct command_line *l, struct written *w)
{
    char text[TEXT_MOST] = "", err[300];
    size_t used = 0;
    for (unsigned i = 0; i < l->count && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", used ? " " : "", l->arguments[i]);
    if (used >= sizeof text)
        return talk_complain("explain: the packet is too long; at most %d bytes are possible", TEXT_MOST);
    if (written_read(w, text, err, sizeof err)) return talk_complain("explain: %s", err);
    if (*w->out_on)
        return talk_complain("the machine's routes decide where a packet leaves: leave out `out on %s`, or write `on "
                             "%s` for packets that the machine itself sends",
                             w->out_on, w->out_on);
    return 0;
}

/* Write the step that defines `self` by the service's addresses; empty without `self`. Return 0 or the status. */
static int ask_self(struct talk *t, const char *words, const char *on, char step[200])
{
    cJSON *known, *question = strstr(words, "self") ? talk_question(QUESTION_EXPLAIN) : NULL;
    *step = 0;
    if (!question) return 0;
    if (*on) cJSON_AddStringToObject(question, "on", on);
    const int status = talk_document(t, question, &known);
    if (status) return status;
    const char *v4 = item_text(known, "self4"), *v6 = item_text(known, "self6");
    if (*v4 || *v6) snprintf(step, 200, "self %.50s%s%.50s\n", v4, *v4 && *v6 ? ", " : "", v6);
    cJSON_Delete(known);
    return 0;
}

static cJSON *question_of(const struct talk *t, const uint8_t *frame, uint32_t len, const char *on)
{
    char *hex = malloc(2 * len + 1);
    cJSON *question = talk_question(QUESTION_EXPLAIN);
    for (uint32_t i = 0; hex && i < len; i++) sprintf(hex + 2 * i, "%02x", frame[i]);
    cJSON_AddStringToObject(question, "frame", hex ? hex : "");
    if (*on) cJSON_AddStringToObject(question, "on", on);
    if (t->line->json) cJSON_AddTrueToObject(question, "json");
    free(hex);
    return question;
}

/* The packet, and the client's data. */
struct asked {
    uint8_t frame[FRAME_MOST];
    uint32_t len;
    struct test_said *said; /* the client's data; NULL: none */
};

/* Print a proxy service's decision on the client's data. It is computed here from the running program, because the
 * service knows only packets. Return 0 or the status. */
static int heard_print(struct talk *t, const struct asked *a, const char *answer)
{
    char name[200], *words = NULL;
    uint32_t service = 0;
    /* The service that the answer forwards to; none for other verdicts. */
    const char *verdict = strstr(answer, "verdict: forward"), *at = verdict ? strstr(verdict, "  service ") : NULL;
    *name = 0;
    if (at) sscanf(at, "  service %199s", name);
    struct program *p = *name ? command_running(t) : NULL;
    if (*name && !p) return 2;
    while (p && service < p->services_count && strcmp(program_str(p, p->services[service].name), name) != 0) service++;
    if (p && service < p->services_count && p->services[service].proxy)
        words = written_heard(p, service, a->said, a->frame, a->len, NULL);
    puts(words ? words : "client data is ignored: no proxy service takes the connection");
    free(words);
    program_put(p);
    return 0;
}

/* Print the answer and the result of the client's data. Return 0 or the status. */
static int answered(struct talk *t, const struct asked *a, const char *on)
{
    struct message m;
    char *answer = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&answer, &len);
    int next = !to || talk_ask(t, question_of(t, a->frame, a->len, on), -1) ? -1 : 1;
    while (next > 0 && (next = talk_next(t, &m, PATIENCE_MS)) > 0) fprintf(to, "%.*s\n", (int)m.len, m.body);
    if (!to || fclose(to)) return talk_complain("out of memory");
    fputs(answer, stdout);
    int status = talk_over(t, next);
    if (!status && a->said && !t->line->json) status = heard_print(t, a, answer);
    free(answer);
    return status;
}

int command_EXPLAIN(struct talk *t)
{
    static struct asked a;
    struct written w;
    char self[200];
    if (!t->line->count) return command_takes(t, 1, 1, usage);
    if (take_words(t->line, &w)) return 2;
    const int status = ask_self(t, w.words, w.on, self);
    if (status) return status;
    a.len = written_frame(&w, self, a.frame, &a.said, stderr);
    if (!a.len) return 2;
    const int result = a.len > FRAME_BYTES_MOST ? talk_complain("the packet is longer than %d bytes", FRAME_BYTES_MOST)
                                                : answered(t, &a, w.on);
    free(a.said);
    return result;
}
