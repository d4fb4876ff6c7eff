/* libnftables ends the process if it gets no descriptor, so the needed number is opened first as a test */
#include "runtime/host/guard/nft.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

/* Descriptors that libnftables needs: its socket, one for names of interfaces, a table of names, and one to spare */
enum { OPENED = 4 };

/* True if so many descriptors are available now. */
static bool has_room(void)
{
    int fd[OPENED], count = 0, why = 0;
    while (count < OPENED && !why) {
        fd[count] = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd[count] < 0)
            why = errno;
        else
            count++;
    }
    while (count) close(fd[--count]);
    errno = why;
    return !why;
}

struct nft_ctx *nft_open(void)
{
    if (!has_room()) return NULL;
    struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
    if (!nft) {
        errno = ENOMEM;
        return NULL;
    }
    nft_ctx_buffer_error(nft);
    return nft;
}
