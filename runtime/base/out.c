/* A stream's first error is kept until its end; poll(2) distinguishes a closed reader from other errors */
#include "runtime/base/out.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

enum { BUFFER = 1 << 18 };

int out_open(struct out *o, const char *path)
{
    const bool standard = !strcmp(path, "-");
    *o = (struct out){
        .f = standard ? stdout : fopen(path, "we"), .name = standard ? "standard output" : path, .owned = !standard};
    if (!o->f) return -errno;
    if (!standard) setvbuf(o->f, NULL, _IOFBF, BUFFER);
    return 0;
}

int stream_error(FILE *f)
{
    struct pollfd fd = {.fd = fileno(f), .events = POLLOUT};
    if (poll(&fd, 1, 0) == 1 && fd.revents & POLLERR) return EPIPE;
    return errno ? errno : EIO;
}

bool out_failed(struct out *o)
{
    if (!o->error && ferror(o->f)) o->error = stream_error(o->f);
    return o->error;
}

int out_flush(struct out *o)
{
    if (!o->f) return 0;
    errno = 0;
    if (fflush(o->f) && !o->error) o->error = stream_error(o->f);
    out_failed(o);
    return -o->error;
}

int out_close(struct out *o)
{
    if (!o->f) return 0;
    out_flush(o);
    if (o->owned && fclose(o->f) && !o->error) o->error = errno;
    o->f = NULL;
    return -o->error;
}
