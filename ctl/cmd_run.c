/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_run: holdfast run, start: becomes the master. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"

/* The same process: whoever started us watches the master itself. */
NORETURN static void
become_master(struct ctl *ctl, bool is_background)
{
	char path[CTL_PATH_BYTES], conf[CTL_PATH_BYTES];
	char name[] = "master", c[] = "-c", b[] = "-b";
	char *argv[] = { name, c, conf, is_background ? b : NULL, NULL };

	if ((size_t)snprintf(conf, sizeof(conf), "%s", ctl->conf_path) >=
	    sizeof(conf))
		ctl_die(EXIT_PERM, "%s: path too long", ctl->conf_path);
	ctl_libexec("master", path);
	(void)execv(path, argv);
	ctl_die(EXIT_TEMP, "%s: %s", path, strerror(errno));
}

int
cmd_run(struct ctl *ctl)
{
	ctl_check_args(ctl, 0, 0);
	become_master(ctl, false);
}

int
cmd_start(struct ctl *ctl)
{
	struct call call;

	ctl_check_args(ctl, 0, 0);
	if (!ctl_try_connect(ctl, "master", &call))
		become_master(ctl, true);
	call_fini(&call);
	(void)printf("the relay is running already\n");
	return CTL_FINE;
}
