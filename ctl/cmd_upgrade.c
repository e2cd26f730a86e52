/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_upgrade: holdfast upgrade: another program goes on with the relay. */
#include <poll.h>
#include <stdio.h>

#include "ctl/ctl.h"
#include "util/io/clock.h"

/* Longest stop_grace, and then some: the processes finish what is in hand. */
#define STOP_MS 3700000
/* A queue of ten million messages is read in half a minute. */
#define START_MS 600000
#define LOOK_MS 200

/* Whether all is up: what the new program says. It has the old one's socket, so
 * a call waits until it serves. */
static bool
is_ready(struct ctl *ctl)
{
	struct msg_status_ask ask = { 0 };
	struct msg_instance instance = { .is_ready = 0 };
	struct frame *f = NULL;
	struct call call;

	ctl_must_connect(ctl, "master", &call);
	ctl_must(call_send_status_ask(&call, &ask), "master");
	for (f = ctl_must_next(&call); f->type != MSG_ANSWER;
	     f = ctl_must_next(&call))
		if (f->type == MSG_INSTANCE)
			ctl_must(
			    msg_instance_decode(&instance, f->body), "master");
	call_fini(&call);
	return instance.is_ready != 0;
}

static int
wait_ready(struct ctl *ctl)
{
	int64_t deadline_ms = clock_boot_ms() + START_MS;

	while (!is_ready(ctl)) {
		if (clock_boot_ms() > deadline_ms)
			ctl_die(EXIT_TEMP,
			    "the new program is not ready after ten minutes; "
			    "see: holdfast status");
		(void)poll(NULL, 0, LOOK_MS);
	}
	(void)printf("the new program is up\n");
	return CTL_FINE;
}

int
cmd_upgrade(struct ctl *ctl)
{
	struct msg_upgrade_ask ask = { 0 };
	struct frame *f = NULL;
	struct call call;
	enum err err;
	int status;

	ctl_check_args(ctl, 0, 0);
	ctl_must_connect(ctl, "master", &call);
	call.deadline_ms += STOP_MS;
	ctl_must(call_send_upgrade_ask(&call, &ask), "master");
	err = call_next(&call, &f);
	if (err == ERR_EOF) {
		call_fini(&call);
		return wait_ready(ctl);
	}
	ctl_must(err, "master");
	status = ctl_print_answer(f);
	call_fini(&call);
	return status;
}
