/* Targets of copies, as the compiler writes them and the verifier takes them. */
#include <ctype.h>
#include <string.h>

#include "vm/program/program.h"

enum {
    DEVICE_MOST = 15,
    SOCKET_MOST = 64,
    PATH_MOST = 4000,
    NAME_MOST = 250 /* most bytes of a path's last part; a suffix may follow */
};

static bool is_device(const char *s, size_t len)
{
    if (len > DEVICE_MOST || strcmp(s, ".") == 0 || strcmp(s, "..") == 0) return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] <= ' ' || s[i] == '/' || s[i] == ':' || s[i] == 0x7f || s[i] == '*') return false;
    return true;
}

static bool is_socket(const char *s, size_t len)
{
    if (len > SOCKET_MOST) return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)s[i]) && s[i] != '-' && s[i] != '_' && s[i] != '.') return false;
    return true;
}

bool mirror_target_is_right(enum pbc_mirror_to to, const char *s)
{
    static const char suffix[] = ".pcapng";
    const size_t len = strlen(s);
    if (!len) return false;
    if (to != PBC_MIRROR_FILE) return to == PBC_MIRROR_DEVICE ? is_device(s, len) : is_socket(s, len);
    const char *slash = strrchr(s, '/'), *name = slash ? slash + 1 : s;
    const size_t named = strlen(name);
    return len <= PATH_MOST && named <= NAME_MOST && named > sizeof suffix - 1 &&
           strcmp(s + len - (sizeof suffix - 1), suffix) == 0;
}
