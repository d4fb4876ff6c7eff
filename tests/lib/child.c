/* Running a program to its end: see child.h. */
#include "tests/lib/child.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/bench.h"

static uint64_t timeval_ns(struct timeval t) { return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_usec * 1000u; }

struct child child_run(char *const argv[])
{
    const uint64_t begin = bench_now_ns();
    const pid_t pid = vfork();
    if (pid == 0) {
        const int null = open("/dev/null", O_WRONLY);
        dup2(null, 1);
        execv(argv[0], argv);
        _exit(127);
    }
    int status = 127 << 8;
    struct rusage use = {0};
    if (pid > 0) wait4(pid, &status, 0, &use);
    return (struct child){
        .status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
        .wall_ns = bench_now_ns() - begin,
        .cpu_ns = timeval_ns(use.ru_utime) + timeval_ns(use.ru_stime),
        .peak_bytes = (uint64_t)use.ru_maxrss * 1024,
    };
}
