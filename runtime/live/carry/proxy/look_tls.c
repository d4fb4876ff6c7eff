/* Check of TLS files. A separate process reads the keys, so no part of them stays in this one. */
#include "runtime/live/carry/proxy/look_tls.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/complain.h"
#include "runtime/host/file/certificates.h"
#include "runtime/host/file/keypair.h"
#include "runtime/live/tell/events.h"

enum { SOON_DAYS = 14, DAY_S = 86400, TOLD_MOST = 5, NAMES_MOST = 1000, CERTS_MOST = 64 };
static void date_of(const ASN1_TIME *at, char text[16])
{
    struct tm when = {0};
    text[0] = 0;
    if (ASN1_TIME_to_tm(at, &when)) strftime(text, 16, "%Y-%m-%d", &when);
}

bool look_at_time(const X509 *cert, const char *path, char *line, size_t len)
{
    char date[16];
    time_t soon = time(NULL) + (time_t)SOON_DAYS * DAY_S;
    const ASN1_TIME *to = X509_get0_notAfter(cert), *from = X509_get0_notBefore(cert);
    if (X509_cmp_current_time(to) < 0) {
        date_of(to, date);
        snprintf(line, len, "%.300s: the certificate has expired, on %s", path, date);
    } else if (X509_cmp_current_time(from) > 0) {
        date_of(from, date);
        snprintf(line, len, "%.300s: the certificate is valid only from %s on", path, date);
    } else if (X509_cmp_time(to, &soon) < 0) {
        date_of(to, date);
        snprintf(line, len, "%.300s: the certificate expires soon, on %s", path, date);
    } else {
        return false;
    }
    return true;
}

/* The certificates of one service. */
struct certs {
    const char *service;
    X509 *all[CERTS_MOST]; /* further certificates have no room, and their names are not checked */
    unsigned count;
};

/* Check a certificate with its key. Return 0, or 2 if they do not match. */
static int look_at_pair(struct certs *c, const char *cert, const char *key)
{
    char err[700], line[400];
    struct keypair k;
    struct stat st;
    int fds[2];
    int failed = keypair_open(cert, key, fds, err, sizeof err);
    if (failed)
        return complain("service %.60s: %s%s", c->service, err,
                        failed == -EINVAL ? ""
                                          : "; to fix it, put a file there that preyrun's user can read, or change the "
                                            "path in `tls cert … key …`");
    failed = keypair_read(fds, &k, err, sizeof err);
    close(fds[0]);
    close(fds[1]);
    if (!failed && look_at_time(k.cert, cert, line, sizeof line))
        complain("notice: %s; to fix it, put a new certificate there and send SIGHUP", line);
    if (!failed && c->count < CERTS_MOST && X509_up_ref(k.cert)) c->all[c->count++] = k.cert;
    keypair_fini(&k);
    if (!stat(key, &st) && st.st_mode & S_IROTH)
        complain("notice: %.300s: every user of this machine may read this private key; to fix it, run: chmod o= %s",
                 key, key);
    return failed ? complain("service %.60s: %.300s: %s", c->service, cert, err) : 0;
}

static bool is_covered(const struct certs *c, const char *name)
{
    char host[260];
    bool covered = c->count == CERTS_MOST;
    snprintf(host, sizeof host, "%s%s", *name == '*' ? "any" : "", *name == '*' ? name + 1 : name);
    for (unsigned i = 0; i < c->count && !covered; i++) covered = X509_check_host(c->all[i], host, 0, 0, NULL) == 1;
    return covered;
}

/* Warn of names in the service's branches that no certificate covers. */
static void look_at_names(const struct program *p, const struct pbc_service *s, const struct certs *c)
{
    unsigned asked = 0, bare = 0;
    for (uint32_t b = s->branches; b < s->branches + s->branch_count; b++)
        for (uint32_t i = p->branches[b].conds; i < p->branches[b].conds + p->branches[b].cond_count; i++) {
            const struct pbc_cond *cond = &p->conds[i];
            if ((cond->kind != COND_SNI && cond->kind != COND_HOST) || cond->flags & PBC_COND_NOT) continue;
            const struct pbc_names *list = &p->names[cond->first];
            for (uint32_t n = 0; n < list->count && asked < NAMES_MOST; n++, asked++) {
                const char *name = program_str(p, p->hosts[list->first + n]);
                if (!is_covered(c, name) && bare++ < TOLD_MOST)
                    complain("notice: service %.60s matches the name %.253s, but none of its certificates is for that "
                             "name: clients will reject the connection",
                             c->service, name);
            }
        }
    if (bare > TOLD_MOST)
        complain("notice: the same is true of %u more name%s", bare - TOLD_MOST, text_plural(bare - TOLD_MOST));
}

static int look_at_trusted(const struct program *p, const struct pbc_proxy *says, const char *service)
{
    const char *path = says->server_ca ? program_str(p, says->server_ca) : CERTIFICATES_TRUSTED;
    char err[400];
    if (says->flags & PBC_PROXY_TLS_NO_VERIFY) return 0;
    const int fd = certificates_open(path, err, sizeof err);
    if (fd < 0)
        return complain("service %.60s: %s; to fix it, %s", service, err,
                        says->server_ca
                            ? "write `ca \"FILE\"` with a file of an authority's certificates"
                            : "write `ca \"FILE\"` after `tls to server`, or run: apt-get install ca-certificates");
    X509_STORE *store = X509_STORE_new();
    const unsigned count = store ? certificates_trust(fd, store) : 1;
    X509_STORE_free(store);
    close(fd);
    return count ? 0 : complain("service %.60s: %.300s has no readable certificate", service, path);
}

static int look_at_service(const struct program *p, const struct pbc_service *s)
{
    const struct pbc_proxy *says = &p->proxies[s->proxy - 1];
    struct certs c = {.service = program_str(p, s->name)};
    int status = 0;
    for (uint32_t i = says->certs; i < says->certs + says->cert_count; i++)
        status |= look_at_pair(&c, program_str(p, p->certs[i].cert), program_str(p, p->certs[i].key));
    if (!status && c.count) look_at_names(p, s, &c);
    while (c.count) X509_free(c.all[--c.count]);
    if (says->flags & PBC_PROXY_TLS_TO_SERVER) status |= look_at_trusted(p, says, c.service);
    return status;
}

static int look_at_all(const struct program *p)
{
    int status = 0;
    keypair_init();
    for (uint32_t i = 0; i < p->services_count; i++)
        if (p->services[i].proxy) status |= look_at_service(p, &p->services[i]);
    return status;
}

int look_at_tls(const struct program *p)
{
    int said = 0;
    bool any = false;
    for (uint32_t i = 0; i < p->proxies_count; i++)
        any |= p->proxies[i].cert_count || p->proxies[i].flags & PBC_PROXY_TLS_TO_SERVER;
    if (!any) return 0;
    const pid_t child = fork();
    if (!child) _exit(look_at_all(p));
    while (child > 0 && waitpid(child, &said, 0) < 0 && errno == EINTR) {}
    if (child < 0) return complain("certificates can't be checked: %s", strerror(errno));
    if (!WIFEXITED(said))
        return complain(
            "certificates can't be checked: signal %d killed the process that checks them; to see why, run: dmesg",
            WTERMSIG(said));
    return WEXITSTATUS(said);
}
