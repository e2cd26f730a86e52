/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl: what the sub-commands of holdfast share. */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/base/fatal.h"
#include "util/conf/conf.h"
#include "util/proto/call.h"
#include "util/text/str.h"

/* Exit statuses beside EXIT_PERM (wrong use, configuration) and EXIT_TEMP
 * (not reachable, try again). */
enum { CTL_FINE = 0, CTL_FOUND = 1 };

#define CTL_CONF_DEFAULT "/etc/holdfast/holdfast.conf"
/* Longest path that a command makes. */
#define CTL_PATH_BYTES 4352
/* What a daemon gets to answer in. */
#define CTL_ANSWER_MS 30000

/* One call of the command. */
struct ctl {
	const struct command *command;
	const char *conf_path; /* -c, HOLDFAST_CONF, or the default */
	int argc;              /* arguments behind the sub-command's name; */
	char **argv;           /* -c, and what was taken, is not among them */
	struct conf *conf;     /* NULL before ctl_conf() */
	char *state_dir;       /* NULL before ctl_state_dir() */
};

/* A sub-command: a file ctl/cmd_NAME.c and a line in the table of main.c. */
struct command {
	const char *name;
	int (*run)(struct ctl *ctl); /* returns the exit status */
	const char *usage;           /* behind its name: "QID [--json]" */
	const char *doc;             /* one line for help */
	bool is_raw; /* argv is as it came, name first: sendmail */
};

int cmd_cancel(struct ctl *ctl);
int cmd_cat(struct ctl *ctl);
int cmd_check(struct ctl *ctl);
int cmd_help(struct ctl *ctl);
int cmd_hold(struct ctl *ctl);
int cmd_mailq(struct ctl *ctl);
int cmd_move(struct ctl *ctl);
int cmd_queue(struct ctl *ctl);
int cmd_release(struct ctl *ctl);
int cmd_reload(struct ctl *ctl);
int cmd_rescan(struct ctl *ctl);
int cmd_resume(struct ctl *ctl);
int cmd_retry(struct ctl *ctl);
int cmd_run(struct ctl *ctl);
int cmd_sendmail(struct ctl *ctl);
int cmd_start(struct ctl *ctl);
int cmd_upgrade(struct ctl *ctl);
int cmd_status(struct ctl *ctl);
int cmd_stop(struct ctl *ctl);
int cmd_suspend(struct ctl *ctl);
int cmd_why(struct ctl *ctl);

/* --- arguments ------------------------------------------------------------ */

/* Whether the flag ("--json") was given; takes it out of argv. */
bool ctl_take_flag(struct ctl *ctl, const char *flag);

/* The value of an option ("--match X" or "--match=X"), or NULL; takes both out
 * of argv. Given without value: ends with usage. */
const char *ctl_take_option(struct ctl *ctl, const char *option);

/* Ends with usage unless between min and max arguments are left, none of which
 * looks like an option. Called when all flags are taken. */
void ctl_check_args(const struct ctl *ctl, int min, int max);

/* Says what is wrong, and how the command is used; ends with EXIT_PERM. */
NORETURN void ctl_usage(const struct ctl *ctl, const char *fmt, ...)
    PRINTF_LIKE(2, 3);

/* Ends with status, after "holdfast: ..." on standard error. */
NORETURN void ctl_die(int status, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* --- where things are ----------------------------------------------------- */

/* The configuration, read at the first call; errors are printed, and end the
 * command with EXIT_PERM, sendmail and mailq with EX_CONFIG. */
const struct conf *ctl_conf(struct ctl *ctl);

/* Path of a daemon's binary, found from our own. path has CTL_PATH_BYTES. */
void ctl_libexec(const char *name, char *path);

/* Executes the master with this option, or none if NULL: the same process, so
 * that whoever started us watches the master itself. */
NORETURN void ctl_become_master(struct ctl *ctl, const char *option);

/* state_dir, terminated. A configuration that has errors elsewhere is good
 * enough for it: whoever edits one can still look at the relay, and stop it. */
const char *ctl_state_dir(struct ctl *ctl);

/* state_dir and name: "run/master". path has CTL_PATH_BYTES. */
void ctl_state_path(struct ctl *ctl, const char *name, char *path);

/* Whether any process of the instance lives: whether spool/lock is held. */
bool ctl_is_locked(struct ctl *ctl);

/* --- talking to daemons --------------------------------------------------- */

/*
 * Connects to run/NAME, with CTL_ANSWER_MS from now as the deadline. To qmgr
 * and shaper it says HELLO. call_fini() in every case.
 *
 * ERR_NOTFOUND	the relay is not running
 */
MUST_USE enum err ctl_connect(
    struct ctl *ctl, const char *name, struct call *call);

/* The same. False: the relay is not running, and there is nothing to finish.
 * What else is wrong ends the command with EXIT_TEMP. */
bool ctl_try_connect(struct ctl *ctl, const char *name, struct call *call);

/* The same; a relay that is not running is wrong as well. */
void ctl_must_connect(struct ctl *ctl, const char *name, struct call *call);

/* The next frame, borrowed as of call_next(); what is wrong ends the command
 * with EXIT_TEMP. */
struct frame *ctl_must_next(struct call *call);

/* A result of call_send_X() or msg_X_decode(): what is not ERR_OK ends the
 * command with EXIT_TEMP. */
void ctl_must(enum err err, const char *what);

/* Prints the text of an ANSWER frame, unless it is empty: to standard output
 * if it went well. Returns its status. */
int ctl_print_answer(const struct frame *f);

/* --- output --------------------------------------------------------------- */

/* A buffer for a JSON text or a page of rows, of size bytes; ends the command
 * when there is no memory. Freed with free(out->ptr). */
void ctl_out_init(struct outbuf *out, size_t size);

/* Writes all of out and empties it. A reader that went away ends the command
 * silently. */
void ctl_out_print(struct outbuf *out);

/* n with commas: "1,204,118". */
void ctl_put_count(struct outbuf *out, uint64_t n);

#endif /* CTL_CTL_H */
