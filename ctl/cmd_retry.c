/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_retry: makes parts due now. */
#include <stdio.h>

#include "ctl/ask.h"
#include "ctl/ctl.h"

/* A bulk retry goes over all parts, in slices: qmgr answers at its end. */
#define RETRY_MS (10 * 60 * 1000)

static void
read_args(struct ctl *ctl, struct msg_retry_ask *ask)
{
	const char *match = ctl_take_option(ctl, "--queue");
	bool is_all = ctl_take_flag(ctl, "--all");

	ctl_check_args(ctl, 0, 1);
	if (is_all + (match != NULL) + ctl->argc != 1)
		ctl_usage(ctl,
		    "say what to retry: a queue id, "
		    "--queue PATTERN, or --all");
	ask->is_all = is_all;
	if (match != NULL)
		ask->match = str_from_c(match);
	if (ctl->argc == 1)
		ask->qid = ask_qid(ctl, ctl->argv[0]);
}

int
cmd_retry(struct ctl *ctl)
{
	struct msg_retry_ask ask = { 0 };
	struct msg_answer answer;
	struct call call;
	struct frame *f;
	int status;

	read_args(ctl, &ask);
	ctl_must_connect(ctl, "qmgr", &call);
	call.deadline_ms += RETRY_MS;
	ctl_must(call_send_retry_ask(&call, &ask), "the question");
	f = ctl_must_next(&call);
	if (f->type != MSG_ANSWER)
		ctl_die(EXIT_TEMP, "the queue manager did not answer");
	ctl_must(msg_answer_decode(&answer, f->body), "an answer");
	status = ctl_print_answer(f);
	if (status == CTL_FINE)
		(void)printf(
		    "%llu made due now\n", (unsigned long long)answer.n);
	call_fini(&call);
	return status;
}
