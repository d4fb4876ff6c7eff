/* The control socket with its functions, one per question, and the one answer that is the document */
#include "runtime/live/control/asked.h"

#include <unistd.h>

#include "runtime/base/complain.h"
#include "runtime/live/carry/change.h"
#include "runtime/live/control/document/document.h"
#include "runtime/live/control/dropped/dropped.h"
#include "runtime/live/control/questions.h"
#include "runtime/live/control/trace/onlookers.h"

static const char *why_unsaid(const struct control *control, const struct document *d)
{
    if (!d->text && !change_settled(control->carry))
        return "a reload is in progress: run the command again when it has finished";
    if (!d->text) return "out of memory";
    if (d->len > MESSAGE_ANSWER_MOST - MESSAGE_HEAD)
        return "the reply is larger than 16 MiB: read /stats.json at the address of --stats";
    return "out of memory, or too many other processes haven't read their replies from the control socket: run the "
           "command again";
}

void asked_SEEN(void *with, struct call *c)
{
    struct control *control = with;
    const struct document d = document_take(control);
    if (d.text && call_json(c, d.text, d.len))
        call_end(c, 0, "%s", "");
    else
        call_end(c, 2, "%s", why_unsaid(control, &d));
}

int asked_open(struct control *control)
{
    struct ctl_cfg cfg = {.owner = control->tell->channel->user,
                          .answers =
                              {
#define QUESTION(ident, ...) [QUESTION_##ident] = asked_##ident,
#include "runtime/ctl/question.def"
                              },
                          .for_guests =
                              {
#define QUESTION(ident, ...)
#define GUEST_QUESTION(ident, ...) [QUESTION_##ident] = true,
#include "runtime/ctl/question.def"
                              },
                          .groups = control->o->sets_groups,
                          .group_count = control->o->sets_group_count,
                          .with = control};
    char err[500];
    if (ask_CONTROL(control->tell->channel, &cfg.fd, err, sizeof err)) return complain("%s", err);
    control->ctl = ctl_new(&cfg);
    return control->ctl ? 0 : complain("control socket: out of memory");
}

int asked_fd(const struct control *control) { return ctl_fd(control->ctl); }
void asked_step(struct control *control, uint64_t now_ns) { ctl_step(control->ctl, now_ns); }
void asked_flush(struct control *control) { ctl_flush(control->ctl); }
void asked_close(struct control *control)
{
    ctl_free(control->ctl);
    onlookers_fini(control);
    dropped_fini(control);
}
