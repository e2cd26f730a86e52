/* SPDX-License-Identifier: BSD-2-Clause */
/* args: arguments of a sub-command, and what is said of wrong ones. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

void
ctl_die(int status, const char *fmt, ...)
{
	va_list args;

	(void)fflush(stdout);
	(void)fputs("holdfast: ", stderr);
	va_start(args, fmt);
	(void)vfprintf(stderr, fmt, args);
	va_end(args);
	(void)fputc('\n', stderr);
	exit(status);
}

void
ctl_usage(const struct ctl *ctl, const char *fmt, ...)
{
	va_list args;

	(void)fprintf(stderr, "holdfast %s: ", ctl->command->name);
	va_start(args, fmt);
	(void)vfprintf(stderr, fmt, args);
	va_end(args);
	(void)fprintf(stderr, "\nusage: holdfast [-c FILE] %s %s\n",
	    ctl->command->name, ctl->command->usage);
	exit(EXIT_PERM);
}

/* Takes n arguments out, from the i-th on. */
static void
take(struct ctl *ctl, int i, int n)
{
	memmove(&ctl->argv[i], &ctl->argv[i + n],
	    (size_t)(ctl->argc - i - n) * sizeof(ctl->argv[0]));
	ctl->argc -= n;
}

bool
ctl_take_flag(struct ctl *ctl, const char *flag)
{
	int i;

	for (i = 0; i < ctl->argc; i++)
		if (strcmp(ctl->argv[i], flag) == 0) {
			take(ctl, i, 1);
			return true;
		}
	return false;
}

const char *
ctl_take_option(struct ctl *ctl, const char *option)
{
	size_t len = strlen(option);
	const char *value;
	int i;

	for (i = 0; i < ctl->argc; i++) {
		if (strncmp(ctl->argv[i], option, len) != 0)
			continue;
		if (ctl->argv[i][len] == '=') {
			value = ctl->argv[i] + len + 1;
			take(ctl, i, 1);
			return value;
		}
		if (ctl->argv[i][len] != '\0')
			continue;
		if (i + 1 == ctl->argc)
			ctl_usage(ctl, "%s: give its value", option);
		value = ctl->argv[i + 1];
		take(ctl, i, 2);
		return value;
	}
	return NULL;
}

void
ctl_check_args(const struct ctl *ctl, int min, int max)
{
	int i;

	for (i = 0; i < ctl->argc; i++)
		if (ctl->argv[i][0] == '-')
			ctl_usage(ctl, "%s: unknown option", ctl->argv[i]);
	if (ctl->argc < min)
		ctl_usage(ctl, "too few arguments");
	if (ctl->argc > max)
		ctl_usage(ctl, "%s: one argument too many", ctl->argv[max]);
}
