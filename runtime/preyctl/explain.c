/* preyctl explain: a packet in the notation of a rule file's tests, as a frame; what the service says of it. */
#include <stdlib.h>
#include <string.h>

#include "compiler/ruletest/ruletest.h"
#include "runtime/preyctl/command.h"
#include "runtime/preyctl/print.h"

enum { PATIENCE_MS = 10000, TEXT_MOST = 2000, FRAME_BYTES_MOST = 9216 };

static const char usage[] = "'PACKET [on IF]'";

/* The packet's words, without `on IF`, into text, and that interface. */
static int take_words(const struct command_line *l, char text[TEXT_MOST], char on[64])
{
    size_t used = 0;
    char *save = NULL;
    *on = *text = 0;
    for (unsigned i = 0; i < l->count; i++) {
        char *words = strdup(l->arguments[i]);
        if (!words) return talk_complain("out of memory");
        for (char *w = strtok_r(words, " \t", &save); w; w = strtok_r(NULL, " \t", &save)) {
            if (!strcmp(w, "on") && (w = strtok_r(NULL, " \t\"", &save)))
                snprintf(on, 64, "%s", w);
            else if (w && used < TEXT_MOST)
                used += (size_t)snprintf(text + used, TEXT_MOST - used, "%s%s", used ? " " : "", w);
            if (!w) break;
        }
        free(words);
    }
    if (used >= TEXT_MOST || strpbrk(text, "{};\n#\\"))
        return talk_complain("that is no packet: preyctl explain %s", usage);
    return 0;
}

/* The step that says what `self` is, as the service knows it; empty where the packet has none. 0, or the status. */
static int ask_self(struct talk *t, const char *words, const char *on, char step[200])
{
    cJSON *known, *question = strstr(words, "self") ? talk_question(QUESTION_EXPLAIN) : NULL;
    *step = 0;
    if (!question) return 0;
    if (*on) cJSON_AddStringToObject(question, "on", on);
    const int status = talk_document(t, question, &known);
    if (status) return status;
    const char *v4 = text_at(known, "self4"), *v6 = text_at(known, "self6");
    if (*v4 || *v6) snprintf(step, 200, "self %.50s%s%.50s\n", v4, *v4 && *v6 ? ", " : "", v6);
    cJSON_Delete(known);
    return 0;
}

/* As bytes; 0 after lines that say what is wrong. */
static uint32_t make_frame(const char *self, const char *words, uint8_t frame[FRAME_MOST])
{
    struct compile c;
    char text[TEXT_MOST + 300];
    uint32_t len = 0;
    snprintf(text, sizeof text, "test \"packet\" {\n%sexpect accept: \\\n%s\n}\n", self, words);
    compile_init(&c);
    c.doubts = DOUBTS_FEW;
    const int failed = compile_text(&c, "packet", text, strlen(text));
    const struct test_step *step = c.tests && c.tests->first ? c.tests->first->first : NULL;
    if (step && step->next) step = step->next; /* behind what `self` is */
    if (failed || !step || !step->packet)
        diags_print_text(c.diags, stderr, false);
    else
        len = frame_write(step->packet, frame);
    compile_fini(&c);
    return len;
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

int command_EXPLAIN(struct talk *t)
{
    static uint8_t frame[FRAME_MOST];
    char words[TEXT_MOST], on[64], self[200];
    struct message m;
    if (!t->line->count) return command_takes(t, 1, 1, usage);
    if (take_words(t->line, words, on)) return 2;
    const int status = ask_self(t, words, on, self);
    if (status) return status;
    const uint32_t len = make_frame(self, words, frame);
    if (!len) return 2;
    if (len > FRAME_BYTES_MOST) return talk_complain("the packet is longer than %d bytes", FRAME_BYTES_MOST);
    int next = talk_ask(t, question_of(t, frame, len, on), -1) ? -1 : 1;
    while (next > 0 && (next = talk_next(t, &m, PATIENCE_MS)) > 0) printf("%.*s\n", (int)m.len, m.body);
    if (next < 0) return 2;
    return t->status && talk_complain("%s", t->words) ? t->status : 0;
}
