/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_misc: the verbs that need no more than an answer. */
#include "smtpd/cmd.h"
#include "smtpd/session.h"
#include "util/mail/command.h"

void
cmd_rset(struct session *s, const struct command *cmd)
{
	(void)cmd;
	session_reset(s);
	session_reply(s, STR("250 2.0.0 Ok"));
}

void
cmd_noop(struct session *s, const struct command *cmd)
{
	(void)cmd;
	session_reply(s, STR("250 2.0.0 Ok"));
}

/* RFC 5321 7.3 allows 252 where nothing is to be told. */
void
cmd_vrfy(struct session *s, const struct command *cmd)
{
	(void)cmd;
	session_reply(
	    s, STR("252 2.5.0 Addresses are not verified here; RCPT tells"));
}

void
cmd_help(struct session *s, const struct command *cmd)
{
	(void)cmd;
	session_reply(s,
	    STR("214 2.0.0 HELO EHLO MAIL RCPT DATA RSET NOOP VRFY HELP "
	        "QUIT"));
}

void
cmd_quit(struct session *s, const struct command *cmd)
{
	(void)cmd;
	session_reply(s, STR("221 2.0.0 Bye"));
	session_close(s);
}

void
cmd_refused(struct session *s, const struct command *cmd)
{
	session_refuse(s, verb_text(cmd->verb), "not offered",
	    STR("502 5.5.1 Command is not offered here"));
}
