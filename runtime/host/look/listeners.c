/* Finds other listeners at the proxy's addresses: two would share connections, or the second fails to start */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/host/guard/sockets.h"
#include "runtime/host/look/preflight_priv.h"

enum { LISTENS = 0x0a };

/* True if a connection for the match would reach the listener */
static bool is_there(const struct socket_line *a, const struct guard_match *m)
{
    if (m->proxied != GUARD_OPENERS || a->port < m->to_ports.lo || a->port > m->to_ports.hi) return false;
    const struct host_addr *to = &m->to.lo;
    if (!to->family) return true;
    if (!(a->addr.word[0] | a->addr.word[1] | a->addr.word[2] | a->addr.word[3]))
        return a->addr.family == 6 || to->family == 4;
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

static void tell_listener(struct look *l, const struct socket_line *a, unsigned long inode)
{
    char who[80], text[HOST_ADDR_TEXT];
    who_has(inode, who, sizeof who);
    const bool six = a->addr.family == 6;
    preflight_tell(l, true,
                   "%s listens on %s%s%s port %u, which a service of the rules needs|stop that program, or let it "
                   "listen on other addresses (to find it, run: ss -ltnp sport = :%u)",
                   who, six ? "[" : "", host_addr_text(&a->addr, text), six ? "]" : "", a->port, a->port);
}

static void look_at_file(struct look *l, const char *path)
{
    char line[400];
    unsigned told = 0;
    FILE *f = fopen(path, "re");
    while (f && told < TOLD_MOST && fgets(line, sizeof line, f)) {
        struct socket_line a;
        unsigned long inode;
        bool there = false;
        if (!socket_line_read(line, &a) || a.state != LISTENS) continue;
        if (sscanf(a.rest, " %*s %*s %*s %*u %*u %lu", &inode) != 1) continue;
        for (unsigned i = 0; i < l->p->match_count && !there; i++) there = is_there(&a, &l->p->matches[i]);
        if (there) tell_listener(l, &a, inode);
        told += there;
    }
    if (f) fclose(f);
}

void look_at_listeners(struct look *l)
{
    bool any = false;
    for (unsigned i = 0; i < l->p->match_count; i++) any |= l->p->matches[i].proxied;
    if (!any || l->p->takes_over)
        return; /* the running instance hands its listeners over; others are found when they are opened */
    look_at_file(l, "/proc/net/tcp");
    look_at_file(l, "/proc/net/tcp6");
}
