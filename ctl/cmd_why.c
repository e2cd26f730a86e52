/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_why: where a message is, why, what happens next, what happened. */
#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "ctl/why.h"

int
cmd_why(struct ctl *ctl)
{
	bool is_json = ctl_take_flag(ctl, "--json");
	struct qid qid;
	struct why why;
	int status;

	ctl_check_args(ctl, 1, 1);
	qid = ask_qid(ctl, ctl->argv[0]);
	why_load(&why, ctl, &qid);
	status = why.is_known ? CTL_FINE : CTL_FOUND;
	if (is_json)
		why_print_json(&why);
	else
		why_print_text(&why);
	why_fini(&why);
	return status;
}
