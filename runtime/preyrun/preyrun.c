/* preyrun: runs a compiled rule file. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "runtime/base/complain.h"
#include "runtime/base/out.h"
#include "runtime/live/main/live.h"
#include "runtime/preyrun/read_options.h"
#include "runtime/record/told/recording.h"
#include "runtime/replay/replay.h"

static int run_wanted(const struct options *o, enum options_result result, const char *err)
{
    if (result == OPTIONS_WRONG) {
        complain("%s", err);
        return o->on_exit == OPTIONS_END_CLOSED ? live_shut(o) : 2;
    }
    if (result != OPTIONS_RUN) return 0;
    if (o->replay) return recording(o);
    return o->iface_count || o->cleanup ? live(o) : replay(o);
}

/* Open something that fails in place of a closed standard stream. Otherwise the next opened file would get its number,
 * and the summary would be written into that file. */
static void hold_closed_streams(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_RDONLY : O_WRONLY) < 0) return;
}

int main(int argc, char *argv[])
{
    struct options o;
    char err[400] = "";
    hold_closed_streams();
    signal(SIGPIPE, SIG_IGN); /* a reader that is gone is a write error */
    const enum options_result result = options_parse(argc, argv, &o, stdout, err, sizeof err);
    int status = run_wanted(&o, result, err);
    options_fini(&o);
    errno = 0;
    if ((fflush(stdout) || ferror(stdout)) && status == 0) {
        const int failed = stream_error(stdout);
        status = 2;
        if (failed != EPIPE) fprintf(stderr, "preyrun: standard output: %s\n", strerror(failed));
    }
    return status;
}
