/* See web.h. libmicrohttpd reads requests and writes responses. The content of a response is made once for a
 * document and shared by all requests until the next document. */
#include "runtime/stats/web.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "runtime/stats/clients.h"
#include "runtime/stats/metrics.h"
#include "runtime/stats/page.h"

enum { PATIENCE_S = 10, MEMORY = 16 << 10 };

enum shown { SHOWN_PAGE, SHOWN_JSON, SHOWN_METRICS, SHOWN_KINDS };

struct web {
    struct web_cfg cfg;
    struct MHD_Daemon *daemon;
    struct clients clients;
    int fd;
    char policy[400];                          /* content security policy of the page */
    uint64_t number;                           /* number of the document in `answers` */
    struct MHD_Response *answers[SHOWN_KINDS]; /* responses by kind; NULL: not asked for yet */
};

static const char *const headers[][2] = {
    {"Cache-Control", "no-store"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Content-Type-Options", "nosniff"},
};

/* Return a response with these bytes. mode: owner of the bytes. NULL: out of memory. */
static struct MHD_Response *response_of(const struct web *w, const char *text, size_t len, const char *type,
                                        enum MHD_ResponseMemoryMode mode)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(len, (void *)(uintptr_t)text, mode);
    if (!r) {
        if (mode == MHD_RESPMEM_MUST_FREE) free((void *)(uintptr_t)text);
        return NULL;
    }
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        MHD_add_response_header(r, headers[i][0], headers[i][1]);
    MHD_add_response_header(r, "Content-Security-Policy", w->policy);
    return r;
}

static enum MHD_Result web_put(struct MHD_Connection *c, unsigned status, struct MHD_Response *r)
{
    if (!r) return MHD_NO;
    const enum MHD_Result done = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return done;
}

static enum MHD_Result put_text(const struct web *w, struct MHD_Connection *c, unsigned status, const char *text)
{
    return web_put(c, status, response_of(w, text, strlen(text), "text/plain; charset=utf-8", MHD_RESPMEM_PERSISTENT));
}

static void answers_forget(struct web *w)
{
    for (unsigned i = 0; i < SHOWN_KINDS; i++) {
        if (w->answers[i]) MHD_destroy_response(w->answers[i]);
        w->answers[i] = NULL;
    }
}

static struct MHD_Response *answer_make(const struct web *w, enum shown kind, const struct web_seen *seen)
{
    char *text = NULL;
    size_t len = 0;
    if (kind == SHOWN_JSON) return response_of(w, seen->text, seen->len, "application/json", MHD_RESPMEM_MUST_COPY);
    FILE *out = open_memstream(&text, &len);
    if (!out) return NULL;
    if (kind == SHOWN_PAGE)
        page_write(out, seen->root);
    else
        metrics_write(out, seen->root);
    if (fclose(out)) {
        free(text);
        return NULL;
    }
    const char *type = kind == SHOWN_PAGE ? "text/html; charset=utf-8" : "text/plain; version=0.0.4; charset=utf-8";
    return response_of(w, text, len, type, MHD_RESPMEM_MUST_FREE);
}

/* True if the name, of `len` bytes, is one of `names`, which have commas between. */
static bool is_listed(const char *name, size_t len, const char *names)
{
    for (const char *at = names; at && *at; at += strspn(at, ",")) {
        const size_t end = strcspn(at, ",");
        if (end == len && !strncasecmp(name, at, len)) return true;
        at += end;
    }
    return false;
}

static bool is_address(const char *host, size_t len)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr to;
    const bool v6 = len > 2 && host[0] == '[' && host[len - 1] == ']';
    if (v6) host++, len -= 2;
    if (len >= sizeof text) return false;
    memcpy(text, host, len);
    text[len] = '\0';
    return inet_pton(v6 ? AF_INET6 : AF_INET, text, &to) == 1;
}

/* True if a client may use this name in `Host`. A name that another party can point here would let that party's page
 * read this one (DNS rebinding). NULL: HTTP/1.0 without a `Host`, which no browser speaks. */
static bool is_own_name(const struct web *w, const char *host)
{
    if (!host) return true;
    const char *colon = strrchr(host, ':');
    if (colon && strchr(colon, ']')) colon = NULL; /* the colon is within [::1] */
    const size_t len = colon ? (size_t)(colon - host) : strlen(host);
    if (colon && (!colon[1] || colon[1 + strspn(colon + 1, "0123456789")])) return false;
    const bool local = len > 10 && !strncasecmp(host + len - 10, ".localhost", 10);
    return local || is_listed(host, len, "localhost") || is_address(host, len) || is_listed(host, len, w->cfg.hosts);
}

static enum MHD_Result count_host(void *with, enum MHD_ValueKind kind, const char *name, const char *value)
{
    unsigned *hosts = with;
    *hosts += kind == MHD_HEADER_KIND && value && !strcasecmp(name, MHD_HTTP_HEADER_HOST);
    return MHD_YES;
}

/* True if the request names its host as HTTP requires: once, and in HTTP/1.0 perhaps not at all (RFC 9112, 3.2). */
static bool names_host(struct MHD_Connection *c, const char *version)
{
    unsigned hosts = 0;
    MHD_get_connection_values(c, MHD_HEADER_KIND, count_host, &hosts);
    return hosts == 1 || (!hosts && !strcmp(version, MHD_HTTP_VERSION_1_0));
}

static enum MHD_Result put_seen(struct web *w, struct MHD_Connection *c, enum shown kind)
{
    const struct web_seen seen = w->cfg.see(w->cfg.with);
    if (!seen.root) return put_text(w, c, MHD_HTTP_SERVICE_UNAVAILABLE, "statistics aren't available now: ask again\n");
    if (seen.number != w->number) answers_forget(w);
    w->number = seen.number;
    if (!w->answers[kind]) w->answers[kind] = answer_make(w, kind, &seen);
    if (!w->answers[kind]) return put_text(w, c, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory\n");
    return MHD_queue_response(c, MHD_HTTP_OK, w->answers[kind]);
}

static enum MHD_Result web_answer(struct web *w, struct MHD_Connection *c, const char *url)
{
    static const struct {
        const char *path;
        enum shown kind;
    } seen[] = {{"/", SHOWN_PAGE}, {"/stats.json", SHOWN_JSON}, {"/metrics", SHOWN_METRICS}};
    for (size_t i = 0; i < sizeof seen / sizeof *seen; i++)
        if (!strcmp(url, seen[i].path)) return put_seen(w, c, seen[i].kind);
    if (!strcmp(url, "/healthz")) return put_text(w, c, MHD_HTTP_OK, "ok\n");
    const struct page_file *file = page_file(url);
    if (file) return web_put(c, MHD_HTTP_OK, response_of(w, file->text, file->len, file->type, MHD_RESPMEM_PERSISTENT));
    return put_text(w, c, MHD_HTTP_NOT_FOUND, "not found: use /, /stats.json, /metrics or /healthz\n");
}

/* Handle a request. Called after the headers, and again at the request's end, when the response is queued. */
static enum MHD_Result web_asked(void *with, struct MHD_Connection *c, const char *url, const char *method,
                                 const char *version, const char *body, size_t *body_len, void **state)
{
    static char known;
    struct web *w = with;
    clients_asks(c);
    if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD)) {
        struct MHD_Response *r =
            response_of(w, "only GET and HEAD are possible\n", 30, "text/plain; charset=utf-8", MHD_RESPMEM_PERSISTENT);
        if (r) MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
        return web_put(c, MHD_HTTP_METHOD_NOT_ALLOWED, r);
    }
    if (!*state || *body_len) { /* the body of a GET is ignored */
        *state = &known;
        *body_len = 0;
        return MHD_YES;
    }
    if (!names_host(c, version))
        return put_text(w, c, MHD_HTTP_BAD_REQUEST, "exactly one Host is needed (RFC 9112, 3.2)\n");
    const char *host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    if (!is_own_name(w, host))
        return put_text(w, c, MHD_HTTP_FORBIDDEN,
                        "wrong Host: use an address or localhost, or start preyrun with --stats-host NAME\n");
    return web_answer(w, c, url);
}

/* Make the policy. The page contains its style, which the policy names by its hash; any other style has no effect. */
static int policy_make(struct web *w)
{
    char hash[PAGE_STYLE_HASH];
    if (page_style_hash(hash)) return -ENOTSUP;
    snprintf(w->policy, sizeof w->policy,
             "default-src 'none'; style-src 'sha256-%s'; script-src 'self'; connect-src 'self'; img-src 'self'; "
             "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
             hash);
    return 0;
}

struct web *web_new(const struct web_cfg *cfg)
{
    struct web *w = calloc(1, sizeof *w);
    if (!w || policy_make(w)) {
        free(w);
        close(cfg->fd);
        return NULL;
    }
    w->cfg = *cfg;
    w->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, web_asked, w, MHD_OPTION_LISTEN_SOCKET, cfg->fd,
                                 MHD_OPTION_CONNECTION_LIMIT, (unsigned)CLIENTS_MOST, MHD_OPTION_CONNECTION_TIMEOUT,
                                 (unsigned)PATIENCE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY,
                                 MHD_OPTION_NOTIFY_CONNECTION, clients_noted, &w->clients, MHD_OPTION_NOTIFY_COMPLETED,
                                 clients_answered, &w->clients, MHD_OPTION_END);
    const union MHD_DaemonInfo *info = w->daemon ? MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (info) {
        w->fd = info->listen_fd;
        return w;
    }
    if (!w->daemon) close(cfg->fd);
    web_free(w);
    return NULL;
}

void web_free(struct web *w)
{
    if (!w) return;
    /* Closed here, because the library may shut it down, and another process may have it, too (web_listener). */
    const MHD_socket listens = w->daemon ? MHD_quiesce_daemon(w->daemon) : MHD_INVALID_SOCKET;
    if (w->daemon) MHD_stop_daemon(w->daemon);
    if (listens != MHD_INVALID_SOCKET) close(listens);
    answers_forget(w);
    free(w);
}

int web_fd(const struct web *w) { return w->fd; }
int web_listener(const struct web *w) { return w->cfg.fd; }

int web_wait_ms(const struct web *w, int most)
{
    MHD_UNSIGNED_LONG_LONG ms;
    if (MHD_get_timeout(w->daemon, &ms) != MHD_YES || ms >= (unsigned)most) return most;
    return (int)ms;
}

void web_step(struct web *w) { MHD_run(w->daemon); }
