/* See written.h. */
#include "compiler/ruletest/written.h"

#include <stdlib.h>
#include <string.h>

#include "compiler/ruletest/ruletest.h"

/* Of a step: nothing that ends one, or a test. */
static bool is_part(const char *words) { return !strpbrk(words, "{};\n#\\"); }

int written_read(struct written *w, const char *text)
{
    size_t used = 0;
    char *save = NULL, *words = strdup(text);

    *w->on = *w->out_on = *w->words = 0;
    if (!words) return -1;
    for (char *at = strtok_r(words, " \t", &save); at; at = strtok_r(NULL, " \t", &save)) {
        const bool leaves = !strcmp(at, "out");
        if (leaves) at = strtok_r(NULL, " \t", &save);
        const bool on = at && !strcmp(at, "on");
        if (on) at = strtok_r(NULL, " \t\"", &save);
        if (!at || leaves > on) {
            used = 0; /* `out` is no word of a packet without `on`, nor that without an interface */
            break;
        }
        if (on)
            snprintf(leaves ? w->out_on : w->on, sizeof(w->on), "%s", at);
        else if (used < sizeof(w->words))
            used += (size_t)snprintf(w->words + used, sizeof(w->words) - used, "%s%s", used ? " " : "", at);
    }
    free(words);
    return used && used < sizeof(w->words) && is_part(w->words) ? 0 : -1;
}

uint32_t written_frame(const struct written *w, const char *self, uint8_t frame[FRAME_MOST], FILE *err)
{
    struct compile c;
    char text[sizeof(w->words) + 300];
    uint32_t len = 0;

    snprintf(text, sizeof(text), "test \"packet\" {\n%sexpect accept: \\\n%s\n}\n", self, w->words);
    compile_init(&c);
    c.doubts = DOUBTS_FEW;
    const int failed = compile_typed(&c, "packet", text);
    const struct test_step *step = c.tests && c.tests->first ? c.tests->first->first : NULL;
    if (step && step->next) step = step->next; /* behind what `self` is */
    if (failed || !step || !step->packet)
        diags_print_text(c.diags, err, false);
    else
        len = frame_write(step->packet, frame);
    compile_fini(&c);
    return len;
}

int written_time(struct written_time *t, const char *text, FILE *err)
{
    static const char form[] = "test \"time\" {\nat \\\n%s\nexpect accept: udp 192.0.2.1:1 -> self:1\n}\n";
    char test[sizeof(form) + 64];
    struct compile c;

    if (!is_part(text) || snprintf(test, sizeof(test), form, text) >= (int)sizeof(test)) {
        fprintf(err, "time: it is none: `09:30`, `sat 09:30` and `2026-12-24 18:00` are\n");
        return -1;
    }
    compile_init(&c);
    c.doubts = DOUBTS_FEW;
    const int failed = compile_typed(&c, "time", test);
    const struct test_step *step = c.tests && c.tests->first ? c.tests->first->first : NULL;
    if (failed || !step)
        diags_print_text(c.diags, err, false);
    else
        *t = (struct written_time){.dated = step->dated,
                                   .date = step->date,
                                   .day = step->day < 0 ? 0 : (unsigned)step->day,
                                   .minute = (unsigned)(step->ns / (60 * UINT64_C(1000000000)))};
    compile_fini(&c);
    return failed || !step ? -1 : 0;
}
