/* See metrics.h. One loop writes the families of metric.def, another those named by a table of counters; servers are
 * written by hand. */
#include "runtime/stats/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/report/document/fill.h"
#include "runtime/report/document/item.h"

static void family(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void label(FILE *out, const char *key, const char *value)
{
    fprintf(out, "%s=\"", key);
    for (; *value; value++) {
        if (*value == '\n')
            fputs("\\n", out);
        else if (*value == '"' || *value == '\\')
            fprintf(out, "\\%c", *value);
        else
            fputc(*value, out);
    }
    fputc('"', out);
}

/* Write a sample's name with a label, and with a second one unless `more` is NULL. */
static void series(FILE *out, const char *name, const char *key, const char *value, const char *more,
                   const char *more_value)
{
    fprintf(out, "%s{", name);
    label(out, key, value);
    if (more) fputc(',', out);
    if (more) label(out, more, more_value);
    fputc('}', out);
}

/* Write a sample's value. Counters are raw digits, other numbers doubles. */
static void value(FILE *out, const cJSON *v)
{
    if (cJSON_IsRaw(v))
        fprintf(out, " %s\n", v->valuestring);
    else if (cJSON_IsBool(v))
        fprintf(out, " %d\n", cJSON_IsTrue(v));
    else
        fprintf(out, " %.17g\n", cJSON_IsNumber(v) ? v->valuedouble : 0.0);
}

static void alone(FILE *out, const char *name, const char *type, const char *help, const cJSON *v)
{
    if (!v || cJSON_IsNull(v)) return;
    family(out, name, type, help);
    fputs(name, out);
    value(out, v);
}

struct metric {
    const char *list, *label, *key, *value, *name, *type, *help;
};
static const struct metric metrics[] = {
#define METRIC(list, label, key, value, name, type, help) {list, label, key, value, name, type, help},
#include "runtime/stats/metric.def"
};

/* True for a member that gets no series: one without a name, known only by its position in a file, and one of an
 * earlier program. Series differ only by labels, which would not be unique for these. */
static bool is_left_out(const cJSON *one)
{
    const cJSON *named = item(one, "named");
    return (named && !cJSON_IsTrue(named)) || cJSON_IsTrue(item(one, "past"));
}

static void list_write(FILE *out, const struct metric *m, const cJSON *list)
{
    const cJSON *one;
    family(out, m->name, m->type, m->help);
    cJSON_ArrayForEach(one, list)
    {
        if (is_left_out(one)) continue;
        series(out, m->name, m->label, *m->key ? item_text(one, m->key) : one->string, NULL, NULL);
        value(out, *m->value ? item(one, m->value) : one);
    }
}

/* Members of a server's object in the document, and their metrics. */
static const struct {
    const char *member, *name, *type, *help;
} of_servers[] = {
    {"packets", "prey_server_packets_total", "counter", "Packets of a server's flows, both ways."},
    {"bytes", "prey_server_bytes_total", "counter", "Bytes of a server's flows, both ways."},
    {"flows", "prey_server_flows", "gauge", "Flows of a server now."},
    {"flows_total", "prey_server_flows_started_total", "counter", "Flows that a server has received."},
    {"weight", "prey_server_weight", "gauge", "Current weight of a server."},
    {"changes", "prey_server_health_changes_total", "counter", "Times that a server went up or down."},
    {"probes_good", "prey_server_good_probes_total", "counter", "Health checks that passed."},
    {"probes_bad", "prey_server_bad_probes_total", "counter", "Health checks that failed."},
};

static void server_labels(FILE *out, const char *name, const cJSON *server)
{
    series(out, name, "pool", item_text(server, "pool"), "server", item_text(server, "name"));
}

/* Call `fn` for each server that is not past. */
typedef void server_fn(FILE *out, const char *name, const cJSON *server, const char *member);
static void servers_each(FILE *out, const cJSON *root, server_fn *fn, const char *name, const char *member)
{
    const cJSON *pool, *server;
    cJSON_ArrayForEach(pool, item(root, "pools"))
    {
        cJSON_ArrayForEach(server, item(pool, "servers")) if (strcmp(item_text(server, "health"), "past"))
            fn(out, name, server, member);
    }
}

static void server_number(FILE *out, const char *name, const cJSON *server, const char *member)
{
    server_labels(out, name, server);
    value(out, item(server, member));
}

static void server_up(FILE *out, const char *name, const cJSON *server, const char *member)
{
    server_labels(out, name, server);
    fprintf(out, " %d\n", !cJSON_IsTrue(item(server, member)));
}

/* Write the latency in seconds; nothing before the first good probe. */
static void server_latency(FILE *out, const char *name, const cJSON *server, const char *member)
{
    const uint64_t us = item_number(server, member);
    if (!us) return;
    server_labels(out, name, server);
    fprintf(out, " %.6f\n", (double)us / 1e6);
}

static void servers_write(FILE *out, const cJSON *root)
{
    if (!cJSON_GetArraySize(item(root, "pools"))) return;
    family(out, "prey_server_up", "gauge", "1: a server is up and takes new flows; 0: it is down.");
    servers_each(out, root, server_up, "prey_server_up", "down");
    for (size_t i = 0; i < sizeof of_servers / sizeof *of_servers; i++) {
        family(out, of_servers[i].name, of_servers[i].type, of_servers[i].help);
        servers_each(out, root, server_number, of_servers[i].name, of_servers[i].member);
    }
    family(out, "prey_server_check_duration_seconds", "gauge", "Duration of the last good health check.");
    servers_each(out, root, server_latency, "prey_server_check_duration_seconds", "latency_us");
}

enum kind { COUNT, LEVEL };

static void row(FILE *out, const cJSON *root, enum kind kind, const char *object, const char *key, const char *help)
{
    char name[120];
    const cJSON *of = *object ? item(root, object) : root;
    snprintf(name, sizeof name, "prey_%s%s%s%s", object, *object ? "_" : "", key, kind == LEVEL ? "" : "_total");
    alone(out, name, kind == LEVEL ? "gauge" : "counter", help, item(of, key));
}

/* Write for each interface whether it exists and is up. */
static void links_write(FILE *out, const cJSON *root)
{
    static const char name[] = "prey_interface_up";
    const cJSON *one;
    family(out, name, "gauge", "1 for an interface that is there and up, with a carrier or without, else 0.");
    cJSON_ArrayForEach(one, item(root, "interfaces"))
    {
        const char *link = item_text(one, "link");
        const bool up = strcmp(link, "down") && strcmp(link, "gone");
        series(out, name, "interface", item_text(one, "interface"), NULL, NULL);
        value(out, &(cJSON){.type = cJSON_Number, .valuedouble = up});
    }
}

static void info_write(FILE *out, const cJSON *root)
{
    const cJSON none = {.type = cJSON_Number}, *left = document_at(root, "instance.confirm_left_s");
    family(out, "prey_info", "gauge", "Always 1: the version of prey and its program.");
    fputs("prey_info{", out);
    label(out, "version", item_text(root, "prey"));
    fputc(',', out);
    label(out, "instance_name", item_text(item(root, "instance"), "name"));
    fputc(',', out);
    label(out, "program", item_text(item(root, "program"), "path"));
    fputs("} 1\n", out);
    alone(out, "prey_to_be_confirmed_seconds", "gauge",
          "Time left to confirm a start or load; after it, preyrun stops or the previous program comes back; 0: "
          "nothing to confirm.",
          left ? left : &none);
}

/* Write a histogram: cumulative buckets, the last without a bound. */
static void took_write(FILE *out, const cJSON *took, const char *key, const char *help)
{
    char name[80], bucket[90];
    uint64_t n = 0;
    const cJSON *of = item(took, key), *one;
    snprintf(name, sizeof name, "prey_proxy_%s_duration_seconds", key);
    snprintf(bucket, sizeof bucket, "%s_bucket", name);
    family(out, name, "histogram", help);
    cJSON_ArrayForEach(one, item(of, "within_s"))
    {
        n += value_number(one);
        series(out, bucket, "le", *one->string == 'm' ? "+Inf" : one->string, NULL, NULL);
        fprintf(out, " %llu\n", (unsigned long long)n);
    }
    fprintf(out, "%s_sum %.6f\n%s_count %llu\n", name, (double)item_number(of, "sum_us") / 1e6, name,
            (unsigned long long)n);
}

/* A number of each proxy service, or each number of an object of it under a label. */
struct of_service {
    const char *path, *name, *type, *label, *help;
};
static const struct of_service of_services[] = {
    {"proxy.now", "prey_service_sessions", "gauge", NULL, "Open connections of a proxy service."},
    {"proxy.sessions", "prey_service_sessions_total", "counter", NULL, "Connections that a proxy service accepted."},
    {"proxy.up_bytes", "prey_service_up_bytes_total", "counter", NULL,
     "Bytes from clients of a proxy service to its servers."},
    {"proxy.down_bytes", "prey_service_down_bytes_total", "counter", NULL, "Bytes to clients of a proxy service."},
    {"proxy.ended_by", "prey_service_ended_total", "counter", "reason",
     "Connections of a proxy service that have ended, by reason."},
    {"proxy.refused", "prey_service_refused_total", "counter", "reason",
     "Connections and requests that a proxy service refused, by reason."},
    {"proxy.spliced_now", "prey_service_spliced", "gauge", NULL,
     "Open spliced connections of a proxy service: prey forwards their packets."},
    {"proxy.spliced", "prey_service_spliced_total", "counter", NULL,
     "Connections of a proxy service that prey has spliced."},
    {"proxy.stays", "prey_service_stays_total", "counter", "reason",
     "Times that prey couldn't splice a connection of a proxy service, by reason."},
    {"proxy.http", "prey_service_http_total", "counter", "what",
     "Counts of a service of `mode proxy http`, as in prey_http_…."},
};

static void of_service_write(FILE *out, const struct of_service *m, const cJSON *service)
{
    const cJSON *v = document_at(service, m->path), *one;
    const char *name = item_text(service, "service");
    if (!cJSON_IsObject(item(service, "proxy")) || is_left_out(service)) return;
    if (!m->label) {
        series(out, m->name, "service", name, NULL, NULL);
        value(out, v);
        return;
    }
    cJSON_ArrayForEach(one, v)
    {
        series(out, m->name, "service", name, m->label, one->string);
        value(out, one);
    }
}

static void proxy_write(FILE *out, const cJSON *root)
{
    const cJSON *proxy = item(root, "proxy"), *took = item(proxy, "took");
    if (!cJSON_IsObject(proxy)) return;
#define COUNT(field, key, doc) row(out, root, COUNT, "proxy", key, doc);
#include "runtime/counters/proxy_count.def"
#define HTTP_COUNT(ident, key, doc) row(out, proxy, COUNT, "http", key, doc);
#include "runtime/counters/proxy_http_count.def"
#define TLS_COUNT(ident, key, doc) row(out, proxy, COUNT, "tls", key, doc);
#include "runtime/counters/proxy_tls_count.def"
#define PROXY_TIME(ident, key, doc) took_write(out, took, key, doc);
#include "runtime/counters/proxy_time.def"
    for (size_t i = 0; i < sizeof of_services / sizeof *of_services; i++) {
        const cJSON *service;
        family(out, of_services[i].name, of_services[i].type, of_services[i].help);
        cJSON_ArrayForEach(service, item(root, "services")) of_service_write(out, &of_services[i], service);
    }
}

/* Write the counts of a service that watches: each count is a family, but reasons share one, as a label. */
static void observes_write(FILE *out, const cJSON *list)
{
    static const struct {
        uint8_t kind;
        const char *key, *line, *doc;
    } rows[] = {
#define OBSERVE_COUNTER(field, kind, object, key, line, words, doc) {kind, key, line, doc},
#include "vm/counter.def"
    };
    const char *left = "prey_observe_service_left_out_total";
    const cJSON *one;
    if (!list || !list->child) return;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[80];
        if (*rows[i].line) continue;
        snprintf(name, sizeof name, "prey_observe_service_%s%s", rows[i].key, rows[i].kind == COUNT ? "_total" : "");
        list_write(out,
                   &(struct metric){"observe_services", "service", "service", rows[i].key, name,
                                    rows[i].kind == COUNT ? "counter" : "gauge", rows[i].doc},
                   list);
    }
    family(out, left, "counter",
           "Connections, packets and bytes that a service couldn't observe completely, by reason.");
    cJSON_ArrayForEach(one, list)
    {
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            if (!*rows[i].line) continue;
            series(out, left, "service", item_text(one, "service"), "reason", rows[i].key);
            value(out, item(one, rows[i].key));
        }
    }
}

void metrics_write(FILE *out, const cJSON *root)
{
    info_write(out, root);
#define SINGLE(path, name, type, help) alone(out, name, type, help, document_at(root, path));
#include "runtime/stats/metric.def"
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        const cJSON *list = document_at(root, metrics[i].list);
        if (list && list->child) list_write(out, &metrics[i], list);
    }
    const cJSON *list = item(root, "interfaces");
#define IO_COUNTER(field, words, doc)                                                                                  \
    list_write(out,                                                                                                    \
               &(struct metric){"interfaces", "interface", "interface", #field, "prey_interface_" #field "_total",     \
                                "counter", doc},                                                                       \
               list);
#include "runtime/counters/counter.def"
    links_write(out, root);
    servers_write(out, root);
#define VM_COUNTER(field, kind, object, key, line, words, doc)      row(out, root, kind, object, key, doc);
#define FLOW_COUNTER(field, kind, object, key, line, words, doc)    row(out, root, kind, object, key, doc);
#define FORWARD_COUNTER(field, kind, object, key, line, words, doc) row(out, root, kind, object, key, doc);
#define NAT_COUNTER(field, kind, object, key, line, words, doc)     row(out, root, kind, object, key, doc);
#define MAPPING_COUNTER(field, kind, object, key, line, words, doc) row(out, root, kind, object, key, doc);
#define FRAG_COUNTER(field, kind, object, key, line, words, doc)    row(out, root, kind, object, key, doc);
#define OBSERVE_COUNTER(field, kind, object, key, line, words, doc) row(out, root, kind, object, key, doc);
#include "vm/counter.def"
#define WORKER_COUNTER(field, key, doc)        row(out, root, COUNT, "live", key, doc);
#define EGRESS_COUNTER(field, key, doc)        row(out, root, COUNT, "live", key, doc);
#define KERNEL_COUNTER(field, key, words, doc) row(out, root, COUNT, "kernel", key, doc);
#include "runtime/counters/counter.def"
    proxy_write(out, root);
    observes_write(out, item(root, "observe_services"));
}
