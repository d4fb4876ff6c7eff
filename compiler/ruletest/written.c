/* The words are put into a step of a test, which the parser of rule files reads */
#include "compiler/ruletest/written.h"

#include <stdlib.h>
#include <string.h>

#include "compiler/ruletest/ruletest_priv.h"
#include "vm/packet/pkt.h"
#include "vm/words/words.h"

/* True if the words can be in a step: none of them ends a step or a test. */
static bool is_part(const char *words) { return !strpbrk(words, "{};\n#\\"); }

/* Split the text into the words of the packet and its interfaces in and out. */
static bool text_take(struct written *w, const char *text)
{
    size_t used = 0;
    char *save = NULL, *words = strdup(text);
    *w->on = *w->out_on = *w->words = 0;
    if (!words) return false;
    for (char *at = strtok_r(words, " \t", &save); at; at = strtok_r(NULL, " \t", &save)) {
        const bool leaves = !strcmp(at, "out");
        if (leaves) at = strtok_r(NULL, " \t", &save);
        const bool on = at && !strcmp(at, "on");
        if (on) at = strtok_r(NULL, " \t\"", &save);
        if (!at || leaves > on) {
            used = 0; /* `out` needs `on`, and `on` an interface */
            break;
        }
        if (on)
            snprintf(leaves ? w->out_on : w->on, sizeof(w->on), "%s", at);
        else if (used < sizeof(w->words))
            used += (size_t)snprintf(w->words + used, sizeof(w->words) - used, "%s%s", used ? " " : "", at);
    }
    free(words);
    return used && used < sizeof(w->words) && is_part(w->words);
}

int written_read(struct written *w, const char *text, char *err, size_t err_len)
{
    if (text_take(w, text)) return 0;
    snprintf(err, err_len, "`%.200s` isn't a packet; write one such as 'tcp 198.51.100.9:50000 -> self:22 syn on wan'",
             text);
    return -1;
}

/* Copy the data that the proxy reads, in one block of memory. */
static struct test_said *copy_of(const struct test_said *s)
{
    const uint32_t n = s->hello + s->request;
    struct test_said *copy = calloc(1, sizeof(*copy) + s->sni.len + s->alpn.len + n + 1);
    char *at = copy ? (char *)(copy + 1) : NULL;
    if (!copy) return NULL;
    *copy = (struct test_said){.hello = s->hello, .request = s->request, .bytes = (uint8_t *)at};
    if (n) memcpy(at, s->bytes, n);
    at += n;
    if (s->sni.s) copy->sni = (struct str){memcpy(at, s->sni.s, s->sni.len), s->sni.len};
    at += s->sni.len;
    if (s->alpn.s) copy->alpn = (struct str){memcpy(at, s->alpn.s, s->alpn.len), s->alpn.len};
    return copy;
}

uint32_t written_frame(const struct written *w, const char *self, uint8_t frame[FRAME_MOST], struct test_said **said,
                       FILE *err)
{
    struct compile c;
    char text[sizeof(w->words) + 300];
    uint32_t len = 0;
    *said = NULL;
    /* Client words that are behind the packet are strings, and nothing else is. */
    snprintf(text, sizeof(text), "test \"packet\" {\n%sexpect %s: \\\n%s\n}\n", self,
             strchr(w->words, '"') ? "refused" : "accept", w->words);
    compile_init(&c);
    c.doubts = DOUBTS_FEW;
    const int failed = compile_typed(&c, "packet", text);
    const struct test_step *step = c.tests && c.tests->first ? c.tests->first->first : NULL;
    if (step && step->next) step = step->next; /* skip the step that sets `self` */
    if (failed || !step || !step->packet)
        diags_print_text(c.diags, err, false);
    else
        len = frame_write(step->packet, frame);
    if (len && step->said && !(*said = copy_of(step->said))) {
        fputs("out of memory\n", err);
        len = 0;
    }
    compile_fini(&c);
    return len;
}

int written_time(struct written_time *t, const char *text, FILE *err)
{
    static const char form[] = "test \"time\" {\nat \\\n%s\nexpect accept: udp 192.0.2.1:1 -> self:1\n}\n";
    char test[sizeof(form) + 64];
    struct compile c;
    if (!is_part(text) || snprintf(test, sizeof(test), form, text) >= (int)sizeof(test)) {
        fprintf(err, "time: not a time; write one such as `09:30`, `sat 09:30` or `2026-12-24 18:00`\n");
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

char *written_heard(struct program *p, uint32_t service, const struct test_said *said, const uint8_t *frame,
                    uint32_t len, const struct facts *facts)
{
    struct pkt pkt;
    struct key key;
    char *text = NULL;
    const char *why;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    if (!out) return NULL;
    pkt_view(&pkt, frame, len, len, LINK_ETHER, IFACE_NONE);
    pkt_parse(&pkt, facts, &key);
    const uint32_t at = said_branch(p, service, said, &key, &why);
    const struct pbc_branch *b = at == PBC_NONE ? NULL : &p->branches[at];
    if (b)
        fprintf(out, "by the client's data: %s (%s:%u) -> ", b->cond_count ? "when" : "else",
                program_str(p, b->place.file), b->place.line);
    else
        fprintf(out, "closed because of the client's data: %s", why);
    if (b) branch_print(p, b, out);
    return fclose(out) ? NULL : text;
}
