/* A moment as text or JSON, with names of the program that ran */
#include "runtime/record/told/sessions.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>

#include "runtime/report/flow_list.h"
#include "runtime/report/json.h"
#include "vm/flow/flow.h"

static const char *const names[MOMENTS] = {"begun", "served", "ended"};

void sessions_add(struct sessions *s, const struct session_moment *m)
{
    unsigned i = 0;
    s->count[m->kind]++;
    if (m->kind != MOMENT_ENDED) return;
    s->up_bytes += m->up_bytes;
    s->down_bytes += m->down_bytes;
    while (i < s->whys && strcmp(s->ended[i].name, m->end) != 0) i++;
    if (i == SESSIONS_WHYS) return;
    if (i == s->whys) snprintf(s->ended[s->whys++].name, sizeof s->ended[i].name, "%s", m->end);
    s->ended[i].count++;
}

static struct flow_record flow_of(const struct session_moment *m)
{
    struct flow_record f = {
        .proto = IPPROTO_TCP, .family = m->family, .src_port = m->src_port, .dst_port = m->dst_port};
    memcpy(f.src, m->src, sizeof f.src);
    memcpy(f.dst, m->dst, sizeof f.dst);
    return f;
}

static void say_text(FILE *out, const struct labels *l, const struct session_moment *m, uint64_t time_ns)
{
    const struct flow_record f = flow_of(m);
    char when[TEXT_TIME], a[FLOW_SIDE_TEXT], b[FLOW_SIDE_TEXT], up[TEXT_NUMBER], down[TEXT_NUMBER];
    fprintf(out, "%s  session %s  %s -> %s  service %s", text_clock(time_ns, when), names[m->kind],
            flow_side(&f, FLOW_ORIGINAL, a), flow_side(&f, FLOW_REPLY, b), label_service(l, m->service));
    if (m->kind == MOMENT_BEGUN) fprintf(out, "  rule %s", label_of(l, m->rule));
    if (m->server != PBC_NONE) fprintf(out, "  server %s", label_server(l, m->server));
    if (m->kind == MOMENT_ENDED)
        fprintf(out, "  %s  %s bytes in, %s out", m->end, text_number(m->up_bytes, up),
                text_number(m->down_bytes, down));
    fputc('\n', out);
}

static void say_json(FILE *out, const struct labels *l, const struct session_moment *m, uint64_t time_ns)
{
    const struct flow_record f = flow_of(m);
    char when[TEXT_TIME];
    fprintf(out, "{\"event\":\"session\",\"time\":\"%s\",\"what\":\"%s\",", text_iso(time_ns, when), names[m->kind]);
    flow_json_sides(out, &f);
    fputs(",\"service\":", out);
    text_json(out, label_service(l, m->service));
    fputs(",\"rule\":", out);
    text_json(out, label_of(l, m->rule));
    fputs(",\"server\":", out);
    if (m->server == PBC_NONE)
        fputs("null", out);
    else
        text_json(out, label_server(l, m->server));
    if (m->kind == MOMENT_ENDED) {
        fputs(",\"end\":", out);
        text_json(out, m->end);
    }
    fprintf(out, ",\"up_bytes\":%" PRIu64 ",\"down_bytes\":%" PRIu64 "}\n", m->up_bytes, m->down_bytes);
}

void sessions_say(FILE *out, const struct labels *labels, const struct session_moment *m, uint64_t time_ns, bool json)
{
    struct session_moment clean = *m;
    text_clean(clean.end);
    (json ? say_json : say_text)(out, labels, &clean, time_ns);
}

void sessions_json(cJSON *to, const struct sessions *s)
{
    char name[24];
    if (!s->count[MOMENT_BEGUN] && !s->count[MOMENT_ENDED]) {
        cJSON_AddNullToObject(to, "sessions");
        return;
    }
    cJSON *one = cJSON_AddObjectToObject(to, "sessions");
    for (unsigned i = 0; i < MOMENTS; i++) json_number(one, names[i], s->count[i]);
    json_number(one, "up_bytes", s->up_bytes);
    json_number(one, "down_bytes", s->down_bytes);
    cJSON *ended = cJSON_AddObjectToObject(one, "ended_by");
    for (unsigned i = 0; i < s->whys; i++) {
        snprintf(name, sizeof name, "%s", s->ended[i].name);
        json_number(ended, text_clean(name), s->ended[i].count);
    }
}
