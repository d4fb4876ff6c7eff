/* See sets_group.h. A name of digits only is a number, as in chown(1). */
#include "runtime/base/options/sets_group.h"

#include <errno.h>
#include <grp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Group by which the kernel shows each group that a namespace of users does not map (/proc/sys/kernel/overflowgid) */
enum { GROUP_OVERFLOW = 65534, GROUP_NAME_MOST = 64, SET_NAME_MOST = 255 };

static bool refuse(char *why, size_t len, const char *words, const char *text)
{
    snprintf(why, len, "`%.60s` %s", text, words);
    return false;
}

static bool group_read(const char *name, gid_t *gid, char *why, size_t len)
{
    char *end;
    errno = 0;
    if (*name >= '0' && *name <= '9' && strspn(name, "0123456789") == strlen(name)) {
        const unsigned long n = strtoul(name, &end, 10);
        if (errno || n >= UINT32_MAX) return refuse(why, len, "isn't a group number", name);
        *gid = (gid_t)n;
    } else {
        const struct group *g = getgrnam(name);
        if (!g) return refuse(why, len, "isn't a group of this machine", name);
        *gid = g->gr_gid;
    }
    if (*gid == GROUP_OVERFLOW)
        return refuse(
            why, len,
            "is the kernel's overflow group, which any group of another namespace can be: create a group for this",
            name);
    return true;
}

/* True for names as in the language, separated by commas. */
static bool are_names(const char *s)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    for (;; s++) {
        const size_t len = strspn(s, letters);
        if (!len || len > SET_NAME_MOST || *s == '-' || s[len - 1] == '-') return false;
        s += len;
        if (*s != ',') return !*s;
    }
}

bool sets_group_read(const char *text, struct sets_group *to, char *why, size_t why_len)
{
    char name[GROUP_NAME_MOST + 1];
    const char *colon = strchr(text, ':');
    const size_t len = colon ? (size_t)(colon - text) : 0;
    if (!len || len > GROUP_NAME_MOST) return refuse(why, why_len, "must be written GROUP:SET,...", text);
    if (!are_names(colon + 1))
        return refuse(why, why_len, "isn't a list of live sets, such as caught,listed", colon + 1);
    memcpy(name, text, len);
    name[len] = 0;
    to->sets = colon + 1;
    return group_read(name, &to->gid, why, why_len);
}

bool sets_group_has(const struct sets_group *g, const char *set)
{
    const size_t len = strlen(set);
    for (const char *at = g->sets;; at++) {
        const size_t one = strcspn(at, ",");
        if (one == len && !memcmp(at, set, len)) return true;
        at += one;
        if (!*at) return false;
    }
}
