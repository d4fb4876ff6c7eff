#include "runtime/live/control/asked.h"

#include <unistd.h>

#include "runtime/live/carry/change.h"
#include "runtime/live/control/document/document.h"
#include "runtime/live/control/questions.h"
#include "runtime/live/control/trace/onlookers.h"
#include "runtime/live/tell/log.h"

static const char *why_unsaid(const struct live *l, const struct document *d)
{
    if (!d->text && !change_settled(&l->carry)) return "a reload is under way: ask again when it is through";
    if (!d->text) return "out of memory";
    if (d->len > MESSAGE_ANSWER_MOST - MESSAGE_HEAD)
        return "all that is known is more than the 16 MiB of an answer; /stats.json of --stats gives it whole";
    return "too much waits for others who ask and do not read, or memory is out: ask again";
}

void asked_SEEN(void *with, struct call *c)
{
    struct live *l = with;
    const struct document d = document_take(l);
    if (d.text && call_json(c, d.text, d.len))
        call_end(c, 0, "%s", "");
    else
        call_end(c, 2, "%s", why_unsaid(l, &d));
}

int asked_open(struct live *l)
{
    struct ctl_cfg cfg = {.owner = l->tell.channel->user,
                          .answers =
                              {
#define QUESTION(ident, ...) [QUESTION_##ident] = asked_##ident,
#include "runtime/ctl/question.def"
                              },
                          .with = l};
    char err[500];
    if (ask_control(l->tell.channel, &cfg.fd, err, sizeof err)) return live_complain("%s", err);
    l->control.ctl = ctl_new(&cfg);
    return l->control.ctl ? 0 : live_complain("control socket: out of memory");
}

int asked_fd(const struct live *l) { return ctl_fd(l->control.ctl); }
void asked_step(struct live *l, uint64_t now_ns) { ctl_step(l->control.ctl, now_ns); }
void asked_close(struct live *l)
{
    ctl_free(l->control.ctl);
    onlookers_fini(l);
}
