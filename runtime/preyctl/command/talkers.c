/* preyctl talkers: who sends most, and by which rule, in the next seconds. */
#include <string.h>

#include "runtime/preyctl/command.h"
#include "runtime/preyctl/look_ask.h"
#include "runtime/preyctl/print_json.h"
#include "runtime/report/document/item.h"
#include "runtime/report/text.h"

/* Return a count: "1,234", "~1,234" */
static const char *count_text(const cJSON *row, const char *member, char buf[TEXT_NUMBER + 1])
{
    char number[TEXT_NUMBER];
    snprintf(buf, TEXT_NUMBER + 1, "%s%s", item_true(row, "estimated") ? "~" : "",
             text_number(item_number(row, member), number));
    return buf;
}

/* Print a row. *of: kind of the row before it; a new kind has a heading. */
static void print_talker(const cJSON *row, char of[20])
{
    char packets[TEXT_NUMBER + 1], bytes[TEXT_NUMBER + 1], took[TEXT_NUMBER];
    const char *kind = item_text(row, "of"), *name = item_text(row, "name");
    count_text(row, "packets", packets);
    count_text(row, "bytes", bytes);
    if (!strcmp(kind, "all")) {
        printf("%s packet%s, %s byte%s in %s\n", packets, text_plural(item_number(row, "packets")), bytes,
               text_plural(item_number(row, "bytes")), text_duration(item_number(row, "ns"), took));
        return;
    }
    if (strcmp(kind, of)) printf("\n%-39s  %12s  %15s  %7s\n", kind, "packets", "bytes", "share");
    snprintf(of, 20, "%s", kind);
    printf("%-39s  %12s  %15s  %5.1f %%\n", *name ? name : "-", packets, bytes,
           100 * strtod(item_text(row, "share"), NULL));
}

int command_TALKERS(struct talk *t)
{
    struct message m;
    char of[20] = "";
    int next = look_ask(t, QUESTION_TALKERS, "[FILTER] [--for D] [--limit N] [--bytes]") ? -1 : 1;
    while (next > 0 && (next = talk_next(t, &m, -1)) > 0 && !ferror(stdout)) {
        if (m.kind == MESSAGE_TEXT) {
            fprintf(stderr, "%.*s\n", (int)m.len, m.body);
        } else if (t->line->json) {
            printf("%.*s\n", (int)m.len, m.body);
        } else {
            cJSON *row = document_parse(m.body, m.len);
            print_talker(row, of);
            cJSON_Delete(row);
        }
    }
    const int status = talk_over(t, next);
    if (!status && !next) fprintf(stderr, "%s\n", t->words);
    return status;
}
