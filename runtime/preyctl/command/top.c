/* preyctl top: the screen of `status`, redrawn each second until q is typed, with sequences that any terminal knows. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "runtime/preyctl/command.h"
#include "runtime/preyctl/screen.h"

#define HOME  "\033[H"
#define CLEAN "\033[K" /* clear to the end of the line */
#define BELOW "\033[J" /* clear all below */
#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[?25h\033[?1049l"

enum { EACH_MS = 1000, TRIES = 5 /* failures in a row, after which preyrun counts as gone */ };

/* Print the part that fits. A character takes one column; a byte 10xxxxxx continues a character. */
static void clip(const char *text, unsigned lines, unsigned columns)
{
    unsigned line = 0, column = 0;
    fputs(HOME, stdout);
    for (; *text && line + 1 < lines; text++) {
        if (*text == '\n') {
            fputs(CLEAN "\r\n", stdout);
            line++;
            column = 0;
        } else if (((unsigned char)*text & 0xc0) == 0x80) {
            if (column <= columns) putchar(*text);
        } else if (++column <= columns) {
            putchar(*text);
        }
    }
    fputs(*text ? BELOW "..." : BELOW, stdout);
    fflush(stdout);
}

static void screen_draw(const cJSON *seen)
{
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    if (!out) return;
    screen_print(out, seen);
    fclose(out);
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row || !size.ws_col) size.ws_row = 24, size.ws_col = 80;
    if (text) clip(text, size.ws_row, size.ws_col);
    free(text);
}

/* Wait until the second ends or the window's size changes. False at the end. */
static bool wait_key(int signals)
{
    struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    struct signalfd_siginfo s;
    char key;
    if (poll(fds, 2, EACH_MS) < 0) return errno == EINTR;
    if (fds[1].revents && read(signals, &s, sizeof s) == sizeof s && s.ssi_signo != SIGWINCH) return false;
    if (!fds[0].revents) return true;
    return read(STDIN_FILENO, &key, 1) == 1 && key != 'q' && key != 'Q' && key != 3;
}

int command_TOP(struct talk *t)
{
    struct termios before, raw;
    sigset_t set;
    if (command_takes(t, 0, 0, "") || talk_begin(t)) return 2;
    if (t->line->json || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before))
        return talk_complain("top needs a terminal; for other programs, use `preyctl status --json`");
    sigemptyset(&set);
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH};
    for (unsigned i = 0; i < sizeof caught / sizeof *caught; i++) sigaddset(&set, caught[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    const int signals = signalfd(-1, &set, SFD_CLOEXEC);
    raw = before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    fputs(ENTER, stdout);
    int status;
    unsigned failures = 0;
    do {
        cJSON *seen;
        status = talk_document(t, talk_question(QUESTION_SEEN), &seen);
        failures = status ? failures + 1 : 0;
        if (failures == TRIES) break;
        if (status) {
            talk_end(t); /* another process may answer next */
            continue;
        }
        screen_draw(seen);
        cJSON_Delete(seen);
    } while (wait_key(signals));
    fputs(LEAVE, stdout);
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
    if (signals >= 0) close(signals);
    return status ? talk_complain("preyrun no longer replies") : 0;
}
