/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_reload: holdfast reload: has master read the configuration again. */
#include <stdio.h>

#include "ctl/ctl.h"

/* master answers when all have it, at most a minute later. */
#define RELOAD_MS 70000

int
cmd_reload(struct ctl *ctl)
{
	struct msg_reload_ask ask = { 0 };
	struct msg_answer answer;
	struct frame *f;
	struct call call;
	int status;

	ctl_check_args(ctl, 0, 0);
	ctl_must_connect(ctl, "master", &call);
	call.deadline_ms += RELOAD_MS - CTL_ANSWER_MS;
	ctl_must(call_send_reload_ask(&call, &ask), "master");
	f = ctl_must_next(&call);
	status = ctl_print_answer(f);
	ctl_must(msg_answer_decode(&answer, f->body), "answer");
	if (status == 0)
		(void)printf("configuration %llu is in force\n",
		    (unsigned long long)answer.n);
	else
		(void)fprintf(stderr,
		    "the running configuration is number %llu\n",
		    (unsigned long long)answer.n);
	call_fini(&call);
	return status;
}
