/* See written.h. */
#include "compiler/ruletest/written.h"

#include <stdlib.h>
#include <string.h>

#include "compiler/ruletest/ruletest.h"

int written_read(struct written *w, const char *text)
{
    size_t used = 0;
    char *save = NULL, *words = strdup(text);

    *w->on = *w->words = 0;
    if (!words) return -1;
    for (char *at = strtok_r(words, " \t", &save); at; at = strtok_r(NULL, " \t", &save)) {
        if (!strcmp(at, "on") && (at = strtok_r(NULL, " \t\"", &save)))
            snprintf(w->on, sizeof(w->on), "%s", at);
        else if (at && used < sizeof(w->words))
            used += (size_t)snprintf(w->words + used, sizeof(w->words) - used, "%s%s", used ? " " : "", at);
        if (!at) break;
    }
    free(words);
    return used && used < sizeof(w->words) && !strpbrk(w->words, "{};\n#\\") ? 0 : -1;
}

uint32_t written_frame(const struct written *w, const char *self, uint8_t frame[FRAME_MOST], FILE *err)
{
    struct compile c;
    char text[sizeof(w->words) + 300];
    uint32_t len = 0;

    snprintf(text, sizeof(text), "test \"packet\" {\n%sexpect accept: \\\n%s\n}\n", self, w->words);
    compile_init(&c);
    c.doubts = DOUBTS_FEW;
    const int failed = compile_text(&c, "packet", text, strlen(text));
    const struct test_step *step = c.tests && c.tests->first ? c.tests->first->first : NULL;
    if (step && step->next) step = step->next; /* behind what `self` is */
    if (failed || !step || !step->packet)
        diags_print_text(c.diags, err, false);
    else
        len = frame_write(step->packet, frame);
    compile_fini(&c);
    return len;
}
