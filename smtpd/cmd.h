/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd: what each verb does; called where the table of session.c allows it. */
#ifndef SMTPD_CMD_H
#define SMTPD_CMD_H

struct command;
struct session;

/* One verb: answers with session_reply() or session_refuse(), and moves the
 * session on. cmd and its views live until it returns. */
typedef void cmd_fn(struct session *s, const struct command *cmd);

cmd_fn cmd_helo; /* HELO and EHLO */
cmd_fn cmd_mail;
cmd_fn cmd_rcpt;
cmd_fn cmd_data;
cmd_fn cmd_rset;
cmd_fn cmd_noop;
cmd_fn cmd_vrfy;
cmd_fn cmd_help;
cmd_fn cmd_quit;
cmd_fn cmd_refused; /* what this server does not do */

/* Says that MAIL is taken, now that the wait under pressure is over. */
void cmd_mail_go_on(struct session *s);

#endif /* SMTPD_CMD_H */
