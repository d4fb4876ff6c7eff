/* Finds other listeners at the proxy's addresses: two would share connections, or the second fails to start */
#include <arpa/inet.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/host/look/preflight_priv.h"

/* A line of /proc/net/tcp or tcp6 */
struct listener {
    struct host_addr addr; /* all 0: any address of its family; tcp6: of both */
    unsigned port;
    unsigned long inode;
};

enum { LISTENS = 0x0a };

/* Parse "  0: 0100007F:EE48 00000000:0000 0A … uid timeout inode"; address words are in host memory order */
static bool read_line(const char *line, struct listener *a)
{
    char text[40];
    unsigned state;
    uint32_t word[4] = {0};
    if (sscanf(line, " %*u: %32[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s %*u %*u %lu", text, &a->port, &state,
               &a->inode) != 4)
        return false;
    const unsigned words = strlen(text) == 32 ? 4 : 1;
    for (unsigned i = 0; i < words; i++) {
        char one[9];
        snprintf(one, sizeof one, "%.8s", text + 8 * i);
        word[i] = ntohl((uint32_t)strtoul(one, NULL, 16));
    }
    a->addr = (struct host_addr){.family = words == 4 ? 6 : 4};
    memcpy(a->addr.word, word, sizeof word);
    return state == LISTENS;
}

static bool is_any(const struct host_addr *a) { return !(a->word[0] | a->word[1] | a->word[2] | a->word[3]); }

/* True if a connection for the match would reach the listener */
static bool is_there(const struct listener *a, const struct guard_match *m)
{
    if (m->proxied != GUARD_OPENERS || a->port < m->to_ports.lo || a->port > m->to_ports.hi) return false;
    const struct host_addr *to = &m->to.lo;
    if (!to->family) return true;
    if (is_any(&a->addr)) return a->addr.family == 6 || to->family == 4;
    return host_addr_same(&a->addr, to);
}

/* True if the process has that socket open */
static bool has_socket(const char *pid, unsigned long inode)
{
    char path[64], wanted[40], link[40];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    DIR *dir = opendir(path);
    for (const struct dirent *e; dir && !found && (e = readdir(dir));) {
        const ssize_t len = readlinkat(dirfd(dir), e->d_name, link, sizeof link - 1);
        link[len > 0 ? len : 0] = 0;
        found = !strcmp(link, wanted);
    }
    if (dir) closedir(dir);
    return found;
}

/* Write "nginx (pid 12)", or "another program" if no process is found */
static void who_has(unsigned long inode, char *who, size_t len)
{
    snprintf(who, len, "another program");
    DIR *dir = opendir("/proc");
    for (const struct dirent *e; dir && (e = readdir(dir));) {
        char path[64], name[32] = "?";
        if (*e->d_name < '1' || *e->d_name > '9' || !has_socket(e->d_name, inode)) continue;
        snprintf(path, sizeof path, "/proc/%.20s/comm", e->d_name);
        FILE *f = fopen(path, "re");
        if (f && fgets(name, sizeof name, f)) name[strcspn(name, "\n")] = 0;
        if (f) fclose(f);
        snprintf(who, len, "%s (pid %.20s)", name, e->d_name);
        break;
    }
    if (dir) closedir(dir);
}

static void tell(struct look *l, const struct listener *a)
{
    char who[80], text[HOST_ADDR_TEXT];
    who_has(a->inode, who, sizeof who);
    const bool six = a->addr.family == 6;
    preflight_tell(
        l, true,
        "%s listens on %s%s%s port %u, which a service of the rules needs|stop it, or let it listen on other "
        "addresses: ss -ltnp sport = :%u",
        who, six ? "[" : "", host_addr_text(&a->addr, text), six ? "]" : "", a->port, a->port);
}

static void look_at_file(struct look *l, const char *path)
{
    char line[400];
    unsigned told = 0;
    FILE *f = fopen(path, "re");
    while (f && told < TOLD_MOST && fgets(line, sizeof line, f)) {
        struct listener a;
        bool there = false;
        if (!read_line(line, &a)) continue;
        for (unsigned i = 0; i < l->p->match_count && !there; i++) there = is_there(&a, &l->p->matches[i]);
        if (there) tell(l, &a);
        told += there;
    }
    if (f) fclose(f);
}

void look_at_listeners(struct look *l)
{
    bool any = false;
    for (unsigned i = 0; i < l->p->match_count; i++) any |= l->p->matches[i].proxied;
    if (!any) return;
    look_at_file(l, "/proc/net/tcp");
    look_at_file(l, "/proc/net/tcp6");
}
