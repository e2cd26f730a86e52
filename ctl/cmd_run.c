/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_run: holdfast run, start: becomes the master. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"

#define OPTION_BYTES 4

NORETURN void
ctl_become_master(struct ctl *ctl, const char *option)
{
	char path[CTL_PATH_BYTES], conf[CTL_PATH_BYTES];
	char name[] = "master", c[] = "-c", more[OPTION_BYTES] = "";
	char *argv[] = { name, c, conf, option == NULL ? NULL : more, NULL };

	if (option != NULL)
		(void)snprintf(more, sizeof(more), "%s", option);
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
	ctl_become_master(ctl, NULL);
}

int
cmd_start(struct ctl *ctl)
{
	struct call call;

	ctl_check_args(ctl, 0, 0);
	if (!ctl_try_connect(ctl, "master", &call))
		ctl_become_master(ctl, "-b");
	call_fini(&call);
	(void)printf("the relay is running already\n");
	return CTL_FINE;
}
