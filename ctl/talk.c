/* SPDX-License-Identifier: BSD-2-Clause */
/* talk: connections to the daemons, and their answers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "util/io/clock.h"

void
ctl_must(enum err err, const char *what)
{
	if (err != ERR_OK)
		ctl_die(EXIT_TEMP, "%s: %s", what, err_text(err));
}

enum err
ctl_connect(struct ctl *ctl, const char *name, struct call *call)
{
	struct msg_hello hello = { .role = PEER_CTL,
		.pid = (uint32_t)getpid() };
	char path[CTL_PATH_BYTES];
	char socket[64];
	enum err err;

	(void)snprintf(socket, sizeof(socket), "run/%s", name);
	ctl_state_path(ctl, socket, path);
	err = call_connect(call, path, clock_boot_ms() + CTL_ANSWER_MS);
	if (err != ERR_OK || strcmp(name, "master") == 0)
		return err;
	return call_send_hello(call, &hello);
}

bool
ctl_try_connect(struct ctl *ctl, const char *name, struct call *call)
{
	enum err err = ctl_connect(ctl, name, call);

	if (err == ERR_DENIED)
		ctl_die(EXIT_PERM,
		    "%s: not permitted: be root, the owner of state_dir, or "
		    "in its group",
		    name);
	if (err == ERR_OK)
		return true;
	call_fini(call);
	if (err != ERR_NOTFOUND)
		ctl_must(err, name);
	return false;
}

void
ctl_must_connect(struct ctl *ctl, const char *name, struct call *call)
{
	if (!ctl_try_connect(ctl, name, call))
		ctl_die(EXIT_TEMP,
		    "the relay is not running. "
		    "Start it with: holdfast start");
}

struct frame *
ctl_must_next(struct call *call)
{
	struct frame *f = NULL;
	enum err err = call_next(call, &f);

	if (err == ERR_EOF)
		ctl_die(EXIT_TEMP,
		    "the connection was closed before the "
		    "answer came");
	if (err == ERR_TIMEOUT)
		ctl_die(EXIT_TEMP, "no answer in time");
	ctl_must(err, "answer");
	return f;
}

int
ctl_print_answer(const struct frame *f)
{
	struct msg_answer answer;

	if (f->type != MSG_ANSWER)
		ctl_die(EXIT_TEMP, "answer: %s was not expected",
		    msg_name(f->type));
	ctl_must(msg_answer_decode(&answer, f->body), "answer");
	if (answer.text.len == 0)
		return answer.status;
	(void)fprintf(answer.status == 0 ? stdout : stderr, "%.*s%s",
	    STR_ARG(answer.text), str_ends(answer.text, STR("\n")) ? "" : "\n");
	return answer.status;
}
