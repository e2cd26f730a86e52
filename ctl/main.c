/* SPDX-License-Identifier: BSD-2-Clause */
/* main: the holdfast command: finds the sub-command and calls it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/order.h"
#include "util/base/array.h"
#include "util/svc/version.h"

/* In the order of `holdfast help`. */
static const struct command commands[] = {
	{ "run", cmd_run, "", "run in the foreground", false },
	{ "start", cmd_start, "", "start, and return when ready", false },
	{ "stop", cmd_stop, "", "stop, and return when all is down", false },
	{ "reload", cmd_reload, "", "put the configuration file in force",
	    false },
	{ "upgrade", cmd_upgrade, "",
	    "go on with the program that was installed since", false },
	{ "check", cmd_check, "", "look whether a start would go well", false },
	{ "status", cmd_status, "[--json]",
	    "processes, accounts, and whether mail is taken", false },
	{ "queue", cmd_queue, "[--json] [PATTERN] | [--json] --missing",
	    "a line for each queue, and the limit that binds it", false },
	{ "why", cmd_why, "[--json] QID",
	    "where a message is, why, what is next, what was", false },
	{ "cat", cmd_cat, "[--envelope | --headers | --raw] QID",
	    "a message as it lies on disk", false },
	{ "retry", cmd_retry,
	    "[--why TEXT] [--json] QID ... | " ORDER_MATCH_USAGE " | --all",
	    "make parts due now", false },
	{ "hold", cmd_hold,
	    "[--why TEXT] [--json] QID ... | " ORDER_MATCH_USAGE " | --list",
	    "keep mail in the queue until a person decides", false },
	{ "release", cmd_release,
	    "[--why TEXT] [--json] QID ... | " ORDER_MATCH_USAGE,
	    "put held mail back into the queue, due now", false },
	{ "cancel", cmd_cancel,
	    "[--why TEXT] [--json] QID ... | " ORDER_MATCH_USAGE,
	    "end mail without a notice", false },
	{ "move", cmd_move,
	    "[--why TEXT] [--json] QID ... | " ORDER_MATCH_USAGE
	    " --to QUEUE | [--to-tenant NAME] [--to-campaign NAME] "
	    "[--to-domain NAME]",
	    "put mail into another queue", false },
	{ "suspend", cmd_suspend,
	    "[--json] [--list] | [--for SPAN] [--why TEXT] " ORDER_MATCH_USAGE,
	    "keep queues from delivering, for a time", false },
	{ "resume", cmd_resume,
	    "[--why TEXT] [--json] NUMBER ... | " ORDER_MATCH_USAGE " | --all",
	    "end a suspension", false },
	{ "rescan", cmd_rescan, "[--bytes] [--json]",
	    "compare the spool with the queues now", false },
	{ "mailq", cmd_mailq, "", "the queue as other systems print it", true },
	{ "sendmail", cmd_sendmail, "[OPTION ...] [RECIPIENT ...]",
	    "take a message from standard input", true },
	{ "help", cmd_help, "", "this list", false },
};

int
cmd_help(struct ctl *ctl)
{
	size_t i;

	ctl_check_args(ctl, 0, 0);
	(void)printf("usage: holdfast [-c FILE] COMMAND ...\n\n");
	for (i = 0; i < COUNT_OF(commands); i++)
		(void)printf("  %s%s%s\n          %s\n", commands[i].name,
		    commands[i].usage[0] == '\0' ? "" : " ", commands[i].usage,
		    commands[i].doc);
	(void)printf("\nFILE is the configuration; without -c that of "
	             "HOLDFAST_CONF, else\n" CTL_CONF_DEFAULT "\n");
	return CTL_FINE;
}

static const struct command *
find(const char *name)
{
	size_t i;

	for (i = 0; i < COUNT_OF(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

static const char *
default_conf(void)
{
	const char *path = getenv("HOLDFAST_CONF");

	return path != NULL && path[0] != '\0' ? path : CTL_CONF_DEFAULT;
}

/* Takes "-c FILE" out of what stands before the sub-command. */
static void
take_conf(struct ctl *ctl)
{
	if (ctl->argc == 0 || strcmp(ctl->argv[0], "-c") != 0)
		return;
	if (ctl->argc < 2)
		ctl_die(EXIT_PERM, "-c: give the configuration file");
	ctl->conf_path = ctl->argv[1];
	ctl->argc -= 2;
	ctl->argv += 2;
}

static int
call(struct ctl *ctl)
{
	int status = ctl->command->run(ctl);

	conf_free(&ctl->conf);
	free(ctl->state_dir);
	return status;
}

int
main(int argc, char **argv)
{
	struct ctl ctl = {
		.conf_path = default_conf(), .argc = argc - 1, .argv = argv + 1
	};

	/* As sendmail or mailq: the name of the binary is the command. */
	ctl.command = argc > 0 ? find(base_name(argv[0])) : NULL;
	if (ctl.command != NULL && ctl.command->is_raw) {
		ctl.argc = argc;
		ctl.argv = argv;
		return call(&ctl);
	}
	take_conf(&ctl);
	if (ctl.argc == 0)
		ctl_die(EXIT_PERM, "which command? See: holdfast help");
	if (strcmp(ctl.argv[0], "--version") == 0) {
		(void)printf("holdfast " HOLDFAST_VERSION "\n");
		return CTL_FINE;
	}
	ctl.command = find(ctl.argv[0]);
	if (ctl.command == NULL)
		ctl_die(EXIT_PERM, "%s: unknown command. See: holdfast help",
		    ctl.argv[0]);
	if (!ctl.command->is_raw) {
		ctl.argc--;
		ctl.argv++;
	}
	return call(&ctl);
}
